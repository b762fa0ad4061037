"""The chart of an account's sales: on a device without a network, with the numbers of the server (FEATURES A38)."""

from __future__ import annotations

import re

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import SIZES, Running, app

pytestmark = pytest.mark.usefixtures("online")

ON_THE_SERVER = """
SELECT p."Name", replace(to_char(s."Period", 'Mon YYYY'), 'Sep ', 'Sept '), s."Units"::text, s."Market_Share" || ' %'
FROM org_demo."Sales_Data" s
JOIN org_demo."Account" a ON a."Id" = s."AccountId" JOIN org_demo."Product" p ON p."Id" = s."ProductId"
WHERE a."LastName" = 'Ackerman' ORDER BY p."Name", s."Period" DESC
"""
ON_THE_PAGE = """() => [...document.querySelectorAll('details table')].flatMap(table =>
  [...table.querySelectorAll('tbody tr')].map(row => [table.caption.textContent,
    row.cells[0].textContent, row.cells[1].textContent, row.cells[3].textContent]))"""
HEIGHTS = "() => [...document.querySelectorAll('.chart rect')].map(bar => Number(bar.getAttribute('height')))"


@pytest.mark.parametrize("size", range(len(SIZES)))
def test_an_accounts_sales_are_those_of_the_server_offline_too(browser: Browser, running: Running, size: int) -> None:
    with psycopg.connect(running.uri) as connection:
        known = [list(row) for row in connection.execute(ON_THE_SERVER).fetchall()]
    with app(browser, running.link("iPad"), size) as page:
        running.devices[0].go_offline()
        page.get_by_role("link", name="Accounts").click()
        page.get_by_label("Find by name").fill("Ackerman")
        page.get_by_role("link", name=re.compile("Ackerman")).first.click()
        expect(page.get_by_role("img", name=re.compile("^Units of "))).to_have_count(2)
        heights = page.evaluate(HEIGHTS)
        page.get_by_text("All numbers").click()
        assert page.evaluate(ON_THE_PAGE) == known
        assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"]
    units = [int(known[place][2]) for place in (*range(11, -1, -1), *range(23, 11, -1))]
    assert heights == [pytest.approx(80 * each / max(units), abs=0.06) for each in units]
