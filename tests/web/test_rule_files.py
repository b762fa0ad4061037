"""Sync rules of other systems come in through the console: checked, previewed, given profiles of this org, saved."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.schema.rules_import.test_brought import zipped
from tests.schema.rules_import.test_lsc import schema_record
from tests.web.browsing import Running
from tests.web.test_rules import console

pytestmark = pytest.mark.usefixtures("online")

HEADER = ("Name", "Object_Name_vod__c", "Device_vod__c", "Type_vod__c", "Where_Clause_vod__c", "Profile_Name_vod__c")
TOP = "Top_Level_Sync_vod"
ROWS = (
    ("VMOC-1", "Product", "iPad_vod", TOP, "WHERE Name LIKE 'Nothing like it%'", "Rep of Leeds"),
    ("VMOC-2", "Wholesaler_vod__c", "iPad_vod", TOP, "", "Rep of Leeds"),
    ("VMOC-3", "Account", "iPhone_vod", TOP, "WHERE Id IN (@@VOD_SOMETHING@@)", "Rep of Leeds"),
    ("VMOC-4", "Account", "CRM_Engage_vod", TOP, "", "Rep of Leeds"),
)


def told(page: Page, heading: str, record: str) -> Locator:
    """What the report says of a record under this heading."""
    return page.get_by_role("table", name=heading, exact=True).get_by_role("row", name=re.compile(f"^{record} "))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_exported_vmoc_rows_are_checked_previewed_and_brought_in(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    file, ipad = tmp_path / "vmoc.csv", running.devices[0]
    with file.open("w", newline="") as out:
        csv.writer(out).writerows((HEADER, *ROWS))
    with console(browser, running) as page:
        page.goto("/console/rules/import")
        page.get_by_label("Files", exact=True).set_input_files(file)
        press(page, "Check")
        expect(page.get_by_text("It cannot be saved as it is.")).to_be_visible()
        expect(page.get_by_text("Read: 3 rules, 2 of them with a condition")).to_be_visible()
        expect(told(page, "Refused", r"VMOC-2 \(line 3\)")).to_contain_text("there is no object Wholesaler_vod__c here")
        expect(told(page, "Not taken over", r"VMOC-3 \(line 4\)")).to_contain_text("line 1, column 8")
        expect(told(page, "Not taken over", r"VMOC-4 \(line 5\)")).to_contain_text("there is no device CRM_Engage_vod")

        page.get_by_label("Leave out rules that need objects this org lacks").check()
        page.get_by_label("Rep of Leeds").select_option("Field_Representative")
        press(page, "Preview difference")
        expect(page.get_by_text("It can be saved.")).to_be_visible()
        moves = page.get_by_role("table", name="What devices would get and lose")
        expect(moves.get_by_role("row", name=re.compile("Sarah Jones.*iPad.*Product.*−9"))).to_be_visible()
        expect(page.get_by_label("Rep of Leeds")).to_have_value("Field_Representative")
        ipad.sync()
        assert ipad.count("Product") == 9
        press(page, "Import")
        expect(page.get_by_text("Saved: 1 created.")).to_be_visible()
        ipad.sync()
        assert ipad.count("Product") == 0
        press(page, "Import")
        expect(page.get_by_text("Saved: 1 unchanged.")).to_be_visible()


def test_configuration_of_life_sciences_cloud_comes_as_json_as_a_zip_or_as_its_records(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    packed, loose = tmp_path / "config.zip", tmp_path / "DbSchema_C.lifeSciConfigRecord-meta.xml"
    packed.write_bytes(zipped(lsc__lifeSciConfigRecords__DbSchema_A=schema_record(to="Custom-Rep A")))
    loose.write_text(schema_record(to="Custom-Rep C"))
    values = {"SObject": "Product", "Type": "DATA", "Status": "VALID", "WhereSoql": "Name != null"}
    assigned = [{"level": "Profile", "to": "Rep B"}]
    record = {"name": "DbSchema_B", "active": True, "org_level": False, "assignments": assigned, "fields": values}
    listed = tmp_path / "config.json"
    listed.write_text(json.dumps({"records": [record]}))
    with console(browser, running, size=1) as page:
        page.goto("/console/rules/import")
        for file, name in ((packed, "Rep A"), (listed, "Rep B"), (loose, "Rep C")):
            page.get_by_label("Files", exact=True).set_input_files(file)
            press(page, "Check")
            expect(page.get_by_label(name)).to_be_visible()
            expect(page.get_by_text("Read: 1 rule, 1 of them with a condition")).to_be_visible()
        page.get_by_label("Files", exact=True).set_input_files([packed, listed, loose])
        press(page, "Check")
        expect(page.get_by_text("Read: 3 rules, 3 of them with a condition")).to_be_visible()
        for name in ("Rep A", "Rep B", "Rep C"):
            expect(page.get_by_label(name)).to_have_value("")


def test_a_file_that_is_none_is_refused_with_its_reason(browser: Browser, running: Running, tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text("{")
    with console(browser, running) as page:
        page.route("**/rules/import", lambda route: route.fulfill(status=200, response=route.fetch()))
        page.goto("/console/rules/import")
        page.get_by_label("Files", exact=True).set_input_files(file)
        press(page, "Check")
        expect(page.get_by_role("alert")).to_contain_text("notes.json")
