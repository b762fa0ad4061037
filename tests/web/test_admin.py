"""What only an admin does in the console: people and their territories, why somebody sees a record, who leaves."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.schema.shared_data import shared
from tests.web.browsing import Running, app, eventually

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH, TOM
from fieldsync.device.status.report import SyncKind

pytestmark = pytest.mark.usefixtures("online")


@contextmanager
def admin(browser: Browser, running: Running, place: str = "People", size: int = 0) -> Iterator[Page]:
    """The console with the admin signed in."""
    with app(browser, running.console, size) as page:
        page.get_by_label("Org").fill(ORG)
        page.get_by_label("User name").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name=place, exact=True).click()
        yield page


def open_person(page: Page, name: str) -> None:
    page.goto("/console/people")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def explain(page: Page, record: str, username: str) -> None:
    page.goto(f"/console/access?record={record}")
    page.get_by_label("Person").fill(username)
    page.get_by_role("button", name="Explain").click()


def test_a_territory_given_explains_itself_and_brings_its_accounts(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with admin(browser, running) as page:
        page.goto("/console/objects/Territory_Account?search=")
        york = page.get_by_role("row", name=re.compile("York")).first
        york.get_by_role("link").first.click()
        account = page.locator("dl.facts").get_by_role("link").filter(has_not_text="York").first
        record = RecordId(str(account.get_attribute("href")).rsplit("/", 1)[-1])
        assert ipad.get("Account", record) is None
        explain(page, record, SARAH.username)
        step = page.get_by_role("listitem")
        expect(step.filter(has_text="Sharing ✕ No")).to_be_visible()
        expect(step.filter(has_text=re.compile("Sync rule top level, all ✕ No"))).to_be_visible()
        expect(step.filter(has_text="Field_Manager – Does not count")).to_be_visible()
        expect(step.filter(has_text=re.compile(r"Values of this person.*TERRITORY_IDS\S* Leeds"))).to_be_visible()

        open_person(page, "Sarah Jones")
        page.locator("#territory").select_option(label="York")
        page.get_by_role("region", name="Territories").get_by_role("button", name="Give").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        explain(page, record, SARAH.username)
        expect(step.filter(has_text="Sharing ✓ Yes")).to_be_visible()
        ipad.sync()
        assert ipad.get("Account", record) is not None

        open_person(page, "Sarah Jones")
        page.get_by_role("button", name="End today: York").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_text("never", exact=True)).to_have_count(0)  # she signed in on her devices
        page.get_by_role("button", name="Record and history").click()
        expect(page.get_by_role("heading", name="History")).to_be_visible()


def test_an_alignment_shows_what_comes_and_goes_before_it_is_done(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    ipad = running.devices[0]
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    mine, path = ipad.count("Account"), tmp_path / "alignment.csv"

    def bring(page: Page, text: str, act: str) -> None:
        path.write_text(text, encoding="utf-8")
        page.goto("/console/alignment")
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name=act, exact=True).click()

    with admin(browser, running) as page:
        bring(page, f"Account,Territory,Action\n{account},Leeds,remove\n{account},Nowhere,add\n", "Align")
        expect(page.get_by_role("heading", name="Nothing was done")).to_be_visible()
        expect(page.get_by_role("row", name="3 there is no territory Nowhere")).to_be_visible()
        line = f"User,Territory,Action,Effective\n{TOM.username},Leeds,add,\n"
        bring(page, line, "Preview")
        came = page.get_by_role("row", name=re.compile(rf"{TOM.username} Account \+\d+"))
        expect(came).to_be_visible()
        assert page.request.get("/console/objects/User_Territory").text().count("Tom Baker") == 1, "only looked at"
        page.get_by_role("button", name="Align as previewed").click()
        expect(page.get_by_role("heading", name="Done", exact=True)).to_be_visible()
        assert page.request.get("/console/objects/User_Territory").text().count("Tom Baker") == 2
        bring(page, line, "Preview")
        expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
        expect(page.get_by_role("button", name="Align as previewed")).to_have_count(0)
    ipad.sync()
    assert ipad.count("Account") == mine


def test_all_that_a_leaver_owns_goes_to_another_in_one_act(browser: Browser, running: Running) -> None:
    with admin(browser, running) as page:
        open_person(page, "Tom Baker")
        page.get_by_label("Somebody leaves").select_option(label="Jonas Weber")
        page.get_by_role("button", name="Give all").click()
        expect(page.get_by_role("heading", name="From Tom Baker to Jonas Weber")).to_be_visible()
        expect(page.get_by_text("✓ Done")).to_be_visible()
        expect(page.get_by_text("Submitted records stay with Tom Baker")).to_be_visible()
        page.get_by_role("link", name="Tom Baker").click()
        owns = page.get_by_role("region", name="Owns")
        expect(owns.get_by_text("Accounts")).to_have_count(0)
        expect(owns.get_by_text("all submitted").first).to_be_visible()
        expect(owns.get_by_role("button")).to_have_count(0)
        page.get_by_role("button", name="Deactivate").click()
        expect(page.get_by_text("Inactive: refused at sign-in")).to_be_visible()
        page.goto("/console/transactions?object=Account")
        page.locator('main td a[href^="/console/transactions/"]').first.click()
        expect(page.get_by_role("row", name=re.compile("^OwnerId Tom Baker .* Jonas Weber "))).to_be_visible()
        page.get_by_role("link", name=re.compile("^001")).click()
        expect(page.get_by_role("region", name="History").get_by_text("Tom Baker → Jonas Weber")).to_be_visible()


PACK = """
name: extra
label: Extra
extensions:
  - object: Account
    fields:
      - {name: Town_Hall__c, type: text, label: Town Hall, length: 40}
      - name: Greeting__c
        type: formula
        label: Greeting
        formula_returns: text
        formula: '"Town: " & Town_Hall__c'
