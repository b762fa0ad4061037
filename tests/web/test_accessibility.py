"""Every page of the Field app has no serious accessibility issue, fits its window, and can be had as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.web.browsing import Running, app
from tests.web.screenshots import FITS, pages

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
