"""The network goes away in the middle of every kind of sync a person starts: the page says so, and pressed again it
goes on; nothing is lost. And the sync that is due: asked about at sign-in, after too many days a whole one."""

from __future__ import annotations

import re
import secrets
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, expect
from tests.web.begin_walk import MORE, accounts, accounts_of, territory_of, two_territories
from tests.web.beginning import Opened, Relay
from tests.web.browsing import Running, app, eventually
from tests.web.test_begin import PIN, Ahead, here, server_of
from tests.web.test_content import publish

from fieldsync.base.ids import RecordId
from fieldsync.base.version import VERSION
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, PASSWORD, TOM
from fieldsync.device import Device, DeviceDescription, SyncKind
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.media import PIECE_BYTES
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import Platform
from fieldsync.server.media.keep import put
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids
from fieldsync.web.field.context import Field

MANY, BYTES = 300, 25_000
"""So many new accounts take more than so many bytes, however they are packed."""


def add_many(running: Running, one: Opened) -> None:
    """News online for him."""
    account = here(one).account
    assert account is not None
    mine: dict[str, object] = {"OwnerId": account.user.id}
    with seeding_org(running.uri, ORG, system_world()) as seeding:
        named = [{"Name": f"N{n}", "LastName": f"N{n}", "Description": secrets.token_hex(300)} for n in range(MANY)]
        insert_rows(seeding, "Account", [each | mine for each in named], checked=False)


def attach(running: Running, device: Device, call: RecordId, body: bytes) -> RecordId:
    """A photo of his on a call, as another device of his sent it."""
    account, world = device.account, system_world()
    assert account is not None
    with seeding_org(running.uri, ORG, world) as seeding:
        [photo] = mint_ids(seeding, "Attachment", 1)
        checksum = put(seeding.connection, RecordRef("Attachment", photo), body, world.clock)
        about = {"Name": "shelf.jpg", "CallId": call, "OwnerId": account.user.id, "Media_Type": "image/jpeg"}
        insert_rows(seeding, "Attachment", [{"Id": photo, **about, "Checksum": checksum, "Bytes": len(body)}])
    return photo


def cut_and_again(page: Page, network: Relay, press: str, said: str, done: str) -> None:
    """Press it, lose the network on the way, read what is said; press again with a network."""
    network.cut_after(BYTES)
    old = page.get_by_text(said)
    page.evaluate("element => element?.remove()", old.element_handle() if old.count() else None)
    page.get_by_role("button", name=press, exact=True).click()
    expect(page.get_by_text(said)).to_be_visible()
    network.mend()
    again = page.get_by_role("button", name="Try again")
    (again if again.count() else page.get_by_role("button", name=press, exact=True)).click()
    expect(page.get_by_text(done).first).to_be_visible()


