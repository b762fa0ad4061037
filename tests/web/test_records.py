"""Records in the console: found, read, made, changed, deleted, and as files; with the rights of who is signed in."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually

from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH, TOM

pytestmark = pytest.mark.usefixtures("online")


@contextmanager
def signed_in(browser: Browser, running: Running, username: str = ADMIN, size: int = 0) -> Iterator[Page]:
    """The console's records."""
    with app(browser, running.console, size) as page:
        page.get_by_label("Org").fill(ORG)
        page.get_by_label("User name").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Records").click()
        yield page


def test_a_record_is_made_changed_told_of_and_deleted(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with signed_in(browser, running) as page:
        page.get_by_role("link", name=re.compile("^Products ")).click()
        page.get_by_role("button", name="New").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Product Name must be filled in.")).to_be_visible()
        page.get_by_label("Product Name").fill("Zentrol 5 mg")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Zentrol 5 mg")).to_be_visible()
        expect(page.get_by_text("Created.")).to_be_visible()
        ipad.sync()
        assert ipad.count("Product", {"Name": "Zentrol 5 mg"}) == 1

        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Product Name").fill("Zentrol 10 mg")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        history = page.get_by_role("region", name="History")
        expect(history.get_by_text("update online")).to_be_visible()
        expect(history.get_by_text("Zentrol 5 mg → Zentrol 10 mg")).to_be_visible()

        page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url(re.compile("objects/Product$"))
        expect(page.get_by_text("Zentrol")).to_have_count(0)
        ipad.sync()
        assert ipad.count("Product", {"Name": "Zentrol 10 mg"}) == 0


def test_who_was_slower_sees_what_the_other_saved_and_decides(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    with signed_in(browser, running) as page:
        page.goto(f"/console/objects/Account/{account}/edit")
        with ipad.edit() as edit:
            edit.update("Account", account, {"Phone": "+44 1"})
        eventually(lambda: not ipad.queue())
        page.get_by_label("Phone", exact=True).fill("+44 2")
        page.get_by_label("Fax").fill("+44 3")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Somebody changed this record meanwhile.")).to_be_visible()
        expect(page.get_by_text("is now +44 1; you typed +44 2")).to_be_visible()
        expect(page.get_by_label("Fax")).to_have_value("+44 3")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
    ipad.sync()
    assert ipad.find("Account", where={"LastName": "Ackerman"})[0].values["Phone"] == "+44 2"


def test_a_representative_sees_what_is_his_in_his_time_and_manner(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    call = ipad.find("Call", where={"Status": "Planned"})[0]
    with signed_in(browser, running) as page:
        page.goto(f"/console/objects?search={ipad.account.user.id if ipad.account else ''}")
        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Time Zone").select_option("Asia/Tokyo")
        page.get_by_label("Locale").select_option("ja_JP")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
    with signed_in(browser, running, SARAH.username, 1) as page:
        expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(1)
        at = datetime.fromisoformat(str(call.values["Call_Date"])).astimezone(ZoneInfo("Asia/Tokyo"))
        page.goto(f"/console/objects/Call/{call.id}")
        expect(page.get_by_text(f"{at:%Y/%m/%d %-H:%M}").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.goto(f"/console/objects/Account/{account}")
        expect(page.get_by_role("region", name="Calls")).to_be_visible()
    with signed_in(browser, running, TOM.username) as page:
        assert page.request.get(f"/console/objects/Account/{account}").status == 404
        assert "Dr. Ruth" not in page.request.get("/console/objects/Account?search=Ackerman").text()
        assert "Ackerman" not in page.request.get("/console/export/Account").text()
        assert page.request.get("/console/transactions", max_redirects=0).status == 303, "that is for admins"


def test_lines_of_a_file_are_checked_brought_in_and_given_back(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    lines = [("ProductCode", "Product Name", "External_Id", "Parent_Product.External_Id", "Created Date")]
    lines += [("P1", "=Sum", "X-1", "", ""), ("P2", "Ok", "X-2", "X-1", ""), ("P3", "", "X-3", "", "")]
    path = tmp_path / "products.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    with signed_in(browser, running) as page:

        def send(act: str) -> None:
            page.goto("/console/import/Product")
            page.get_by_label("File", exact=True).set_input_files(path)
            page.get_by_label("Records that are there").select_option("External_Id")
            page.get_by_role("button", name=act, exact=True).click()

        send("Check only")
        expect(page.get_by_role("heading", name="What would become of the lines")).to_be_visible()
        expect(page.get_by_text("Left out, because nobody may write them: Created Date.")).to_be_visible()
        assert page.request.get("/console/objects/Product?search=Ok").text().count("X-2") == 0
        path.write_text("\n".join(",".join(one) for one in (*lines[:2], lines[3])), encoding="utf-8")
        send("Import")
        expect(page.get_by_role("row", name=re.compile("3 Product Name must be filled in."))).to_be_visible()
        path.write_text("\n".join(",".join(one) for one in lines[:3]), encoding="utf-8")
        send("Check only")
        expect(page.get_by_text("✓ No line would be refused.")).to_be_visible()
        page.get_by_role("button", name="Import as checked").click()
        expect(page.get_by_text("✓ No line was refused.")).to_be_visible()
        expect(page.get_by_role("button", name="Import as checked")).to_have_count(0)
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Report as a file").click()
        told = list(csv.DictReader(Path(downloading.value.path()).read_text(encoding="utf-8").splitlines()))
        assert [(one["line"], one["became"]) for one in told] == [("2", "unchanged"), ("3", "created")]
        out = page.request.get("/console/export/Product").text()
    rows = {row["External_Id"]: row for row in csv.DictReader(out.splitlines())}
    assert rows["X-1"]["Name"] == "'=Sum", "a spreadsheet does not run it"
    assert rows["X-2"]["Parent_ProductId"] == rows["X-1"]["Id"]
