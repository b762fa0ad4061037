"""Samples and expenses on the page of a call: limits, lots, licence and signature are asked without a network; and the
chart of an account's sales, with the numbers of the server (FEATURES A38)."""

from __future__ import annotations

import re
from decimal import Decimal

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import SIZES, Running, app, eventually
from tests.web.test_admin import admin
from tests.web.test_browser import draw_signature
from tests.web.test_work import ackerman, add, saved

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids

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


def test_samples_over_the_limit_are_told_at_their_line_before_the_save(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    ipad.go_offline()
    calls = ipad.count("Call")
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/objects/Call/new?AccountId={ackerman(running)}")
        expect(page.get_by_text(re.compile("inhaler sample: [0-9]+ of 60 a year left"))).to_be_visible()
        add(page, "a sample", "Call_Sample")
        line = page.locator("#lines-Call_Sample .entry")
        line.get_by_label("Product").select_option(label="Respira inhaler sample")
        line.get_by_label("Quantity").fill("61")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(line.get_by_role("alert")).to_contain_text("Respira inhaler sample this account gets at most 60 a year")
        line.get_by_label("Quantity").fill("0")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(line.get_by_text("Leave at least one sample, or remove the line.")).to_be_visible()
        assert ipad.count("Call") == calls
        line.get_by_label("Quantity").fill("1")
        saved(page)
        expect(page.get_by_role("alert")).to_have_count(0)
    assert ipad.count("Call") == calls + 1


def test_lot_and_licence_are_asked_of_a_sample_without_a_network(browser: Browser, running: Running) -> None:
    ipad, account = running.devices[0], RecordId(ackerman(running))
    assert ipad.account is not None
    [respira] = ipad.find("Product", where={"Name": "Respira inhaler sample"})
    lot = {"Name": "L-900", "ProductId": respira.id, "Quantity": 3, "OwnerId": ipad.account.user.id}
    with seeding_org(running.uri, "demo", system_world()) as seeding:
        insert_rows(seeding, "Sample_Lot", [lot])
    ipad.sync()
    ipad.go_offline()
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/objects/Call/new?AccountId={account}")
        add(page, "a sample", "Call_Sample")
        line = page.locator("#lines-Call_Sample .entry")
        line.get_by_label("Product").select_option(label="Respira inhaler sample")

        def refused(why: str) -> None:
            page.get_by_role("button", name="Save", exact=True).click()
            expect(line.get_by_role("alert")).to_contain_text(why)

        line.get_by_label("Quantity").fill("4")
        refused("Choose the lot that Respira inhaler sample is from.")
        line.get_by_label("Lot").select_option(label="L-900")
        refused("Lot L-900: 3 left.")
        line.get_by_label("Quantity").fill("2")
        with ipad.edit() as edit:
            edit.update("Account", account, {"License_Status": "Expired"})
        refused("The licence of this account is over: no samples.")
        with ipad.edit() as edit:
            edit.update("Account", account, {"License_Status": "Valid"})
        call = saved(page)
    [left] = ipad.find("Call_Sample", where={"CallId": call})
    assert left.values["Quantity"] == 2


def test_a_call_with_an_expense_and_a_sample_that_wants_lot_and_signature_is_submitted_with_all_of_it(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    with seeding_org(running.uri, "demo", system_world()) as seeding:
        [product] = mint_ids(seeding, "Product", 1)
        strict = {"Requires_Lot": True, "Requires_Signature": True}
        insert_rows(seeding, "Product", [{"Id": product, "Name": "Zentrol sample", "Type": "Sample", **strict}])
    ipad.sync()
    ipad.go_offline()
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/objects/Call/new?AccountId={ackerman(running)}")
        spend(page)
        discuss(page)
        add(page, "a sample", "Call_Sample")
        line = page.locator("#lines-Call_Sample .entry")
        line.get_by_label("Product").select_option(label="Zentrol sample")
        line.get_by_label("Quantity").fill("2")
        page.get_by_role("button", name="Save", exact=True).click()
        none = "Zentrol sample is left from a lot only, and you have no lot of it."
        expect(line.get_by_role("alert")).to_have_text(none)
        give_lot(running, product)
        page.reload()
        line.get_by_label("Lot").select_option(label="Z-1")
        call = saved(page)
        page.get_by_role("button", name="Submit", exact=True).click()
        unsigned = "Zentrol sample is left against a signature only: have the call signed."
        expect(page.get_by_role("alert")).to_contain_text(unsigned)
        expect(page.locator("#unsigned")).to_have_text(unsigned)
        is_signed_twice(page)
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.get_by_text("This call was submitted and is locked.")).to_be_visible()
        page.goto(f"/objects/Call/{call}")
        expect(page.get_by_role("row", name=re.compile("Meal.*41.50"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("Safety.*Asked about the liver"))).to_be_visible()
        ipad.go_online()
        eventually(lambda: iphone.count("Call", {"Id": call, "Status": "Submitted"}) == 1)
        is_corrected_once_unlocked(browser, running, page, call)
    [spent] = iphone.find("Call_Expense", where={"CallId": call})
    assert (spent.values["Amount"], spent.values["Attendees"], ipad.errors()) == (Decimal("41.50"), Decimal(3), [])


def is_signed_twice(page: Page) -> None:
    """What is signed cannot be changed; with the signature taken back it can, and is signed again."""
    draw_signature(page)
    page.get_by_role("button", name="Save", exact=True).click()
    signed = page.get_by_text("This call was signed and stays as it is.")
    expect(signed).to_be_visible()
    expect(page.get_by_label("Notes", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Take the signature back").click()
    expect(signed).to_have_count(0)
    expect(page.get_by_label("Notes", exact=True)).to_be_enabled()
    draw_signature(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(signed).to_be_visible()


def is_corrected_once_unlocked(browser: Browser, running: Running, page: Page, call: str) -> None:
    """An admin lets the submitted call be corrected; with her next sync she may, and it is locked again."""
    ipad, iphone = running.devices
    with admin(browser, running) as desk:
        desk.goto(f"/console/objects/Call/{call}/edit")
        desk.get_by_label("Unlocked").check()
        desk.get_by_role("button", name="Save").click()
        expect(desk.get_by_role("heading", name="C-")).to_be_visible()
    page.goto(f"/objects/Call/{call}/edit")
    expect(page.get_by_text("This call was submitted and is locked.")).to_be_visible()
    page.goto("/")  # who has it open sees no news of it
    ipad.sync()
    page.goto(f"/objects/Call/{call}/edit")
    page.get_by_label("Notes", exact=True).fill("Two boxes, not three.")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("main p").filter(has_text=re.compile(r"^\s*Submitted"))).to_be_visible()
    eventually(lambda: notes_of(iphone, call) == "Two boxes, not three.")
    assert ipad.errors() == []


def notes_of(device: Device, call: str) -> object:
    found = device.get("Call", RecordId(call))
    return found.values["Notes"] if found is not None else None


def discuss(page: Page) -> None:
    """What was talked about, in the words of the form: a product, a topic, what was said and what came of it."""
    add(page, "a discussion", "Call_Discussion")
    talk = page.locator("#lines-Call_Discussion .entry")
    talk.get_by_label("Topic").select_option(label="Safety")
    talk.get_by_role("textbox", name="Discussion").fill("Asked about the liver.")
    talk.get_by_label("Outcome").select_option(label="Follow Up")


def spend(page: Page) -> None:
    add(page, "an expense", "Call_Expense")
    expense = page.locator("#lines-Call_Expense .entry")
    expense.get_by_label("Type").select_option(label="Meal")
    for label, text in (("Amount", "41.5"), ("Currency Code", "GBP"), ("Attendees", "3"), ("Venue", "The Elm")):
        expense.get_by_label(label).fill(text)


def give_lot(running: Running, product: RecordId) -> None:
    """Sarah gets a lot of it, and it comes to her iPad."""
    ipad = running.devices[0]
    assert ipad.account is not None
    lot = {"Name": "Z-1", "ProductId": product, "Quantity": 9, "OwnerId": ipad.account.user.id}
    with seeding_org(running.uri, "demo", system_world()) as seeding:
        insert_rows(seeding, "Sample_Lot", [lot])
    ipad.go_online()
    ipad.sync()
    ipad.go_offline()