def test_each_sync_that_is_cut_says_so_and_goes_on_when_pressed_again(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    device = here(one)
    mine = device.find("Account", limit=1)[0].id
    before = device.count("Account")
    with app(browser, one.link, 1) as page:
        device.stop()
        with device.edit() as edit:
            edit.update("Account", mine, {"Description": "sent while the network went"})
        add_many(running, one)
        network.cut_after(150)
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_text("Sync did not finish")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("There is no connection to the server.")
        cut_and_again(page, network, "Try again", "Sync did not finish", "Sync is done")
        assert (device.queue(), device.errors(), device.count("Account")) == ([], [], before + MANY)
        device.start()
        page.get_by_role("button", name="Continue").or_(page.get_by_role("button", name="No, later")).click()
        add_many(running, one)
        could_not, ready = "The update could not be prepared", "An update is ready"
        cut_and_again(page, network, "Prepare an update", could_not, ready)
        page.get_by_role("button", name="Apply update").click()
        eventually(lambda: device.count("Account") == before + 2 * MANY)

        page.goto("/sync")
        page.on("dialog", lambda dialog: dialog.accept())
        cut_and_again(page, network, "Refresh", "Sync did not finish", "Sync is done")
        assert (device.syncs()[0].kind, device.syncs()[0].successful) == (SyncKind.FULL, True)
        assert device.count("Account") == before + 2 * MANY


def test_a_sync_is_canceled_on_its_way_and_the_other_kinds_are_started_by_hand(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    with app(browser, one.link, 1) as page:
        add_many(running, one)
        network.stand_still(BYTES)
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.locator("[aria-current=step]")).to_contain_text("Getting what is new")
        with page.expect_response("**/sync/cancel"):
            page.get_by_role("button", name="Cancel").click()
        network.go_on()
        expect(page.get_by_role("heading", name="Sync canceled")).to_be_visible()
        page.get_by_role("button", name="Sync again").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        for press, kind in (("Upload only", SyncKind.UPLOAD_ONLY), ("Compare", SyncKind.VERIFY)):
            page.goto("/sync")
            page.get_by_role("button", name=press, exact=True).click()
            expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
            assert here(one).syncs()[0].kind is kind


def test_a_sync_that_is_due_is_asked_about_at_sign_in_and_after_too_many_days_everything_comes_anew(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, _network = desk
    clock, settings = one.hall.world.clock, here(one).account.settings  # type: ignore[union-attr]
    assert isinstance(clock, Ahead)
    (tom,) = one.people.all()
    syncs_at_night(browser, running, one, clock)
    clock.seconds += (settings.overdue_days + 1) * 86_400
    one.hall.seat.leave()
    one.hall.unlock(tom, PIN)
    with app(browser, one.link, 1) as page:
        expect(page.get_by_role("dialog")).to_contain_text("A sync is due")
        page.get_by_role("button", name="No, at the next sign-in").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.reload()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        clock.seconds += (settings.offline_days + 1) * 86_400
        one.hall.seat.leave()
        one.hall.unlock(tom, PIN)
        page.goto("/")
        expect(page.get_by_role("dialog")).to_contain_text("A sync is due")
        page.get_by_role("button", name="Yes", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        page.goto("/sync")
        page.get_by_role("row", name=re.compile("refresh", re.IGNORECASE)).first.get_by_role("link").click()
        expect(page.get_by_text("Too many days away")).to_be_visible()


def at_seat(one: Opened) -> Field:
    field = one.hall.seat.field
    assert field is not None
    return field


def syncs_at_night(browser: Browser, running: Running, one: Opened, clock: Ahead) -> None:
    """The page is open, nobody works: at two in the person's night the app syncs by itself, and once."""
    with seeding_org(running.uri, ORG, system_world()) as seeding:
        for name, value in (("Nightly_Sync", "true"), ("Idle_Minutes_Max", "100000")):
            insert_rows(seeding, "Sync_Setting", [{"Name": name, "Setting": name, "Value": value}])
    device, before = here(one), len(here(one).syncs()) + 1
    device.sync()
    account = device.account
    assert account is not None
    night = clock.now().astimezone(ZoneInfo(account.user.time_zone)) + timedelta(days=1)
    with app(browser, one.link, 1) as page:
        for hour, syncs in ((1, 0), (2, 1), (3, 1)):
            clock.seconds += (night.replace(hour=hour, minute=10) - clock.now()).total_seconds()
            with page.expect_response(lambda answer: "power=plugged" in (answer.request.post_data or "")):
                page.evaluate("setTimeout(() => document.dispatchEvent(new Event('visibilitychange')), 50)")
            eventually(lambda: not at_seat(one).runner.running)
            assert len(device.syncs()) == before + syncs, hour
        page.goto(f"/syncs/{device.syncs()[0].number}")
        expect(page.get_by_text("At night, while nobody worked")).to_be_visible()


def test_a_file_that_was_cut_says_so_and_comes_when_pressed_again(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    device = here(one)
    call = device.find("Call", limit=1)[0]
    film = publish(running, secrets.token_bytes(4 * PIECE_BYTES))
    photo = attach(running, device, call.id, secrets.token_bytes(4 * PIECE_BYTES))
    device.sync()
    with app(browser, one.link, 1) as page:
        page.get_by_role("dialog").get_by_role("button", name="OK").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        for address, get, come, record in (
            ("/content", "Get A new film", page.get_by_role("button", name="Present A new film"), film),
            (f"/objects/Call/{call.id}", "Get shelf.jpg", page.get_by_role("link", name="shelf.jpg"), photo),
        ):
            page.goto(address)
            for _ in range(2):
                network.cut_after(3 * PIECE_BYTES // 2)
                network.stand_still(PIECE_BYTES // 2)
                page.get_by_role("button", name=get, exact=True).click()
                expect(page.get_by_role("button", name=get, exact=True)).to_be_hidden()
                if address == "/content":
                    expect(page.get_by_text(re.compile(r"^[\d.]+ \w+ of [\d.]+ MB"))).to_be_visible()
                network.go_on()
                expect(page.get_by_text("There is no connection to the server.")).to_be_visible()
            network.mend()
            page.get_by_role("button", name=get, exact=True).click()
            expect(come).to_be_visible()
            assert device.media.size(record) == 4 * PIECE_BYTES


def test_a_switch_of_territory_that_was_cut_is_tried_again_as_a_whole(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    device = here(one)
    two_territories(running.uri)
    device.sync()
    mine, bristol, everything = min(accounts_of(device, TOM.territory)), accounts_of(device, MORE), accounts(device)
    device.stop()
    with device.edit() as edit:
        edit.update("Account", mine, {"Description": "written before he left"})
    with app(browser, one.link, 1) as page:
        page.goto("/sync")
        page.get_by_label("Work on this device in").select_option(label=f"{TOM.territory} (main territory)")
        network.cut_after(150)
        page.get_by_role("button", name="Switch").click()
        expect(page.get_by_role("heading", name="Sync did not finish")).to_be_visible()
        assert (device.territories.picked(), accounts(device)) == (None, everything)
        network.cut_after(BYTES)
        network.stand_still(BYTES // 5)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Sync is running")).to_be_visible()
        network.go_on()
        expect(page.get_by_role("heading", name="Sync did not finish")).to_be_visible()
        assert (device.territories.picked(), device.queue()) == (territory_of(device, TOM.territory), [])
        assert accounts(device) == everything, "until all of it is here, what was here stays"
        network.mend()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        assert (accounts(device), accounts_of(device, MORE), device.errors()) == (everything - bristol, set(), [])
        page.goto("/sync")
        page.get_by_label("Work on this device in").select_option(label="All my territories")
        page.get_by_role("button", name="Switch").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        assert accounts(device) == everything
    assert device.count("Account", {"Id": mine, "Description": "written before he left"}) == 1


HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    Object.defineProperty(document, "visibilityState", {configurable: true, get: () => hidden ? "hidden" : "visible"});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does as the person goes to another tab, or comes back."""


def test_what_came_while_nobody_looked_is_there_as_soon_as_somebody_does(
    browser: Browser, running: Running, desk: tuple[Opened, Relay], tmp_path: Path
) -> None:
    one, _network = desk
    device, field = here(one), one.hall.seat.field
    presence = field.presence if field is not None else None
    assert presence is not None
    account = device.find("Account", limit=1)[0].id
    with closing(other_device(running, tmp_path / "other")) as other, app(browser, one.link, 1) as page:
        page.goto(f"/accounts/{account}")
        page.evaluate(HIDDEN, True)
        eventually(lambda: presence.resting)
        with other.edit() as edit:
            edit.update("Account", account, {"Phone": "+44 1904 000 077"})
        other.sync()
        page.wait_for_timeout(700)
        assert not device.count("Account", {"Phone": "+44 1904 000 077"}), "nothing is fetched while nobody looks"
        page.evaluate(HIDDEN, False)
        expect(page.get_by_text("There is a newer version of this record.")).to_be_visible()
        page.get_by_role("button", name="Show it").click()
        expect(page.get_by_text("+44 1904 000 077")).to_be_visible()


def other_device(running: Running, folder: Path) -> Device:
    """One more of Tom's, without pages."""
    folder.mkdir()
    world = system_world()
    device = Device.open(folder, world.chance.bytes(32), world=world, transport=HttpTransport(server_of(running)))
    description = DeviceDescription(device.new_device_key(), "Other", Platform.MAC, "1", VERSION)
    device.sign_in(ORG, TOM.username, PASSWORD, description)
    device.sync()
    return device
