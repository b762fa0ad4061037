"""Walks through the console that end on a device or in a file: access by its four reasons, a day that is to come, rules
given to others, accounts merged, jobs that run by the clock or are stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.web.browsing import Running, eventually
from tests.web.test_admin import admin, explain, open_person
from tests.web.test_repair import disagree

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import MANAGER, ORG, SARAH, TOM
from fieldsync.server.org.open import open_org
from fieldsync.server.processor.hourly.schedule import run_hour

pytestmark = pytest.mark.usefixtures("online")


def beside(work: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it, on a loop of its own: this thread has the browser's."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


def step(page: Page, begins: str) -> Locator:
    """A step of the explanation."""
    return page.get_by_role("region", name="Step by step").get_by_role("listitem").filter(has_text=re.compile(begins))


def test_access_is_explained_by_owner_profile_sharing_and_rule(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with ipad.edit() as edit:
        mine = edit.create("Task", {"Name": "Ring the ward"})
    eventually(lambda: not ipad.queue())
    with admin(browser, running) as page:
        explain(page, mine, SARAH.username)
        expect(step(page, "The record ✓ Yes")).to_contain_text("owned by Sarah Jones")
        expect(step(page, "Profile and permission sets ✓ Yes")).to_contain_text("Field Representative")
        expect(step(page, "Sharing ✓ Yes")).to_be_visible()
        expect(step(page, "Sync rule .* ✓ Yes")).to_contain_text("OwnerId = @@USER_ID@@")
        expect(step(page, "own feed ✓ Yes")).to_be_visible()
        explain(page, mine, TOM.username)
        page.locator("#device").select_option("iPad")
        page.get_by_role("button", name="Explain").click()
        expect(step(page, "The record ✓ Yes")).to_contain_text("owned by Sarah Jones")
        expect(step(page, "Sharing ✕ No")).to_be_visible()
        expect(step(page, "own feed ✕ No")).to_be_visible()
        verdict = page.get_by_role("region", name=re.compile("Tom Baker and"))
        expect(verdict).to_contain_text(
            re.compile("Sees it online ?✕ No.*May change it ?✕ No.*On iPad ?✕ No", re.DOTALL)
        )

        page.goto("/console/schedules")
        schedule = page.locator("section.card h2").first.get_attribute("id") or ""
        explain(page, schedule, SARAH.username)
        expect(step(page, "Profile and permission sets ✕ No")).to_be_visible()


def test_a_rule_is_given_to_another_profile_and_decides_there(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    product = ipad.find("Product")[0].id
    with admin(browser, running, "Rules") as page:
        page.get_by_role("link", name="Product", exact=True).click()
        page.get_by_role("button", name="Copy for others").click()
        page.locator("#device").select_option("iPad")
        page.locator("#profile").select_option("Field_Representative")
        page.locator("#type").select_option("top_level")
        page.get_by_label("Condition").fill("Name = 'Nothing is called so'")
        page.get_by_label("On", exact=True).check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        place = page.url.split("?")[0]
        ipad.sync()
        assert ipad.count("Product") == 0
        explain(page, product, SARAH.username)
        expect(step(page, "Sharing ✓ Yes")).to_be_visible()
        expect(step(page, "iPad, Field_Representative ✕ No")).to_contain_text("does not select this record")
        expect(step(page, "full, all – Does not count")).to_be_visible()

        page.goto(place)
        page.locator("#profile").select_option("Field_Manager")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_text("iPad · Field_Manager")).to_be_visible()
        ipad.sync()
        assert ipad.count("Product") == 9
        explain(page, product, MANAGER.username)
        page.locator("#device").select_option("iPad")
        page.get_by_role("button", name="Explain").click()
        expect(step(page, "iPad, Field_Manager ✕ No")).to_be_visible()
        page.goto(place)
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("○ Off")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", name="Sync rules")).to_be_visible()


def held(page: Page, name: str, at: str = "") -> int:
    """How many rows of an object Sarah's iPad would hold after a sync at this moment."""
    page.goto(f"/console/simulation?user={SARAH.username}")
    page.locator("#sync-at").fill(at)
    page.get_by_role("button", name="Simulate the sync").click()
    expect(page.get_by_role("table", name="What a sync would bring")).to_be_visible()
    row = page.get_by_role("row", name=re.compile(f"^{name} "))
    return int(row.get_by_role("cell").first.inner_text().replace(",", "")) if row.count() else 0


