"""Without a mouse: Tab reaches everything on every page, in sight and marked; a visit is reported; and what a page has
of its own obeys keys."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually, focus
from tests.web.screenshots import FITS, console_pages, pages, refuse
from tests.web.test_admin import admin

pytestmark = pytest.mark.usefixtures("online")

TABBED = """() => { const e = document.activeElement;
  if (!e || e === document.body) return null;
  if (e.dataset.seen) return e === window.last ? "" : null;
  window.last = e;
  e.dataset.seen = "yes";
  const how = getComputedStyle(e), at = e.getBoundingClientRect();
  const marked = how.outlineStyle !== "none" || how.boxShadow !== "none";
  const inSight = at.right > 0 && at.bottom > 0 && at.left < innerWidth && at.top < innerHeight;
  return marked && inSight ? "" : (marked ? "out of sight " : "not marked ") + e.outerHTML.slice(0, 120); }"""
"""What has the focus now: null once round, else what is wrong with it. A date keeps it for each of its parts."""
LEFT = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter(e => e.checkVisibility() && !e.matches(":disabled") && e.type !== "hidden")
  .filter(e => e.tabIndex >= 0 && !e.dataset.seen)
  .map(e => "never reached " + e.outerHTML.slice(0, 120))"""


TABS_MAX = 60


def walked(page: Page, found: Iterable[tuple[str, str]]) -> dict[str, object]:
    """What Tab does not reach, or reaches unseen, by page."""
    wrong: dict[str, object] = {}
    for name, address in found:
        page.goto(address)
        told = _round(page)
        if page.evaluate(LEFT):  # it came while one was on the way
            told += _round(page)
        told += page.evaluate(LEFT)
        if told or not page.evaluate(FITS):
            wrong[name] = told or "wider than its window"
    return wrong


def _round(page: Page) -> list[str]:
    """What is wrong with what Tab reaches, twice past the end of the page."""
    told: list[str] = []
    round_again = 0
    while round_again < 2:
        page.keyboard.press("Tab")
        said = page.evaluate(TABBED)
        round_again = round_again + 1 if said is None else 0
        told += [said] if said else []
    return told


def test_every_page_of_the_console_is_walked_by_tab_at_768_pixels(browser: Browser, running: Running) -> None:
    refuse(*running.devices)
    with admin(browser, running) as page:
        page.set_viewport_size({"width": 768, "height": 860})
        assert walked(page, list(console_pages(page))) == {}


def test_pages_of_the_field_app_are_walked_by_tab_at_390_pixels(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad"), 1) as page:
        assert walked(page, list(pages(running.devices[0]))[::5]) == {}


def reach(page: Page, role: str, name: str) -> None:
    """Tab until it has the focus; one that has to be filled in is called so with a star."""
    wanted = page.get_by_role(role, name=re.compile(rf"^{name}( \*)?$")).first  # type: ignore[arg-type]
    expect(wanted).to_be_visible()
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {name}")


def test_a_visit_is_reported_without_a_mouse(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    ipad.go_offline()
    with app(browser, running.link("iPad")) as page:
        expect(page.get_by_role("heading", name="Hello Sarah")).to_be_visible()
        reach(page, "link", "Accounts")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
        reach(page, "searchbox", "Find by name")
        page.keyboard.type("Ackerman")
        expect(page.get_by_text("Matching “Ackerman”")).to_be_visible()
        reach(page, "link", ".*Ackerman.*")
        page.keyboard.press("Enter")
        reach(page, "button", "Report a call")
        page.keyboard.press("Enter")
        reach(page, "textbox", "Notes")
        page.keyboard.type("Said with keys alone.")
        for one, lines in (("a product", "Call_Detail"), ("a sample", "Call_Sample")):
            reach(page, "button", f"Add {one}")
            page.keyboard.press("Enter")
            product = page.locator(f"#lines-{lines} .entry").get_by_role("combobox", name="Product")
            expect(product).to_be_focused()
            page.keyboard.press("ArrowDown")
        reach(page, "spinbutton", "Quantity")
        page.keyboard.type("1")
        reach(page, "button", "Save")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Waiting to upload").first).to_be_visible()
        expect(page).to_have_url(re.compile(r"/objects/Call/\w{18}/edit$"))
    [call] = ipad.find("Call", where={"Notes": "Said with keys alone."})
    assert ipad.count("Call_Detail", {"CallId": call.id}) == ipad.count("Call_Sample", {"CallId": call.id}) == 1
    ipad.go_online()
    eventually(lambda: running.devices[1].count("Call", {"Notes": "Said with keys alone."}) == 1)


def test_a_condition_is_completed_with_keys_alone_and_escape_leaves_what_was_typed(
    browser: Browser, running: Running
) -> None:
    with admin(browser, running, "Rules") as page:
        page.wait_for_url("**/console/rules")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        focus(page.get_by_role("link", name="Product", exact=True))
        page.keyboard.press("Enter")
        condition, words = page.get_by_label("Condition"), page.locator(".editor ul")
        focus(condition)
        page.keyboard.type("Na")
        expect(words).to_be_visible()
        page.keyboard.press("Escape")
        expect(words).to_be_hidden()
        expect(condition).to_have_value("Na")
        page.keyboard.type("m")
        expect(page.get_by_role("option", name="Name", exact=True)).to_have_attribute("aria-selected", "true")
        for key in ("ArrowDown", "ArrowUp", "Tab"):
            page.keyboard.press(key)
        expect(condition).to_have_value("Name")
        page.keyboard.press("Tab")
        expect(condition).not_to_be_focused()
