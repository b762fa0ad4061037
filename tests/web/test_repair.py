"""A failed save in the console: found, understood, repaired, and gone from the device in under eight clicks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, eventually
from tests.web.test_rules import console

from fieldsync.base.ids import RecordId

pytestmark = pytest.mark.usefixtures("online")


def disagree(running: Running, mine: str, theirs: str) -> RecordId:
    """A save of the iPad that is refused, because the iPhone's came first; the record."""
    ipad, iphone = running.devices
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.update("Account", account, {"Phone": mine})
    with iphone.edit() as edit:
        edit.update("Account", account, {"Phone": theirs})
    eventually(lambda: not iphone.queue())
    ipad.go_online()
    eventually(lambda: len(ipad.errors()) == 1)
    return account


def test_a_failed_save_is_found_understood_and_repaired_in_under_eight_clicks(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    account = disagree(running, "mine 1", "theirs 1")
    with console(browser, running) as page:
        page.evaluate("sessionStorage.clicks = 0")
        page.add_init_script(
            "addEventListener('click', e => { if (e.isTrusted) sessionStorage.clicks = +sessionStorage.clicks + 1 })"
        )
        page.goto("/console/devices")
        expect(page.get_by_role("row", name=re.compile("Sarah's iPad")).get_by_text("! 1 error")).to_be_visible()
        page.goto("/console")
        page.get_by_role("row", name=re.compile("Failed.*Sarah Jones.*Account")).get_by_role("link").first.click()
        for text in ("Somebody changed Phone", "mine 1", "theirs 1"):
            expect(page.get_by_text(text).first).to_be_visible()
        page.get_by_role("button", name="Simulate").click()
        expect(page.get_by_text("It would be refused now")).to_be_visible()
        page.get_by_label("Account Phone").fill("agreed 1")
        page.get_by_role("button", name="Save and retry").click()
        expect(page.get_by_role("heading", name=re.compile("Account Success"))).to_be_visible()
        expect(page.get_by_text("edit and retry").first).to_be_visible()
        assert int(page.evaluate("sessionStorage.clicks")) < 8
    eventually(lambda: not ipad.errors())
    for device in (ipad, iphone):
        device.sync()
        found = device.get("Account", account)
        assert found is not None
        assert found.values["Phone"] == "agreed 1"


def choose(page: Page, act: str) -> None:
    page.get_by_role("row", name=re.compile("Sarah Jones.*Account")).first.get_by_role("checkbox").check()
    page.get_by_role("textbox", name="Reason").fill("agreed by telephone")
    page.get_by_role("button", name=act, exact=True).click()


@pytest.mark.parametrize("size", [0, 1])
def test_a_list_is_kept_and_what_it_shows_is_simulated_and_ended_together(
    browser: Browser, running: Running, size: int
) -> None:
    ipad = running.devices[0]
    disagree(running, f"mine 2{size}", f"theirs 2{size}")
    with console(browser, running, size) as page:
        page.goto("/console/transactions")
        page.get_by_label("Status").select_option("Failed")
        page.get_by_role("button", name="Show").click()
        page.get_by_text("Keep this list").click()
        page.get_by_label("Name of the list").fill("To repair")
        page.get_by_role("button", name="Keep", exact=True).click()
        page.goto("/console/transactions")
        page.get_by_role("link", name="★ To repair").click()
        expect(page.get_by_role("row", name=re.compile("Success"))).to_have_count(0)
        choose(page, "Simulate")
        expect(page.get_by_text("Simulated; nothing was changed.")).to_be_visible()
        expect(page.get_by_text("Somebody changed Phone").first).to_be_visible()
        choose(page, "Ignore")
        expect(page.get_by_text("1 of 1 done.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_text("Keep this list").click()
        page.get_by_role("button", name="Drop To repair").click()
        expect(page.get_by_role("link", name="★ To repair")).to_have_count(0)
    eventually(lambda: not ipad.errors())


def test_what_waits_for_a_failed_save_is_named_retried_step_by_step_and_canceled_with_it(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    visit = {"AccountId": account, "Call_Date": "2026-03-02T09:00:00+00:00"}
    before = ipad.count("Call")
    ipad.go_offline()
    with ipad.edit(ruled=False) as edit:
        call = edit.create("Call", visit | {"Signature": "c2lnbmVk"})
    with ipad.edit() as edit:
        edit.create("Call", visit | {"Parent_CallId": call})
    ipad.go_online()
    eventually(lambda: len(ipad.errors()) == 2)
    with console(browser, running) as page:
        page.goto("/console/transactions")
        page.get_by_role("row", name=re.compile("Failed.*Sarah Jones.*Call")).get_by_role("link").first.click()
        expect(page.get_by_text("A signature needs the date it was given.").first).to_be_visible()
        expect(page.get_by_text("Waits for this:")).to_be_visible()
        page.get_by_label("Note every step").check()
        page.get_by_role("button", name="Retry", exact=True).click()
        expect(page.get_by_text("2 times")).to_be_visible()
        page.get_by_text("Steps", exact=True).click()
        expect(page.get_by_role("group").filter(has_text="Steps").get_by_role("listitem").first).to_be_visible()
        page.get_by_role("listitem").filter(has_text="Waits for this").get_by_role("link").click()
        page.get_by_role("listitem").filter(has_text="This waits for").get_by_role("link").click()
        page.locator("#reason").fill("entered twice")
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.get_by_role("heading", name=re.compile("Call Canceled"))).to_be_visible()
        expect(page.get_by_text("entered twice").first).to_be_visible()
    eventually(lambda: not ipad.errors())
    assert ipad.count("Call") == before, "what waited for it went with it"


def test_a_save_that_can_be_done_now_is_done_by_a_plain_retry(browser: Browser, running: Running) -> None:
    ipad, iphone = running.devices
    [before] = ipad.find("Account", where={"LastName": "Ackerman"})
    disagree(running, "mine 8", "theirs 8")
    with iphone.edit() as edit:
        edit.update("Account", before.id, {"Phone": before.values["Phone"]})
    eventually(lambda: not iphone.queue())
    with console(browser, running) as page:
        page.goto("/console/transactions")
        page.get_by_role("row", name=re.compile("Failed.*Sarah Jones.*Account")).get_by_role("link").first.click()
        page.get_by_role("button", name="Retry", exact=True).click()
        expect(page.get_by_role("heading", name=re.compile("Account Success"))).to_be_visible()
    eventually(lambda: not ipad.errors())
    iphone.sync()
    found = iphone.get("Account", before.id)
    assert found is not None
    assert found.values["Phone"] == "mine 8"
