"""Sync rules in the console: found, tried, previewed as a difference, changed; what is wrong is shown in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, focus

from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH

pytestmark = pytest.mark.usefixtures("online")


@contextmanager
def console(browser: Browser, running: Running, size: int = 0) -> Iterator[Page]:
    """The console with the admin signed in."""
    with app(browser, running.console, size) as page:
        page.get_by_label("Org").fill(ORG)
        page.get_by_label("User name").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Rules").click()
        yield page


def test_a_rule_is_tried_previewed_changed_and_taken_back(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        page.get_by_label("Count rows for").fill(SARAH.username)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("row", name=re.compile(r"^Product all .*On required 9$"))).to_be_visible()
        page.get_by_role("link", name="Product", exact=True).click()

        page.locator("#type").select_option("top_level")
        page.get_by_label("Condition").fill("Name != null\nAND Town = 'Leeds'")
        page.get_by_role("button", name="Validate").click()
        expect(page.locator("#answer").get_by_text("Product has no field Town.")).to_be_visible()
        expect(page.locator("#answer").get_by_text("line 2, column 5")).to_be_visible()

        page.get_by_label("Condition").fill("Name LIKE 'C%' AND Name != null")
        page.get_by_role("button", name="Edit as rows").click()
        expect(page.get_by_label("Logic")).to_have_value("AND")
        page.get_by_role("button", name="Remove row 2").click()
        expect(page.locator("[name=filter_value]")).to_have_count(1)
        page.locator("[name=filter_value]").fill("Nothing like it%")
        page.locator("#user").fill(SARAH.username)
        page.get_by_role("button", name="Test the filter").click()
        expect(page.locator("#answer").get_by_text(f"0 rows of Product for {SARAH.username}")).to_be_visible()
        page.locator("#user").fill("")
        page.get_by_role("button", name="Preview difference").click()
        table = page.get_by_role("table", name="What devices would get and lose")
        expect(table.get_by_role("row", name=re.compile("Sarah Jones.*iPad.*Product.*−9"))).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_label("Condition")).to_have_value("Name LIKE 'Nothing like it%'")

        ipad = running.devices[0]
        ipad.sync()
        assert ipad.count("Product") == 0
        page.get_by_label("Condition").fill("")
        page.locator("#type").select_option("full")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        ipad.sync()
        assert ipad.count("Product") == 9


def test_rows_are_counted_of_the_rules_that_count_for_the_person(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        page.get_by_label("Count rows for").fill(SARAH.username)
        page.get_by_role("button", name="Show").click()
        mine = page.get_by_role("row", name=re.compile(r"^Account all every profile .* \d+$"))
        expect(mine).to_have_count(1)
        expect(
            page.get_by_role("row", name=re.compile("^Account all Field_ ?Manager .* does not count$"))
        ).to_have_count(1)


def test_a_condition_is_written_with_help_and_counted_while_it_is_typed(browser: Browser, running: Running) -> None:
    with console(browser, running) as page:
        page.get_by_role("link", name="Product", exact=True).click()
        page.locator("#type").select_option("top_level")
        page.locator("#user").fill(SARAH.username)
        condition = page.get_by_label("Condition")
        focus(condition)
        page.keyboard.type("Nam")
        expect(page.get_by_role("option", name="Name", exact=True)).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        page.keyboard.type(" LIKE 'C%'")
        expect(condition).to_have_value("Name LIKE 'C%'")
        expect(page.locator(".soql-text")).to_have_text("'C%'")
        expect(page.locator("#live").get_by_text(f"rows of Product for {SARAH.username}")).to_be_visible()
        page.keyboard.type(" AND Towm = 1")
        expect(page.locator(".soql-unknown")).to_have_text("Towm")
        expect(page.locator("#live").get_by_text("Product has no field Towm.")).to_be_visible()
        page.get_by_role("button", name="Copy for others").click()
        expect(page.locator("#object")).to_have_value("Product")
        expect(page.get_by_label("On", exact=True)).not_to_be_checked()


def test_all_rules_go_out_as_a_file_and_come_in_again(browser: Browser, running: Running, tmp_path: Path) -> None:
    with console(browser, running, size=1) as page:
        with page.expect_download() as taken:
            page.get_by_role("button", name="Export").click()
        file = tmp_path / "rules.json"
        taken.value.save_as(file)
        page.get_by_role("button", name="Import").click()
        page.get_by_label("Files").set_input_files(file)
        page.get_by_role("button", name="Import").click()
        expect(page.get_by_text(re.compile(r"Saved: \d+ unchanged\."))).to_be_visible()
        file.write_text(file.read_text().replace('"Product"', '"Nothing"', 1))
        page.get_by_label("Files").set_input_files(file)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("It cannot be saved as it is.")).to_be_visible()


def test_what_the_app_needs_stays_on_and_faults_stand_by_their_fields(browser: Browser, running: Running) -> None:
    with console(browser, running, size=1) as page:
        page.get_by_role("link", name="User", exact=True).click()
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("The field app needs User: its rule cannot be switched off.")).to_be_visible()
        page.get_by_role("link", name="Sync rules").click()
        page.get_by_role("button", name="New rule").click()
        page.locator("#object").select_option("Account")
        page.locator("#device").select_option("Mac")
        page.get_by_label("Field that leads to the parent").fill("Nowhere")
        page.get_by_label("Rows at most").fill("many")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#rows_max-wrong")).to_contain_text("many is no whole number")
        page.get_by_label("Rows at most").fill("5")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#relationship_field-wrong")).to_contain_text("Account.Nowhere is no reference.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
