"""The console's pages as they are once somebody asked them something: what a form answers, how a job went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect

from fieldsync.cli.demo.people import SARAH, TOM

GROUPED = "SELECT Status, COUNT(Id) FROM Call GROUP BY Status"
PACK = """
name: looked
label: Looked
extensions:
  - {object: Account, fields: [{name: Hall__c, type: text, label: Hall}]}
"""
VMOC = """Name,Object_Name_vod__c,Device_vod__c,Type_vod__c,Where_Clause_vod__c,Profile_Name_vod__c
VMOC-1,Product,iPad_vod,Top_Level_Sync_vod,WHERE Name LIKE 'C%',Rep of Leeds
VMOC-2,Wholesaler_vod__c,iPad_vod,Top_Level_Sync_vod,,Rep of Leeds
VMOC-3,Account,CRM_Engage_vod,Top_Level_Sync_vod,,Rep of Leeds
"""
LINES = f"User,Territory,Action\n{TOM.username},Leeds,add\n"


def answers(page: Page) -> Iterator[str]:
    """The name of each, once `page` shows it. What is asked for is taken back, or was only a preview."""
    for name, ask in ASKED.items():
        ask(page)
        yield name


def _sent(page: Page, place: str, name: str, text: str, act: str) -> None:
    page.goto(place)
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name=act, exact=True).click()
        page.wait_for_load_state()


def _account(page: Page, place: int = 0) -> str:
    """The id of one that is listed."""
    page.goto("/console/objects/Account")
    link = page.locator('main a[href^="/console/objects/Account/0"]').nth(place)
    return str(link.get_attribute("href")).rsplit("/", 1)[-1]


def _explained(page: Page) -> None:
    page.goto(f"/console/access?record={_account(page)}&user={SARAH.username}")


def _deleted(page: Page) -> None:
    page.goto(f"/console/delete/Account/{_account(page)}")


def _merged(page: Page) -> None:
    page.goto(f"/console/merge?object_name=Account&loser={_account(page)}&winner={_account(page, 1)}")


def _aligned(page: Page) -> None:
    _sent(page, "/console/alignment", "alignment.csv", LINES, "Preview")
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()


def _checked_in(page: Page) -> None:
    lines = "Product Name,ProductCode\nNew,N-1\n,N-2\n"
    _sent(page, "/console/import/Product", "p.csv", lines, "Check only")
    expect(page.get_by_role("heading", name="What would become of the lines")).to_be_visible()


def _deployed(page: Page) -> None:
    """Once it is in force, planning it again finds nothing to do."""
    deploy = page.get_by_role("button", name="Deploy", exact=True)
    if deploy.is_visible():
        deploy.click()
    else:
        page.goto("/console/deploy")
    expect(page.get_by_text("✓ Deployed")).to_be_visible()
    page.get_by_text("States", exact=True).click()


def _left(page: Page) -> None:
    """All that one of two owns goes to the other; asked again it goes back."""
    names = ("Tom Baker", "Jonas Weber")
    for leaver, heir in (names, names[::-1]):
        page.goto("/console/people")
        page.get_by_role("link", name=leaver).click()
        expect(page.get_by_role("heading", name=leaver)).to_be_visible()
        if page.get_by_role("button", name="Give all").is_visible():
            page.get_by_label("Somebody leaves").select_option(label=heir)
            page.get_by_role("button", name="Give all").click()
            expect(page.get_by_text("✓ Done")).to_be_visible()
            return


def _simulated(page: Page) -> None:
    page.goto(f"/console/simulation?user={SARAH.username}")
    page.get_by_role("button", name="Simulate the sync").click()
    expect(page.get_by_role("table", name="What a sync would bring")).to_be_visible()
    page.get_by_role("button", name="Simulate the saves").click()
    expect(page.locator("#saves-answer")).not_to_be_empty()


def _previewed(page: Page) -> None:
    page.goto("/console/rules")
    page.get_by_role("link", name="Product", exact=True).click()
    page.locator("#type").select_option("top_level")
    page.get_by_label("Condition").fill("Name LIKE 'C%'")
    page.get_by_role("button", name="Edit as rows").click()
    expect(page.get_by_label("Logic")).to_be_visible()
    page.get_by_role("button", name="Preview difference").click()
    expect(page.get_by_role("table", name="What devices would get and lose")).to_be_visible()


def _brought(page: Page) -> None:
    page.goto("/console/rules/import")
    with TemporaryDirectory() as folder:
        path = Path(folder, "vmoc.csv")
        path.write_text(VMOC, encoding="utf-8")
        page.get_by_label("Files", exact=True).set_input_files(path)
        page.get_by_label("Leave out rules that need objects this org lacks").check()
        page.get_by_role("button", name="Check").click()
        page.get_by_label("Rep of Leeds").select_option("Field_Representative")
        page.get_by_role("button", name="Preview difference").click()
        expect(page.get_by_role("table", name="What devices would get and lose")).to_be_visible()


def _checked(page: Page) -> None:
    page.goto("/console/rules/check")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="The last check")).to_be_visible()


def _supported(page: Page) -> None:
    page.goto("/console/devices")
    page.get_by_role("link", name="Sarah's iPad").click()
    page.get_by_label("Reason").fill("Ticket 7: an account is missing")
    page.get_by_role("button", name="Begin a support session").click()
    expect(page.get_by_role("heading", name="Support session")).to_be_visible()


def _supported_and_ended(page: Page) -> None:
    page.get_by_role("button", name="End the session").click()
    expect(page.get_by_role("button", name="Record and history")).to_be_visible()


def _reload_asked(page: Page) -> None:
    page.goto("/console/versions")
    page.get_by_text("Ask for it").click()
    page.get_by_label("Due").fill("2099-01-31")
    page.get_by_role("button", name="Ask devices").click()
    expect(page.get_by_role("status")).to_be_visible()


def _reload_taken_back(page: Page) -> None:
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("It is taken back.")


def _opened(place: str) -> Callable[[Page], object]:
    return lambda page: page.goto(place)


ASKED: dict[str, Callable[[Page], object]] = {
    "access-explained": _explained,
    "record-delete": _deleted,
    "merge": _opened("/console/merge"),
    "merge-previewed": _merged,
    "rules-counted": _opened(f"/console/rules?user={SARAH.username}"),
    "rule-previewed": _previewed,
    "rules-checked": _checked,
    "rules-brought": _brought,
    "alignment-previewed": _aligned,
    "jobs-watched": _opened("/console/jobs"),
    "records-imported": _checked_in,
    "deploy-planned": lambda page: _sent(page, "/console/deploy", "looked.yaml", PACK, "Plan"),
    "deployed": _deployed,
    "simulated": _simulated,
    "answered": _opened(f"/console/reports/ask?q={GROUPED}"),
    "support": _supported,
    "support-ended": _supported_and_ended,
    "versions-asked": _reload_asked,
    "versions": _reload_taken_back,
    "left": _left,
}
