"""A text that is longer than its field, typed on one device and changed on the other (FEATURES L06)."""

from __future__ import annotations

import re
from contextlib import suppress

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import Running, app, eventually, save

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device import Device

LISTING = """UPDATE org_demo."Sync_Rule" SET "Attachment_Fields" = %s, "_stamp" = "_stamp" + 1
    WHERE "Object_Name" = %s"""
pytestmark = pytest.mark.usefixtures("online")


def list_notes(running: Running, name: str = "Call", field: str = "Notes") -> None:
    """A long text of a call's notes, or of this field, is a file from now on, and both devices know."""
    with psycopg.connect(running.uri) as connection:
        connection.execute(LISTING, (field, name))
    for device in running.devices:
        device.sync()


def all_of(device: Device, call: RecordId) -> str | None:
    """The notes of a call, where the file they are is here or could be fetched now."""
    with suppress(Refused):  # another sync of files is under way
        device.media.sync(new=False)
    found = device.get("Call", call)
    return device.media.text(call, "Notes", found.values["Notes"]) if found is not None else None


def test_notes_longer_than_their_field_are_typed_read_and_changed_where_all_of_them_are(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    list_notes(running)
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    notes = "What he said. " * 3_000 + "The end."
    ipad.go_offline()
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/objects/Call/{call}/edit")
        page.get_by_label("Notes", exact=True).fill(notes)
        save(page)
        expect(page.get_by_label("Notes", exact=True)).to_have_value(notes)
        page.goto(f"/objects/Call/{call}")
        all_of_it = page.get_by_role("link", name="All of it, 41 kB Notes")
        expect(all_of_it).to_be_visible()
        assert page.request.get(str(all_of_it.get_attribute("href"))).text() == notes
        page.goto(f"/objects/Call/{call}/print")
        expect(page.get_by_text("The end.")).to_be_visible()
    ipad.go_online()
    eventually(lambda: not any(item.waits for item in ipad.media.items()))
    eventually(lambda: "bytes, sha256" in str(iphone.get("Call", call).values["Notes"]))  # type: ignore[union-attr]
    with app(browser, running.link("iPhone"), 1) as page:
        page.goto(f"/objects/Call/{call}/edit")
        begun = page.get_by_label("Notes", exact=True)
        expect(begun).to_have_js_property("readOnly", value=True)
        expect(begun).to_have_accessible_description(re.compile("the file with all of it is not here"))
        page.goto(f"/objects/Call/{call}")
        page.get_by_role("button", name="Get all of it, 41 kB Notes").click()
        expect(page.get_by_role("link", name="All of it, 41 kB Notes")).to_be_visible()
        page.goto(f"/objects/Call/{call}/edit")
        page.get_by_label("Notes", exact=True).fill(notes + " And more.")
        save(page)
    eventually(lambda: not iphone.queue() and not any(item.waits for item in iphone.media.items()))
    eventually(lambda: all_of(ipad, call) == notes + " And more.")


def test_all_of_a_long_description_is_read_from_its_accounts_page_without_a_network(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    list_notes(running, "Account", "Description")
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    text = "What there is to know. " * 3_000 + "The end."
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.update("Account", account, {"Description": text})
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/accounts/{account}")
        details = page.get_by_text("What there is to know.")
        expect(details).not_to_contain_text("whole text")
        all_of_it = page.get_by_role("link", name="All of it, 67 kB Description")
        expect(all_of_it).to_be_visible()
        assert page.request.get(str(all_of_it.get_attribute("href"))).text() == text


def test_notes_whose_field_was_unlisted_are_told_among_the_errors_read_there_and_sent_once_it_is_listed(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    list_notes(running)
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    notes = "What she asked. " * 3_000 + "The end."
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.update("Call", call, {"Notes": notes})
    with psycopg.connect(running.uri) as connection:
        connection.execute(LISTING, ("Next_Steps", "Call"))
    ipad.go_online()
    with app(browser, running.link("iPad")) as page:
        expect(page.get_by_role("link", name="Errors 1 error")).to_be_visible()
        page.goto("/errors")
        told = page.get_by_role("article").filter(has_text="did not take the file of")
        expect(told).to_contain_text("all of it is on this device only")
        expect(told).to_contain_text("Your admin can open the field")
        all_of_it = told.get_by_role("button", name="All of it, 46 kB")
        assert page.request.get(str(all_of_it.get_attribute("href"))).text() == notes
        page.once("dialog", lambda asked: asked.dismiss())
        told.get_by_role("button", name="Give it up").click()
        expect(told).to_be_visible()
        list_notes(running)
        told.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()
    eventually(lambda: not any(item.waits for item in ipad.media.items()))
