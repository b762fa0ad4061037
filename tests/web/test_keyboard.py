"""The console without a mouse: Tab reaches everything on every page, in sight and marked; its own widgets obey keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import Running
from tests.web.screenshots import FITS, console_pages, refuse
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
  .filter(e => e.checkVisibility() && !e.disabled && e.type !== "hidden" && e.tabIndex >= 0 && !e.dataset.seen)
  .map(e => "never reached " + e.outerHTML.slice(0, 120))"""


def test_every_page_is_walked_by_tab_at_768_pixels(browser: Browser, running: Running) -> None:
    wrong: dict[str, object] = {}
    refuse(*running.devices)
    with admin(browser, running) as page:
        page.set_viewport_size({"width": 768, "height": 860})
        for name, address in list(console_pages(page)):
            page.goto(address)
            found: list[str] = []
            round_again = 0
            while round_again < 2:
                page.keyboard.press("Tab")
                said = page.evaluate(TABBED)
                round_again = round_again + 1 if said is None else 0
                found += [said] if said else []
            found += page.evaluate(LEFT)
            if found or not page.evaluate(FITS):
                wrong[name] = found or "wider than its window"
    assert wrong == {}


def test_a_condition_is_completed_with_keys_alone_and_escape_leaves_what_was_typed(
    browser: Browser, running: Running
) -> None:
    with admin(browser, running, "Rules") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.get_by_role("link", name="Product", exact=True).focus()
        page.keyboard.press("Enter")
        condition, words = page.get_by_label("Condition"), page.locator(".editor ul")
        condition.focus()
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
