"""What a person can do about a save that was refused: send it again. And what newer data forbids."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import Running, app, eventually
from tests.web.test_repair import disagree

pytestmark = pytest.mark.usefixtures("online")


def test_a_refused_save_is_sent_again_as_it_is(browser: Browser, running: Running) -> None:
    iphone = running.devices[1]
    disagree(running, "mine at last", "theirs for a while")
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/errors")
        page.get_by_role("button", name="Send again as it is now").click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()
        eventually(lambda: iphone.count("Account", {"Phone": "mine at last"}) == 1)


def test_a_delete_that_was_refused_is_taken_back_and_who_changed_the_record_is_named(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    account = disagree(running, "mine", "theirs")
    with iphone.edit() as edit:
        asked = edit.create("Medical_Inquiry", {"Inquiry_Text": "Is it safe?", "AccountId": account})
    eventually(lambda: ipad.get("Medical_Inquiry", asked) is not None)
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.delete("Medical_Inquiry", asked)
    with iphone.edit() as edit:
        edit.update("Medical_Inquiry", asked, {"Inquiry_Text": "Is it safe at night?"})
    eventually(lambda: not iphone.queue())
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/errors")
        expect(page.get_by_text(re.compile("^Sarah Jones, .+"))).to_be_visible()
        expect(page.get_by_text("(CONFLICT_OLD_VALUE)")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("Ackerman"))).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()
        ipad.go_online()
        page.get_by_role("button", name="Undelete").click()
        expect(page.get_by_text("No sync errors.")).to_be_visible()
    assert ipad.count("Medical_Inquiry", {"Id": asked, "Inquiry_Text": "Is it safe at night?"}) == 1


def test_what_was_submitted_elsewhere_is_not_submitted_from_an_older_page(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    call = ipad.find("Call", where={"Status": "Saved"}, order_by="Call_Date", descending=True)[0].id
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/objects/Call/{call}/edit")
        with iphone.edit() as edit:
            edit.update("Call", call, {"Status": "Submitted"})
        expect(page.get_by_text("There is a newer version of this record.")).to_be_visible()
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_role("alert").first).to_contain_text("locked")
        assert (ipad.queue(), ipad.errors()) == ([], [])