"""


def test_a_pack_is_planned_deployed_and_told_of_by_what_reads_what(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    path, ipad = tmp_path / "extra.yaml", running.devices[0]
    with admin(browser, running, "Setup") as page:
        page.get_by_role("button", name="Deploy a change").click()
        path.write_text(PACK, encoding="utf-8")
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name="Plan").click()
        expect(page.get_by_role("row", name="add column Account Town_Hall__c ✓ keeps data")).to_be_visible()
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_text("✓ Deployed")).to_be_visible()
        page.goto("/console/catalog/Account")
        row = page.locator("#Town_Hall__c")
        row.get_by_text("1", exact=True).click()
        expect(row.get_by_text("formula Account: Greeting__c")).to_be_visible()
        page.get_by_role("link", name="Versions").click()
        expect(page.get_by_role("row", name=re.compile("✓ Current"))).to_have_count(1)

        path.write_text(
            PACK.replace("Town_Hall__c, type: text", "Town_Hall__c, type: number, precision: 5, scale: 0").replace(
                ", length: 40", ""
            ),
            encoding="utf-8",
        )
        page.get_by_role("link", name="Deploy").click()
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name="Plan").click()
        expect(page.get_by_role("row", name=re.compile("alter column .*✕ loses data"))).to_be_visible()
    ipad.sync()
    assert "Town_Hall__c" in ipad.catalog["Account"].fields


def test_a_device_is_asked_for_a_refresh_confirms_it_and_is_taken_out_of_service(
    browser: Browser, running: Running
) -> None:
    ipad, iphone = running.devices
    ipad.sync()
    with admin(browser, running, "Devices") as page:
        mine = page.get_by_role("row", name=re.compile("Sarah Jones.*iPad"))
        expect(mine.get_by_text("✓ In order")).to_be_visible()
        mine.get_by_role("link").nth(1).click()
        page.get_by_role("button", name="Ask for a full refresh").click()
        expect(page.get_by_text("Asked: it loads everything anew")).to_be_visible()
        assert ipad.sync().kind is SyncKind.FULL
        eventually(lambda: "full refresh</td>" in page.reload().text())  # type: ignore[union-attr]
        expect(page.get_by_text("Not asked. Last one")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("full refresh Forced .* ✓ Done")).first).to_be_visible()

        page.get_by_role("link", name="Devices", exact=True).first.click()
        page.get_by_role("row", name=re.compile("iPhone")).get_by_role("link").nth(1).click()
        page.get_by_role("button", name="Take out of service").click()
        expect(page.get_by_text("This device is out of service")).to_be_visible()
        with pytest.raises(Refused) as refused:
            iphone.sync()
        assert refused.value.problem.code is Code.AUTH
        page.get_by_role("button", name="Put back into service").click()
        expect(page.get_by_text("In service.")).to_be_visible()


def test_a_setting_is_given_to_a_profile_and_it_is_seen_where_it_comes_from(browser: Browser, running: Running) -> None:
    with admin(browser, running, "Setup") as page:
        page.get_by_role("link", name="Settings", exact=True).click()
        page.get_by_label("Show what counts for").fill(SARAH.username)
        page.get_by_role("button", name="Show").click()
        row = page.get_by_role("row", name=re.compile("^Days until edits are overdue"))
        expect(row.get_by_text("from the product")).to_be_visible()
        switch = page.get_by_role("row", name=re.compile("^Step Log"))
        expect(switch.get_by_role("cell", name="No", exact=True)).to_be_visible()
        row.get_by_role("link").click()
        for place, days in (("Whole org", "4"), ("Field Representative", "6")):
            page.get_by_label(f"Value for {place}").fill(days)
            page.get_by_role("row", name=re.compile(f"^{place}")).get_by_role("button", name="Save").click()
            expect(page.get_by_text("✓ Saved.")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^Whole org")).get_by_text("Admin")).to_be_visible()
        page.goto(f"/console/settings?user={SARAH.username}")
        expect(row.get_by_text("from profile Field Representative")).to_be_visible()
        running.devices[0].sync()
        assert running.devices[0].account.settings.overdue_days == 6  # type: ignore[union-attr]
        page.goto("/console/settings/Overdue_Days")
        page.get_by_label("Value for Field Representative").fill("")
        page.get_by_role("row", name=re.compile("^Field Representative")).get_by_role("button", name="Save").click()
        inherited = page.get_by_role("row", name=re.compile("^Field Representative")).get_by_text("from the whole org")
        expect(inherited).to_be_visible()
        page.goto("/console/jobs")
        expect(page.get_by_role("heading", name="The last day")).to_be_visible()


def test_a_zip_of_salesforce_source_is_planned_deployed_and_taken_up_by_a_device(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    packed, ipad = tmp_path / "project.zip", running.devices[0]
    source = shared("sfdx/ProjectManagementTool")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(one for one in source.rglob("*") if one.is_file()):
            archive.write(path, path.relative_to(source.parent))
    with admin(browser, running, "Setup") as page:
        page.goto("/console/deploy")
        page.get_by_label("File", exact=True).set_input_files(packed)
        page.get_by_role("button", name="Plan").click()
        expect(page.get_by_role("heading", name=re.compile("What was read of"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^create table")).first).to_be_visible()
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.get_by_text("✓ Deployed")).to_be_visible(timeout=60_000)
        page.goto("/console/catalog?search=__c")
        names = page.locator("main a[href^='/console/catalog/']").all_inner_texts()
        assert names
    ipad.sync()
    assert any(one.name.endswith("__c") for one in ipad.catalog)