def test_an_alignment_of_a_later_day_is_seen_there_in_a_simulation_and_not_before(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    ipad, path = running.devices[0], tmp_path / "later.csv"
    mine, begins = ipad.count("Account"), (datetime.now(UTC) + timedelta(days=10)).date()
    after = f"{begins + timedelta(days=2)}T10:00"

    def align(page: Page, action: str, act: str) -> None:
        path.write_text(f"User,Territory,Action,Effective\n{SARAH.username},York,{action},{begins}\n")
        page.goto("/console/alignment")
        page.get_by_label("File", exact=True).set_input_files(path)
        page.get_by_role("button", name=act, exact=True).click()

    with admin(browser, running) as page:
        now, then = held(page, "Account"), held(page, "Account", after)
        assert now == then == mine
        align(page, "add", "Preview")
        expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile(f"{SARAH.username} User_Territory"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile(f"{SARAH.username} Account"))).to_have_count(0)
        align(page, "add", "Align")
        expect(page.get_by_role("heading", name="Done", exact=True)).to_be_visible()
        open_person(page, "Sarah Jones")
        row = page.get_by_role("region", name="Territories").get_by_role("row", name=re.compile("York"))
        expect(row).to_contain_text(f"{begins}")
        expect(row).to_contain_text("does not count")
        assert held(page, "Account") == mine
        assert held(page, "Account", after) > mine
        ipad.sync()
        assert ipad.count("Account") == mine


