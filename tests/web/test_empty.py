"""Every empty list says why, and what to do: by what is known, in this order."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect
from tests.web.browsing import Running, app

from fieldsync.web.field.empty import Facts, why, why_of_days, why_of_one

ALL = Facts("Orders", synced=True, readable=True, creatable=True)


@pytest.mark.parametrize(
    ("facts", "says", "leads_to"),
    [
        (replace(ALL, readable=False, synced=False), "Your profile", ""),
        (replace(ALL, synced=False, search="x"), "Nothing was downloaded", "/sync"),
        (replace(ALL, search="x", view="Mine"), "matches “x”", "/home"),
        (replace(ALL, search="x", online=True), "matches “x”", "/search"),
        (replace(ALL, search="x"), "matches “x”", "/home"),
        (replace(ALL, view="Mine", here=3), "conditions of the list “Mine”", "/home"),
        (replace(ALL, view="Mine"), "no Orders on this device", "/new"),
        (ALL, "no Orders on this device", "/new"),
        (replace(ALL, creatable=False), "no Orders on this device", "/sync"),
    ],
)
def test_it_says_why_and_what_to_do(facts: Facts, says: str, leads_to: str) -> None:
    found = why(facts, "/home", "/new")
    assert says in found.why
    assert (found.to, bool(found.act)) == (leads_to, bool(leads_to))
    assert found.do


def test_a_search_without_result_leads_on(browser: Browser, running: Running) -> None:
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/objects/Product?search=nobody-has-this")
        expect(page.get_by_text("matches “nobody-has-this”")).to_be_visible()
        page.get_by_role("link", name="Show all").click()
        expect(page).to_have_url(re.compile("/objects/Product$"))


def test_lists_within_a_page_say_it_too(browser: Browser, running: Running) -> None:
    mine = why_of_one(replace(ALL, creatable=False), "Dr. Ackerman", "")
    assert ("Dr. Ackerman has no Orders" in mine.why, mine.to) == (True, "/sync")
    assert why_of_one(replace(ALL, synced=False), "x", "") == why_of_days(replace(ALL, synced=False))
    device = running.devices[0]
    with device.edit() as edit:
        account = edit.create("Account", {"LastName": "Newcomer", "Name": "Newcomer"})
    with app(browser, running.link("iPad"), 1) as page:
        page.goto("/calendar?day=2019-03-04")
        expect(page.get_by_text("Nothing is planned in these days.")).to_be_visible()
        page.goto(f"/accounts/{account}")
        for what in ("Newcomer has no Addresses", "Newcomer has no Sales", "No photo or document yet. Take or pick"):
            expect(page.get_by_text(what)).to_be_visible()
        page.get_by_role("link", name="New", exact=True).first.click()
        expect(page).to_have_url(re.compile(rf"/objects/Address/new\?AccountId={account}"))
