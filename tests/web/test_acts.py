"""Acts of an admin in the console: a person set up, a device asked, jobs and schedules, a save settled by hand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import Running, app, eventually
from tests.web.test_admin import admin, open_person
from tests.web.test_repair import disagree

from fieldsync.cli.demo.people import ORG, SARAH

pytestmark = pytest.mark.usefixtures("online")
NEW = "nora.lind@demo.example"


def saved(page: Page) -> None:
    expect(page.get_by_role("status")).to_contain_text("Saved.")


def test_a_person_is_made_given_what_they_need_and_signs_in(browser: Browser, running: Running) -> None:
    with admin(browser, running) as page:
        page.get_by_role("button", name="New person").click()
        for label, text in (("Username", NEW), ("First Name", "Nora"), ("Last Name", "Lind")):
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("combobox", name="Profile").fill("Field")
        page.get_by_role("option", name="Field_Representative").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Nora Lind")).to_be_visible()
        open_person(page, "Nora Lind")
        page.get_by_text("Change profile or password").click()
        page.get_by_label("New password").fill("short")
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("alert")).to_contain_text("✕")
        page.get_by_text("Change profile or password").click()
        page.get_by_label("New password").fill("a walk in the rain 7")
        page.get_by_role("button", name="Set password").click()
        expect(page.get_by_role("status")).to_contain_text("The password is set")
        page.get_by_text("Change profile or password").click()
        page.locator("#profile").select_option(label="Field Manager")
        page.get_by_role("button", name="Change profile").click()
        saved(page)
        expect(page.get_by_role("link", name="Field Manager")).to_be_visible()
        sets = page.get_by_role("region", name="Permission sets")
        if sets.get_by_role("button", name="Give").count():
            sets.get_by_role("button", name="Give").click()
            saved(page)
            sets.get_by_role("button", name=re.compile("^Take back")).click()
            saved(page)
        page.get_by_role("button", name="Switch on").click()
        saved(page)
        expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    with app(browser, running.console) as page:
        for label, text in (("Org", ORG), ("User name", NEW), ("Password", "a walk in the rain 7")):
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Records")).to_be_visible()


def test_a_device_hands_over_its_queue_and_a_wipe_is_asked_with_its_persons_name(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    with admin(browser, running, "Devices") as page:
        page.get_by_role("link", name="Sarah's iPad").click()
        page.get_by_role("button", name="Ask for its queue").click()
        expect(page.get_by_role("button", name="Take it back").or_(page.get_by_text("✓ Handed over"))).to_be_visible()
        ipad.sync()
        eventually(lambda: "✓ Handed over" in page.reload().text())  # type: ignore[union-attr]
        expect(page.get_by_role("link", name="What it handed over, as a file")).to_be_visible()
        ipad.go_offline()
        for typed, said in (("somebody", "needs the user name"), (SARAH.username, "not delivered yet")):
            page.get_by_text("Wipe this device").click()
            page.get_by_label("User name of the person, to confirm").fill(typed)
            page.get_by_role("button", name="Wipe", exact=True).click()
            expect(page.get_by_text(said)).to_be_visible()
        page.get_by_role("button", name="Take it back").click()
        expect(page.get_by_text("Wipe this device")).to_be_visible()
    ipad.go_online()
    assert ipad.sync().successful


def test_errors_are_cleared_on_the_device_and_a_save_is_settled_by_hand(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    disagree(running, "mine 5", "theirs 5")
    with admin(browser, running, "Transactions") as page:
        page.get_by_role("row", name=re.compile("Failed")).get_by_role("link").first.click()
        page.get_by_label("Comment").fill("called her")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("Admin: called her").first).to_be_visible()
        page.locator("#reason").fill("typed in the other system")
        page.get_by_role("button", name="Mark as done by hand").click()
        expect(page.get_by_role("heading", name=re.compile("Account Manual"))).to_be_visible()
        eventually(lambda: not ipad.errors())
        disagree(running, "mine 6", "theirs 6")
        page.goto("/console/devices")
        page.get_by_role("button", name="Clear errors of Sarah Jones").first.click()
        expect(page.get_by_text("to be cleared at the next sync").first).to_be_visible()
        ipad.sync()
        assert not ipad.errors()
        cleared = page.request.get("/console/devices/cleared").text()
        assert "mine 6" in cleared, "what went is kept"


def test_rules_are_checked_a_schedule_runs_and_what_is_kept_is_said(browser: Browser, running: Running) -> None:
    with admin(browser, running, "Rules") as page:
        page.get_by_role("button", name="Check all").click()
        page.get_by_role("button", name="Check now").click()
        expect(page.get_by_role("heading", name="The last check")).to_be_visible()
        expect(page.get_by_text("✓ Every device that was looked at could sync.")).to_be_visible()
        page.goto("/console/schedules")
        page.get_by_role("button", name="Clone").first.click()
        page.get_by_text("Change", exact=True).click()
        page.get_by_label("Hour (UTC)").fill("4")
        page.get_by_label("State").select_option("Active")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Every day at 04:00 UTC")).to_be_visible()
        page.goto("/console/retention")
        new = page.get_by_role("region", name="Another object")
        for label, text in (("Object", "Call"), ("Days kept", "90"), ("Why", "the law says so")):
            new.get_by_label(label).fill(text)
        new.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Kept for 90 days.")).to_be_visible()
        page.goto("/console/jobs")
        expect(page.get_by_role("link", name="Sync rules checked for everybody")).to_be_visible()


def test_profiles_say_what_they_may_and_the_recovery_page_that_nothing_was_lost(
    browser: Browser, running: Running
) -> None:
    with admin(browser, running) as page:
        page.get_by_role("link", name="Profiles").click()
        page.locator("#name").select_option("Field_Representative")
        page.get_by_role("button", name="Show").click()
        marks = r"✓\s*yes ✓\s*yes ✓\s*yes –\s*no –\s*no –\s*no"
        expect(page.get_by_role("row", name=re.compile(rf"^Accounts {marks}"))).to_be_visible()
        page.locator("#name").select_option("System_Administrator")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("System permissions:")).to_be_visible()
        page.goto("/console/recovery")
        expect(page.get_by_text("This server was never restored or moved.")).to_be_visible()
        expect(page.get_by_text("Nothing was offered again.")).to_be_visible()
