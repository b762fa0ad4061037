"""Pages of records come within the page that is there: nothing is loaded anew, and nothing is lost by that."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually

pytestmark = pytest.mark.usefixtures("online")
SAME = "window.sameOne === true"


def ackerman(running: Running) -> str:
    return str(running.devices[0].find("Account", where={"LastName": "Ackerman"})[0].id)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_reading_editing_and_saving_a_record_load_no_page_and_back_leads_through_them(
    browser: Browser, running: Running
) -> None:
    account = ackerman(running)
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/accounts")
        page.evaluate("window.sameOne = true")
        page.get_by_role("link", name=re.compile("Ackerman")).first.click()
        page.get_by_role("link", name="All fields and edit").click()
        page.get_by_role("button", name="Edit").click()
        expect(page).to_have_url(re.compile(f"/objects/Account/{account}/edit$"))
        page.get_by_label("Middle Name").fill("Within")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Within", exact=True)).to_be_visible()
        expect(page).to_have_title(re.compile("Ackerman"))
        assert "Ackerman" in focused(page)
        page.go_back()
        expect(page.get_by_label("Middle Name")).to_have_value("Within")
        page.get_by_label("Middle Name").fill("Back saves too")
        page.go_back()
        expect(page.get_by_text("Back saves too")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("button", name="Report a call")).to_be_visible()
        page.go_back()
        expect(page.get_by_label("Find by name")).to_be_visible()
        page.go_forward()
        expect(page.get_by_role("button", name="Report a call")).to_be_visible()
        assert page.evaluate(SAME)
        expect(page.locator("nav.rail [aria-current]")).to_have_text("Accounts")
    eventually(lambda: running.devices[1].count("Account", {"MiddleName": "Back saves too"}) == 1)


def test_a_page_that_came_within_another_hears_of_news_and_lets_go_of_its_record(
    browser: Browser, running: Running
) -> None:
    ipad, account = running.devices[0], ackerman(running)
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/accounts/{account}")
        page.get_by_role("link", name="All fields and edit").click()
        page.get_by_role("button", name="Edit").wait_for()
        with running.devices[1].edit() as edit:
            edit.update("Account", account, {"Phone": "+44 113 000 0077"})  # type: ignore[arg-type]
        expect(page.get_by_text("There is a newer version of this record.")).to_be_visible()
        page.get_by_role("link", name="Home").click()
        eventually(lambda: ipad.count("Account", {"Phone": "+44 113 000 0077"}) == 1)


def test_a_page_that_somebody_did_not_wait_for_holds_no_record(browser: Browser, running: Running) -> None:
    ipad, account = running.devices[0], ackerman(running)
    other = next(one.id for one in ipad.find("Account") if one.id != account)
    with app(browser, running.link("iPad")) as page:
        page.goto(f"/accounts/{other}")
        page.evaluate(
            f"Promise.all(['{account}', '{other}'].map((id) => move(`${{location.origin}}/accounts/${{id}}`)))"
        )
        with running.devices[1].edit() as edit:
            edit.update("Account", account, {"Phone": "+44 113 000 0078"})  # type: ignore[arg-type]
        eventually(lambda: ipad.count("Account", {"Phone": "+44 113 000 0078"}) == 1)


def test_what_is_wrong_stands_at_its_field_and_an_app_that_does_not_answer_costs_no_word(
    browser: Browser, running: Running
) -> None:
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/objects/Task/new?AccountId={ackerman(running)}")
        page.evaluate("window.sameOne = true")
        page.get_by_label("Description").fill("Bring the leaflet")
        page.get_by_role("button", name="Save", exact=True).click()
        subject = page.get_by_label("Subject")
        expect(subject).to_be_focused()
        expect(subject).to_have_attribute("aria-invalid", "true")
        expect(subject).to_have_accessible_description(re.compile("Subject must be filled in"))
        expect(page.get_by_label("Description")).to_have_value("Bring the leaflet")
        subject.fill("Leaflet")
        page.route("**/sheets/Task", lambda route: route.abort())
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("The app did not answer")).to_be_focused()
        page.unroute("**/sheets/Task")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page).to_have_url(re.compile(r"/objects/Task/\w{18}$"))
        assert page.evaluate(SAME)
    assert running.devices[0].count("Task", {"Name": "Leaflet"}) == 1
