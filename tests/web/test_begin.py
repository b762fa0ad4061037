"""A first start in the app, with every way it fails; several people on one device; the lock that closes the store."""

from __future__ import annotations

import gc
import math
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.ports import free_port
from tests.web.beginning import Opened, Vault, answering, opened, relayed
from tests.web.browsing import Running, app, eventually

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SystemClock
from fieldsync.cli.demo.people import ORG, PASSWORD, SARAH, TOM, Person
from fieldsync.device import Device, Record
from fieldsync.device.keys.latch import TRIES_MAX
from fieldsync.device.media.media import NewFile
from fieldsync.device.store.store import Store
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import Greeting

PIN, OTHER_PIN = "190745", "604218"


def server_of(running: Running) -> str:
    return running.console.removesuffix("/console")


@pytest.fixture(scope="module")
def device(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A machine with a key store, on which Tom and Sarah have begun."""
    with opened(tmp_path_factory.mktemp("machine"), Vault()) as one:
        for who, pin in ((SARAH, OTHER_PIN), (TOM, PIN)):
            begin(one, server_of(running), who, pin)
        yield one


def begin(one: Opened, server: str, who: Person, pin: str) -> None:
    """A first start without its pages, download and all."""
    one.hall.seat.leave()
    one.hall.beginning.server = server
    one.hall.sign_in(ORG, who.username, PASSWORD)
    one.hall.keep(pin)
    here(one).sync()
    here(one).media.sync()


def here(one: Opened) -> Device:
    field = one.hall.seat.field
    assert field is not None
    return field.device


def key_of(device: Device) -> bytes:
    """What opens this store, for a test that wants to open it a second time."""
    return device._store._key


def left_of(folder: Path) -> list[object]:
    """What of a closed store this process still has: the store itself, records, what a device did."""
    gc.collect()
    found = gc.get_objects()
    stores = [one for one in found if isinstance(one, Store) and one.folder == folder]
    return [*stores, *(one for one in found if isinstance(one, Record | Device) and len(stores) > 0)]


def failure(page: Page, name: str) -> None:
    """The page of this failure, with something to do; then the way back."""
    expect(page.locator(f"[data-failure={name}]")).to_be_visible()
    expect(page.locator(".advice li").first).to_be_visible()
    page.get_by_role("button", name="Try again").click()


def test_a_first_start_asks_everything_and_names_each_way_it_fails(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    newer = msgspec.json.encode(Greeting("ok", "9.0", "fieldsync", (7,)))
    older = msgspec.json.encode({"status": "ok", "version": "0.0", "service": "fieldsync"})
    with (
        answering(b"<h1>Accept our terms</h1>") as portal,
        answering(newer, "application/json") as new,
        answering(older, "application/json") as old,
        opened(tmp_path, Vault()) as one,
        app(browser, one.link, 1) as page,
    ):
        wrong = (
            ("what is this", "no-address"),
            (f"127.0.0.1:{free_port()}", "no-network"),
            (portal, "not-fieldsync"),
            (new, "server-too-new"),
            (old, "server-too-old"),
        )
        for typed, name in wrong:
            page.get_by_label("Server address").fill(typed)
            page.get_by_role("button", name="Continue").click()
            failure(page, name)
        page.get_by_label("Server address").fill(running.console)
        page.get_by_role("button", name="Continue").click()
        for org, password in (("nowhere", PASSWORD), (ORG, "not the password")):
            sign_in(page, org, TOM.username, password)
            failure(page, "wrong-password")
        sign_in(page, ORG, TOM.username, PASSWORD)
        for first, second, said in (("111111", "111111", "first"), (PIN, "190746", "not the same")):
            choose(page, first, second)
            expect(page.get_by_role("alert")).to_contain_text(said)
        choose(page, PIN, PIN)
        expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
        page.get_by_role("button", name="Begin without").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
        (person,) = one.people.all()
        assert (person.about.username, person.about.server) == (TOM.username, server_of(running))


def choose(page: Page, first: str, second: str) -> None:
    page.get_by_label("New PIN").fill(first)
    page.get_by_label("The same again").fill(second)
    page.get_by_role("button", name="Continue").click()


def sign_in(page: Page, org: str, username: str, password: str) -> None:
    page.get_by_label("Org").fill(org)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_who_is_there_opens_only_the_own_store(browser: Browser, device: Opened) -> None:
    device.hall.seat.leave()
    with app(browser, device.link, 1) as page:
        expect(page.get_by_role("heading", name="Who is there?")).to_be_visible()
        page.get_by_role("link", name="Sarah").click()
        page.get_by_label("PIN").fill(PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("not your PIN")
        page.get_by_label("PIN").fill(OTHER_PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        page.get_by_role("button", name="People").click()
        expect(page.get_by_text(TOM.username)).to_be_visible()
        page.get_by_role("button", name="Lock").click()
        page.get_by_role("link", name="Tom").click()
        page.get_by_label("PIN").fill(PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()


def test_the_lock_closes_the_store_and_drafts_outlive_it(browser: Browser, device: Opened) -> None:
    tom = next(p for p in device.people.all() if p.about.username == TOM.username)
    device.hall.seat.leave()
    device.hall.unlock(tom, PIN)
    account = here(device).find("Account", limit=1)[0].id
    with app(browser, device.link, 1) as page:
        page.goto(f"/objects/Call/new?AccountId={account}")
        page.get_by_label("Notes").first.fill("half a thought")
        eventually(lambda: here(device).drafts.get(f"new-Call-{account}") is not None)
        held = key_of(here(device))
        device.hall.seat.leave()
        expect(page.get_by_role("heading", name="Who is there?")).to_be_visible()
        eventually(lambda: left_of(tom.folder) == [])
        again = Device.open(tom.folder, held, world=device.hall.world, transport=HttpTransport(tom.about.server))
        again.close()
        answer = page.request.get("/parts/today")
        assert (answer.status, answer.text()) == (423, "Locked.")
        page.get_by_role("link", name="Tom").click()
        page.get_by_label("PIN").fill(PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
        page.goto(f"/objects/Call/new?AccountId={account}")
        expect(page.get_by_label("Notes").first).to_have_value("half a thought")


def test_opening_takes_less_than_a_second(device: Opened) -> None:
    tom = next(p for p in device.people.all() if p.about.username == TOM.username)
    taken = [math.inf]
    while min(taken) >= 1 and len(taken) < 10:  # the best of them: the machine may be busy with others
        device.hall.seat.leave()
        began = time.monotonic()
        device.hall.unlock(tom, PIN)
        taken.append(time.monotonic() - began)
    assert min(taken) < 1


class Ahead(SystemClock):
    """A clock that the test moves."""

    seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.seconds)


def test_it_locks_after_the_minutes_the_admin_set_also_when_the_machine_slept(running: Running, tmp_path: Path) -> None:
    clock = Ahead()
    with opened(tmp_path, Vault(), clock) as one:
        begin(one, server_of(running), TOM, PIN)
        account = here(one).account
        assert account is not None
        minutes = account.settings.idle_minutes
        one.hall.seat.idle.touch()
        clock.seconds = minutes * 60 - 60
        one.hall.seat.look()
        assert one.hall.seat.field is not None
        one.hall.seat.idle.touch()
        clock.seconds += minutes * 60 + 5
        one.hall.seat.look()
        assert one.hall.seat.field is None


def test_too_many_wrong_pins_leave_the_password_online_and_lose_nothing(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    with opened(tmp_path, Vault()) as one:
        begin(one, server_of(running), TOM, PIN)
        here(one).go_offline()
        account = here(one).find("Account", limit=1)[0].id
        with here(one).edit() as edit:
            edit.update("Account", account, {"Description": "saved offline, before the PIN was lost"})
        (tom,) = one.people.all()
        before = {path: path.read_bytes() for path in tom.folder.iterdir() if path.suffix == ".json"}
        one.hall.seat.leave()
        for _ in range(TRIES_MAX):
            with pytest.raises(Refused):
                one.people.latch(tom).open("000001")
        for path, content in before.items():
            path.write_bytes(content)
        with pytest.raises(Refused) as caught:
            one.people.latch(tom).open(PIN)
        assert caught.value.problem.code is Code.WRONG_KEY, "an older copy of the folder gives no new tries"
        with app(browser, one.link, 1) as page:
            expect(page.get_by_role("heading", name="Open with your password")).to_be_visible()
            for password, new in (("not the password", PIN), (PASSWORD, OTHER_PIN)):
                page.get_by_label("Password").fill(password)
                page.get_by_label("New PIN").fill(new)
                page.get_by_label("The same again").fill(new)
                page.get_by_role("button", name="Open").click()
                if password != PASSWORD:
                    failure(page, "wrong-password")
            expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
            found = here(one).get("Account", account)
            assert found is not None
            assert found.values["Description"] == "saved offline, before the PIN was lost"
            one.hall.seat.leave()
            one.hall.unlock(tom, OTHER_PIN)


def test_signed_out_keeps_what_waits_and_removal_names_it(browser: Browser, running: Running, tmp_path: Path) -> None:
    with opened(tmp_path, Vault()) as one:
        begin(one, server_of(running), TOM, PIN)
        here(one).go_offline()
        account = here(one).find("Account", limit=1)[0].id
        with here(one).edit() as edit:
            edit.update("Account", account, {"Description": f"not sent by {tmp_path.name}"})
            values = {"Name": "Photo of the desk", "AccountId": account}
            here(one).media.attach(edit, "Attachment", values, NewFile("desk.png", "image/png", b"a picture"))
        with app(browser, one.link, 1) as page:
            page.goto("/people")
            page.get_by_role("button", name="Sign out").click()
            page.get_by_label("PIN").fill(PIN)
            page.get_by_role("button", name="Open").click()
            expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
            assert [entry.object for entry in here(one).queue()] == ["Account", "Attachment"]
            expect(page.locator(".widget.error")).to_contain_text("You are signed out")
            expect(page.locator(".widget").get_by_role("link", name="Sign in again")).to_be_visible()
            page.goto("/people")
            told = page.locator(".notice.bad", has_text="2 saves are only here").filter(has_text="1 file is only here")
            expect(told.get_by_role("listitem").filter(has_text=re.compile("^Photo of the desk$"))).to_be_visible()
            page.get_by_role("button", name="Remove everything of mine").click()
            expect(page.get_by_role("alert")).to_contain_text("Send what waits first")
            here(one).go_offline()  # or it is sent before anybody can say that it may be lost
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in again").click()
            expect(page.get_by_role("status")).to_contain_text("signed in again")
            (folder,) = (p.folder for p in one.people.all())
            page.get_by_label("Lose them").check()
            page.get_by_role("button", name="Remove everything of mine").click()
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            assert not folder.exists()


def test_a_download_that_is_cut_says_so_and_goes_on(browser: Browser, running: Running, tmp_path: Path) -> None:
    with relayed(server_of(running)) as (address, network), opened(tmp_path, Vault()) as one:
        one.hall.beginning.server = address
        one.hall.sign_in(ORG, TOM.username, PASSWORD)
        with app(browser, one.link, 1) as page:
            expect(page.get_by_role("heading", name="Choose a PIN")).to_be_visible()
            network.cut_after(20_000)
            choose(page, PIN, PIN)
            expect(page.locator("[data-failure=cut], [data-failure=no-network]")).to_be_visible()
            network.mend()
            page.get_by_role("button", name=re.compile("Go on|Try again")).click()
            expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
            assert here(one).count("Account") > 0
