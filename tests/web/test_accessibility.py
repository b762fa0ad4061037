"""Every page of the Field app has no serious accessibility issue and fits its window, in every language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.web.begin_walk import two_territories, walk
from tests.web.beginning import Vault, opened
from tests.web.browsing import Running, app
from tests.web.screenshots import FITS, pages
from tests.web.speaking import told_by
from tests.web.states_walk import states
from tests.web.test_admin import admin
from tools import strings

from fieldsync.device import Device

pytestmark = pytest.mark.usefixtures("online")

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(v => v.impact === "serious" || v.impact === "critical")
  .map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 140)).join(" | ")}`)"""


@pytest.mark.parametrize(("size", "scheme", "every"), [(1, "light", 1), (0, "dark", 4)])
def test_no_page_has_a_serious_issue(browser: Browser, running: Running, size: int, scheme: str, every: int) -> None:
    wrong: dict[str, object] = {}
    with app(browser, running.link("iPad"), size) as page:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for name, address in list(pages(running.devices[0]))[::every]:
            page.goto(address)
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(RUN)
            if found or not page.evaluate(FITS):
                wrong[name] = found or "wider than its window"
        page.evaluate("document.documentElement.removeAttribute('lang')")
        assert "html-has-lang" in str(page.evaluate(RUN)), "the check finds what is wrong"
    assert wrong == {}


def test_nothing_a_page_shows_besides_itself_has_a_serious_issue(browser: Browser, running: Running) -> None:
    wrong: dict[str, object] = {}
    with app(browser, running.link("iPad"), 1) as page:
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")

        def look(name: str) -> None:
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(RUN)
            if found or not page.evaluate(FITS):
                wrong[name] = found or "wider than its window"

        states(page, running.devices[0], look)
    assert wrong == {}


def test_no_page_before_the_app_is_open_has_a_serious_issue(browser: Browser, running: Running, tmp_path: Path) -> None:
    wrong: dict[str, object] = {}
    two_territories(running.uri)
    with opened(tmp_path, Vault()) as one, app(browser, one.link, 1) as page:

        def look(name: str) -> None:
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(RUN)
            if found or not page.evaluate(FITS):
                wrong[name] = found or "wider than its window"

        walk(page, one, running.console.removesuffix("/console"), look)
    assert wrong == {}


CUT = """() => [...document.querySelectorAll("body *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.checkVisibility())
  .filter(e => !e.closest("svg, select, .scroll, .hidden-label, .skip") && getComputedStyle(e).display !== "inline")
  .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 4)
  .map(e => e.outerHTML.slice(0, 120))"""


def untranslated(device: Device) -> set[str]:
    """English words and sentences that no page may show a German: what is the same in both languages is left out, and
    what records are named."""
    german: dict[str, set[str]] = {}
    for one in strings.catalog("de"):
        if one.id and isinstance(one.id, str):
            german.setdefault(one.id, set()).add(str(one.string))
    said = {text for texts in german.values() for text in texts}
    names = {str(r.values["Name"]) for o in device.catalog for r in device.find(o.name, limit=1_000)}
    return {word for word, told in german.items() if word not in told} - said - names


def every_record(device: Device) -> Iterator[str]:
    """Addresses of each object: its records, its lists, one record to read and to edit, and a new one."""
    for kind in strings.objects_shown():
        yield f"/objects/{kind.name}"
        yield from (f"/objects/{kind.name}?view={view.name}" for view in device.list_views(kind.name))
        for record in device.find(kind.name, limit=1):
            yield from (f"/objects/{kind.name}/{record.id}", f"/objects/{kind.name}/{record.id}/edit")
        if not kind.system:
            yield f"/objects/{kind.name}/new"


def test_every_page_is_german_for_a_german_and_nothing_is_cut_off(browser: Browser, running: Running) -> None:
    """An admin says which language, locale and time zone a person has; the devices follow with the next sync."""
    ipad = running.devices[0]
    assert ipad.account is not None
    with admin(browser, running) as page:
        page.goto(f"/console/objects/User/{ipad.account.user.id}/edit")
        for label, value in (("Language", "de"), ("Locale", "de_DE"), ("Time Zone", "Europe/Berlin")):
            page.get_by_label(label, exact=True).select_option(value)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Sarah Jones")).to_be_visible()
    ipad.sync()
    english, wrong = untranslated(ipad), dict[str, object]()
    assert told_by('<td data-label="Net Amount">Dr. Ackerman · Detail Only</td>') & english, "it would be found"
    with app(browser, running.link("iPad"), 1) as page:
        expect(page.get_by_role("heading", name="Hallo Sarah")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "de"
        for name, address in pages(ipad):
            page.goto(address)
            left = english & told_by(page.content())
            if left or not page.evaluate(FITS) or page.evaluate(CUT):
                wrong[name] = left or page.evaluate(CUT) or "wider than its window"
        for address in every_record(ipad):
            if left := english & told_by(page.request.get(address).text()):
                wrong[address] = left
        page.goto("/calendar")
        expect(page.get_by_role("region", name="Montag")).to_be_visible()
    assert wrong == {}