def test_rows_of_a_stretch_of_time_leave_in_a_simulation_of_a_later_moment(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    calls = ipad.count("Call")
    assert calls > 0
    with admin(browser, running) as page:
        assert held(page, "Call") == calls
        assert held(page, "Call", f"{datetime.now(UTC).year + 3}-01-01T00:00") == 0
        expect(page.get_by_text("Nothing was changed.")).to_be_visible()


def test_how_a_device_compared_with_the_server_is_said_in_words(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    ipad.verify()
    with admin(browser, running, "Devices") as page:
        page.get_by_role("link", name="Sarah's iPad").click()
        stands = page.get_by_role("region", name="How it stands")
        expect(stands).to_contain_text("✓ Agreed with the server")
        ipad.go_offline()
        newest = 'SELECT "Id" FROM "Sync_Tracking" WHERE "Digest" = \'Agreed\' ORDER BY "Started_At" DESC LIMIT 1'
        with psycopg.connect(running.uri, options=f"-c search_path=org_{ORG}", autocommit=True) as connection:
            changed = f'UPDATE "Sync_Tracking" SET "Digest" = \'Differed\' WHERE "Id" = ({newest})'
            assert connection.execute(changed.encode()).rowcount == 1
        page.reload()
        expect(stands).to_contain_text("✕ Differed")
        expect(page.get_by_role("region", name="Syncs").get_by_text("differed").first).to_be_visible()
        page.goto("/console/devices")
        expect(page.get_by_role("row", name=re.compile("iPad"))).to_contain_text("✕ Differs from the server")
        ipad.go_online()
        ipad.verify()
        eventually(lambda: ipad.sync().successful and "Differs" not in page.reload().text())  # type: ignore[union-attr]


def test_a_schedule_runs_at_its_hour_and_says_when(browser: Browser, running: Running) -> None:
    ipad, now = running.devices[0], datetime.now(UTC)
    disagree(running, "mine 8", "theirs 8")

    async def the_hour_comes() -> int:
        async with AsyncExitStack() as stack:
            return await run_hour(await open_org(stack, running.uri, ORG, system_world()), now)

    with admin(browser, running, "Setup") as page:
        page.goto("/console/schedules")
        page.get_by_role("button", name="Clone").first.click()
        mine = page.locator("section.card").filter(has=page.get_by_text("Change", exact=True))
        mine.get_by_text("Change", exact=True).click()
        mine.get_by_label("Name").fill("Every hour of mine")
        mine.get_by_label("Hour (UTC)").fill(str(now.hour))
        mine.get_by_label("State").select_option("Active")
        mine.get_by_role("button", name="Save").click()
        expect(mine).not_to_contain_text("Last run")
        assert beside(the_hour_comes()) == 1, "the failed save of the iPad is due"
        page.reload()
        expect(mine).to_contain_text(re.compile(rf"Every day at {now.hour:02}:00 UTC.*Last run"))
        page.goto("/console/transactions?status=Failed")
        page.get_by_role("row", name=re.compile("Failed")).get_by_role("link").first.click()
        expect(page.get_by_text(re.compile("Retry|Tried again|attempt", re.IGNORECASE)).first).to_be_visible()
    ipad.undo(ipad.errors()[0].n)


def test_a_job_that_takes_long_is_stopped_where_it_is_watched(browser: Browser, running: Running) -> None:
    """All rules are checked while nobody can read them."""
    with admin(browser, running, "Rules") as page:
        watched = page.get_by_role("region", name="Watched").locator("div").filter(has_text="Sync rules checked").first
        with psycopg.connect(running.uri, options=f"-c search_path=org_{ORG}") as holding:
            page.goto("/console/rules/check")
            holding.execute('LOCK TABLE "Sync_Rule" IN ACCESS EXCLUSIVE MODE')
            page.get_by_role("button", name=re.compile("^Check (now|again)$")).click()
            page.goto("/console/jobs")
            expect(watched).to_contain_text("Waiting for other work")
            page.locator("[id^=cancel-]").first.click()
            expect(watched).to_contain_text(re.compile("Stopping|Canceled"))
        page.goto("/console/jobs")
        expect(watched).to_contain_text("– Canceled")
        page.get_by_role("link", name="Sync rules checked for everybody").click()
        expect(page.get_by_text("– Canceled")).to_be_visible()
        expect(page.get_by_text("says nothing of the rules")).to_be_visible()
        expect(page.get_by_text("✓")).to_have_count(0)
        page.get_by_role("button", name="Check again").click()
        expect(page.get_by_text("✓ Every device that was looked at could sync.")).to_be_visible()
        expect(page.get_by_role("button", name="Check again")).to_be_visible()


def test_two_accounts_become_one_online_and_on_the_device(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    with ipad.edit() as edit:
        loser = edit.create("Account", {"Name": "Ada Twice", "Phone": "0113 1"})
        winner = edit.create("Account", {"Name": "Ada M. Twice", "Phone": "0113 2"})
        task = edit.create("Task", {"Name": "Ask Ada", "AccountId": loser})
    eventually(lambda: not ipad.queue())
    with admin(browser, running, "Records") as page:
        page.goto("/console/merge")
        page.get_by_label("Goes (record id)").fill(loser)
        page.get_by_label("Stays (record id)").fill(winner)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="Ada Twice goes into Ada M. Twice")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("Phone 0113 2 0113 1"))).to_be_visible()
        expect(page.get_by_text("1 moves")).to_be_visible()
        page.get_by_label("Take Phone").check()
        page.get_by_label("Reason").fill("the same person")
        page.get_by_role("button", name="Merge", exact=True).click()
        expect(page.get_by_role("heading", name="Ada M. Twice")).to_be_visible()
        expect(page.get_by_text("0113 1").first).to_be_visible()
    ipad.sync()
    assert ipad.get("Account", loser) is None
    kept, moved = ipad.get("Account", winner), ipad.get("Task", task)
    assert kept is not None
    assert moved is not None
    assert (kept.values["Phone"], moved.values["AccountId"]) == ("0113 1", winner)


def test_a_list_of_records_is_chosen_sorted_searched_and_turned(browser: Browser, running: Running) -> None:
    with admin(browser, running, "Records") as page:
        page.get_by_role("link", name=re.compile("^Accounts ")).click()
        table, first = page.locator("table"), page.locator("tbody tr td").first
        page.get_by_label("List").select_option(label="All Accounts")
        page.get_by_role("button", name="Show").click()
        expect(page).to_have_url(re.compile("view=All"))
        expect(table.get_by_role("columnheader", name="Specialty")).to_be_visible()
        table.get_by_role("link", name="Account Name", exact=True).click()
        expect(table.get_by_role("columnheader", name="Account Name")).to_have_attribute("aria-sort", "ascending")
        least = first.inner_text()
        table.get_by_role("link", name="Account Name", exact=True).click()
        expect(table.get_by_role("columnheader", name="Account Name")).to_have_attribute("aria-sort", "descending")
        assert first.inner_text().lower() > least.lower()
        page.get_by_label("Find by name").fill(least.split()[-1])
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("link", name=least)).to_be_visible()
        expect(page.get_by_label("List")).to_have_value("All")
        page.get_by_label("Find by name").fill("nobody is called so")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("Nothing matches “nobody is called so”.")).to_be_visible()
