"""A session ends while somebody is at work in the console: nothing is done, and nothing that was typed is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import STANDS, WAIT_MS, Running, eventually, kept_back
from tests.web.screenshots import enter_console

from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH

pytestmark = pytest.mark.usefixtures("online")


@contextmanager
def signed_in(browser: Browser, running: Running, place: str) -> Iterator[Page]:
    """A browser with the admin signed in, at this page of the console; refusals are part of the story."""
    context = browser.new_context(base_url=running.console.removesuffix("/console"))
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(STANDS)
    page = context.new_page()
    page.goto("/console/enter")
    enter_console(page)
    page.goto(place)
    yield page
    context.close()


def sign_in(page: Page, password: str = PASSWORD, username: str = ADMIN) -> None:
    """Fill in the form that stands there."""
    for label, text in (("Org", ORG), ("User name", username), ("Password", password)):
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Sign in").click()


def leave_elsewhere(page: Page) -> Page:
    """Another window of the same browser, in which the person signed out."""
    other = page.context.new_page()
    other.goto("/console")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    return other


def open_product(page: Page, place: int) -> None:
    """The form of a product that is listed."""
    page.goto("/console/objects/Product")
    link = page.locator('main a[href^="/console/objects/Product/"]').nth(place)
    page.goto(f"{link.get_attribute('href')}/edit")


def test_what_was_typed_into_a_form_is_found_behind_the_sign_in_and_sent(browser: Browser, running: Running) -> None:
    with signed_in(browser, running, "/console") as page:
        open_product(page, 0)
        page.get_by_label("Product Name").fill('Dr Late & "Sons" <b>')
        leave_elsewhere(page).close()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("What you typed is kept")
        sign_in(page, "not mine")
        expect(page.get_by_role("alert")).to_contain_text("is not right")
        sign_in(page)
        expect(page.get_by_role("heading", name="You are signed in again")).to_be_visible()
        expect(page.get_by_text('Dr Late & "Sons" <b>')).to_be_visible()
        page.get_by_role("button", name="Send it now").click()
        expect(page.get_by_role("heading", name='Dr Late & "Sons" <b>')).to_be_visible()


def test_a_page_of_an_earlier_session_shows_what_was_typed_to_be_sent_in_this_one(
    browser: Browser, running: Running
) -> None:
    with signed_in(browser, running, "/console") as page:
        open_product(page, 1)
        page.get_by_label("Product Name").fill("Dr Of Two Sessions")
        enter_console(leave_elsewhere(page))
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("This page is from an earlier session: nothing was done.")).to_be_visible()
        page.get_by_role("button", name="Send it now").click()
        expect(page.get_by_role("heading", name="Dr Of Two Sessions")).to_be_visible()


def test_what_one_person_typed_is_not_shown_to_the_next_at_the_same_screen(browser: Browser, running: Running) -> None:
    with signed_in(browser, running, "/console") as page:
        open_product(page, 2)
        page.get_by_label("Product Name").fill("Dr Nobody Elses")
        leave_elsewhere(page).close()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("What you typed is kept")
        sign_in(page, username=SARAH.username)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert "Nobody Elses" not in page.content()

        page_token = str(page.locator("[name=page_token]").first.get_attribute("value"))
        form: dict[str, str | float | bool] = {"page_token": page_token, "Name": "Dr Sarahs Own"}
        headers = {"origin": running.console.removesuffix("/console")}
        for username, is_shown in ((ADMIN, False), (SARAH.username, True)):
            page.get_by_role("button", name="Sign out").click()
            sign_in(page, username=username)
            expect(page.get_by_role("button", name="Sign out")).to_be_visible()
            answer = page.request.post("/console/save/Account", headers=headers, form=form)  # of her first session
            assert (username, "Dr Sarahs Own" in answer.text()) == (username, is_shown)


def test_a_page_that_asks_for_parts_keeps_what_is_typed_while_one_signs_in_in_another_window(
    browser: Browser, running: Running
) -> None:
    with signed_in(browser, running, "/console/rules/new?object=Product") as page:
        page.locator("#device").select_option("Mac")
        page.get_by_label("Condition").fill("Name LIKE 'Kept%'")
        leave_elsewhere(page).close()
        press = page.get_by_role("button", name="Validate")
        press.click()
        expect(page.get_by_role("alert").filter(has_text="Your session has ended").first).to_be_visible()
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Sign in again").first.click()
        enter_console(opened.value)
        expect(opened.value).to_have_url(re.compile("/console/rules/new"))
        expect(page.get_by_text("You are signed in again").first).to_be_visible()
        expect(page.get_by_label("Condition")).to_have_value("Name LIKE 'Kept%'")
        press.click()
        expect(page.locator("#answer")).to_contain_text("The rule is valid.")
        expect(page.get_by_text("Your session has ended")).to_have_count(0)

        enter_console(leave_elsewhere(page))
        press.click()
        expect(page.get_by_role("alert").filter(has_text="earlier session").first).to_contain_text("Do it again")
        press.click()
        expect(page.locator("#answer")).to_contain_text("The rule is valid.")
        expect(page.get_by_text("earlier session")).to_have_count(0)


def test_what_was_typed_is_sent_to_a_page_of_the_console_and_nowhere_else(browser: Browser, running: Running) -> None:
    with signed_in(browser, running, "/console") as page:
        origin = running.console.removesuffix("/console")
        own = page.locator("[name=page_token]").first.get_attribute("value")
        for address, action in (
            ("//elsewhere.example/console/save", "/console/save"),
            ("https://elsewhere.example/console/save?x=1", "/console/save?x=1"),
            ("//elsewhere.example/", None),
            ("javascript:alert(1)", None),
        ):
            sent = json.dumps({"address": address, "fields": [["Name", "typed"], ["page_token", own]]})
            form: dict[str, str | float | bool] = {"org": ORG, "username": ADMIN, "password": PASSWORD, "sent": sent}
            answer = page.request.post("/console/enter", headers={"origin": origin}, form=form)
            assert answer.ok
            found = re.findall('action="([^"]*)"><input type="hidden" name="page_token"', answer.text())
            again = "You are signed in again" in answer.text()
            assert (again, found[:1] if again else []) == (action is not None, [action] if action else [])


def test_a_file_is_chosen_anew_and_nothing_is_sent_without_it(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    pack = tmp_path / "pack.yaml"
    pack.write_text("name: late\n")
    with signed_in(browser, running, "/console/deploy") as page:
        page.get_by_label("File", exact=True).set_input_files(pack)
        leave_elsewhere(page).close()
        page.get_by_role("button", name="Plan").click()
        sign_in(page)
        expect(page.get_by_text("choose it anew")).to_be_visible()
        expect(page.get_by_role("button", name="Send it now")).to_have_count(0)
        page.get_by_role("link", name="Back to the page, without it").click()
        expect(page).to_have_url(re.compile("/console/deploy$"))


def test_an_answer_goes_when_what_was_asked_after_it_fails_and_what_renews_itself_is_marked_as_old(
    browser: Browser, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with signed_in(browser, running, f"/console/simulation?user={SARAH.username}") as page:
        press, answer = page.get_by_role("button", name="Simulate the sync"), page.locator("#sync-answer")
        press.click()
        expect(answer.get_by_role("table")).to_be_visible()
        with monkeypatch.context() as bug:
            bug.delattr("fieldsync.web.console.simulation.pages._sync")
            press.click()
            expect(page.get_by_role("alert")).to_contain_text("Something went wrong")
            expect(answer).to_be_empty()
        press.click()
        expect(answer.get_by_role("table")).to_be_visible()
        page.goto("/console")
        tiles = page.locator(".tiles")
        page.context.set_offline(True)
        expect(page.get_by_role("alert").filter(has_text="What you see may be old.")).to_be_visible()
        expect(page.locator(".tiles[data-old]")).to_be_visible()
        page.context.set_offline(False)
        expect(page.locator(".tiles[data-old]")).to_have_count(0)
        expect(tiles).to_be_visible()


def test_of_two_questions_the_answer_to_the_later_one_stays(browser: Browser, running: Running) -> None:
    with signed_in(browser, running, "/console/rules/new?object=Product") as page:
        page.get_by_label("Condition").fill("Name = 'x'")
        page.locator("#user").fill(SARAH.username)
        page.locator("#device").select_option("Windows")
        given_up: list[str] = []
        page.on("requestfailed", lambda request: given_up.append(request.url))
        held = kept_back(page, "**/parts/rule/validate")
        page.get_by_role("button", name="Validate").click()
        page.get_by_role("button", name="Test the filter").click()
        expect(page.locator("#answer")).to_contain_text("0 rows of Product")
        eventually(lambda: len(held) == 1)
        eventually(lambda: any("validate" in url for url in given_up))
        expect(page.locator("#answer")).to_contain_text("0 rows of Product")
