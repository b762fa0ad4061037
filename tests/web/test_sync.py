"""Syncs in the Field app: watched, prepared and applied, with errors told once; calendar, search, recent."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect
from tests.web.browsing import Running, app, eventually
from tests.web.test_admin import admin
from tests.web.test_rules import console

from fieldsync.base.world import system_world
from fieldsync.device.sync.account import keep_settings, read_settings
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids

pytestmark = pytest.mark.usefixtures("online")


def test_an_update_is_prepared_and_applied_without_a_network(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with app(browser, running.link("iPad"), 1) as page:
        expect(page.get_by_text("No update is prepared")).to_be_visible()
        page.get_by_role("button", name="Prepare an update").click()
        expect(page.get_by_text("An update is ready")).to_be_visible()
        ipad.go_offline()
        page.get_by_role("button", name="Apply update").click()
        expect(page.get_by_text("No update is prepared")).to_be_visible()
        page.get_by_role("link", name="Sync", exact=True).click()
        page.get_by_role("row", name=re.compile("Update in the background")).get_by_role("link").click()
        expect(page.get_by_text("Done", exact=True)).to_be_visible()
        expect(page.get_by_text("You", exact=True)).to_be_visible()
    assert ipad.syncs()[0].successful


def test_a_sync_is_watched_to_its_end(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad")) as page:
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        running.devices[0].go_offline()
        page.reload()
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("There is no connection to the server.")


def test_off_wifi_a_big_download_is_asked_about_first(browser: Browser, running: Running) -> None:
    """As far as the browser tells; No starts nothing, and Yes is asked once."""
    ipad = running.devices[0]
    with ipad._store.write() as work:
        keep_settings(work, msgspec.structs.replace(read_settings(work), off_wifi_megabytes=1))
    assert ipad.updates.full_bytes() > 1_000_000
    syncs, asked, answers = len(ipad.syncs()), list[str](), ["dismiss", "accept"]

    def told(dialog: Dialog) -> None:
        asked.append(dialog.message)
        getattr(dialog, answers.pop(0))()

    with app(browser, running.link("iPad"), 1) as page:
        page.on("dialog", told)
        page.add_init_script("Object.defineProperty(navigator, 'connection', { value: { type: 'cellular' } })")
        page.goto("/sync")
        with page.expect_event("dialog"):
            page.get_by_role("button", name="Refresh", exact=True).click()
        assert asked[0].startswith("Load everything anew?")
        assert "this device is not on Wi-Fi" in asked[0]
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        assert len(asked) == 1, "what changed is little"
        assert len(ipad.syncs()) == syncs + 1
        with ipad._store.write() as work:
            keep_settings(work, msgspec.structs.replace(read_settings(work), off_wifi_megabytes=1))
        page.goto("/sync")
        page.get_by_role("button", name="Refresh", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        assert len(asked) == 2
        assert (ipad.syncs()[0].kind, ipad.syncs()[0].successful) == ("full", True)


def test_loading_anew_is_asked_for_put_off_and_taken(browser: Browser, running: Running) -> None:
    due = (system_world().clock.now() + timedelta(days=5)).date()
    with console(browser, running) as page:
        page.goto("/console/versions")
        what_is_past_is_refused(page)
        ask(page, "Ask for it", due.isoformat(), "Prices will be new")
        ask(page, "Ask anew", due.isoformat(), "Prices are new")
        expect(page.get_by_text("“Prices are new”")).to_be_visible()
        expect(owing_in(page).filter(has_text="iPhone")).to_have_count(1)
        page.goto("/console/devices")
        expect(page.get_by_role("row", name=re.compile(f"iPhone .*To load anew by {due}"))).to_have_count(1)
    for device in running.devices:
        device.sync()
    with app(browser, running.link("iPad"), 1) as page:
        note = page.get_by_role("note")
        expect(note).to_contain_text("A new version of the data is ready. Take it by")
        expect(note).to_contain_text("Prices are new")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        note.get_by_role("button", name="Later").click()
        expect(note).to_be_hidden()
        page.reload()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        expect(note).to_be_hidden()
    with app(browser, running.link("iPhone")) as page:
        page.get_by_role("button", name="Take it now").click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        expect(page.get_by_role("note")).to_be_hidden()
    with console(browser, running) as page:
        page.goto("/console/versions")
        expect(owing_in(page).filter(has_text="iPad")).to_have_count(1)
        expect(owing_in(page).filter(has_text="iPhone")).to_have_count(0)
        page.get_by_role("button", name="Take it back").click()
        expect(page.get_by_role("status")).to_contain_text("It is taken back.")
    for device in running.devices:
        device.sync()


def ask(page: Page, how: str, due: str, message: str) -> None:
    page.get_by_text(how).click()
    page.get_by_label("Due").fill(due)
    page.get_by_label("Message to people").fill(message)
    page.get_by_role("button", name="Ask devices").click()
    expect(page.get_by_role("status")).to_contain_text("Devices hear of it with their next sync.")


def what_is_past_is_refused(page: Page) -> None:
    told = {"page_token": page.locator("[name=page_token]").first.input_value(), "message": "Prices are old"}
    own = {"origin": page.url.removesuffix("/console/versions")}
    refused = page.request.post("/console/versions/reload", form={**told, "due": "2020-01-01"}, headers=own)
    assert (refused.status, "it is in the past" in refused.text()) == (422, True)
    assert 'value="Prices are old"' in refused.text(), "what was typed stays"


def owing_in(page: Page) -> Locator:
    return page.get_by_role("table", name="Have not done it").get_by_role("row")


def test_errors_are_told_once_after_a_sync_and_as_a_note_after_autosync(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id

    def conflict(field: str) -> None:
        ipad.go_offline()
        with ipad.edit() as edit:
            edit.update("Account", account, {field: "mine@ipad.example"})
        with iphone.edit() as edit:
            edit.update("Account", account, {field: "theirs@iphone.example"})
        eventually(lambda: not iphone.queue())

    with app(browser, running.link("iPad"), 1) as page:
        conflict("Email")
        ipad.stop()
        ipad.go_online()
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()
        ipad.start()
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("dialog")).to_contain_text("1 save was not accepted")
        page.get_by_role("button", name="Later").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.reload()
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        ipad.undo(ipad.errors()[0].n)

        conflict("Description")
        ipad.go_online()
        expect(page.get_by_role("status").filter(has_text="1 save was not accepted.").last).to_be_visible()
        page.locator(".note").get_by_role("link", name="Show").click()
        expect(page.get_by_text("theirs@iphone.example").first).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Fix").click()
        page.goto("/errors")
        page.get_by_role("button", name="Send diagnostic file").click()
        expect(page.get_by_text("The diagnostic file is with your admin.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()


def test_the_day_is_found_in_calendar_search_and_recent(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    [call] = ipad.find("Call", where={"Status": "Planned"}, order_by="Call_Date", limit=1)
    name = str(ipad.name_of("Account", call.values["AccountId"]))  # type: ignore[arg-type]
    with app(browser, running.link("iPad"), 1) as page:
        page.get_by_role("link", name="Calendar").first.click()
        page.get_by_role("button", name="Day", exact=True).click()
        page.goto(f"/calendar?show=day&day={str(call.values['Call_Date'])[:10]}")  # today, when the demo was made
        page.get_by_role("link", name=re.compile(name)).first.click()
        expect(page.get_by_role("heading", name=f"Call {call.values['Name']}")).to_be_visible()
        page.get_by_role("link", name="Home").click()
        expect(page.get_by_role("region", name="Recently viewed")).to_contain_text(str(call.values["Name"]))
        page.get_by_label("Find anything").fill(name)
        page.keyboard.press("Enter")
        page.get_by_role("link", name=name).first.click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_account_that_is_not_on_the_device_is_found_online_and_got(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with seeding_org(running.uri, "demo", system_world()) as seeding:
        [new] = mint_ids(seeding, "Account", 1)
        mine = {"OwnerId": ipad.account.user.id}  # type: ignore[union-attr]
        insert_rows(seeding, "Account", [{"Id": new, "Name": "Dr. Zara Newcombe", "LastName": "Newcombe", **mine}])
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/search?q=Newcombe")
        expect(page.get_by_text("Nothing on this device matches")).to_be_visible()
        page.get_by_role("button", name="Look for accounts online").click()
        page.get_by_role("button", name="Get Dr. Zara Newcombe").click()
        expect(page.get_by_role("heading", name="Dr. Zara Newcombe")).to_be_visible()
        assert ipad.get("Account", new) is not None
        with admin(browser, running) as desk:
            desk.goto(f"/console/objects/Account/{new}/edit")
            desk.get_by_label("Phone", exact=True).fill("+44 113 496 0555")
            desk.get_by_role("button", name="Save").click()
            expect(desk.get_by_role("heading", name="Newcombe")).to_be_visible()
        page.goto(f"/objects/Account/{new}")
        expect(page.get_by_role("link", name="+44 113 496 0555")).to_be_hidden()
        page.get_by_role("button", name="Sync this record").click()
        expect(page.get_by_role("link", name="+44 113 496 0555")).to_be_visible()
        ipad.go_offline()
        page.goto("/search?q=Newcombe")
        page.get_by_role("button", name="Look for accounts online").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no connection to the server.")
