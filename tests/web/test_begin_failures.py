"""Each way a start or a first download fails has a page of its own, with something to do; and from there it goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from tests.device.store.test_full_disk import Room
from tests.web.beginning import Vault, opened
from tests.web.browsing import Running, app
from tests.web.test_admin import admin
from tests.web.test_begin import PIN, begin, choose, failure, here, server_of, sign_in

from fieldsync.base import limits
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, PASSWORD, TOM
from fieldsync.device.transport.reach import Found
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.sim.disk import Disk, simulated_disks
from fieldsync.web.field.begin.failures import Step, of_address, of_problem

FULL = problem(Code.UNUSABLE, what="The disk of this device", reason="it is full")
OUT = problem(Code.FORBIDDEN, reason="an admin took this device out of service")


@pytest.mark.parametrize(
    ("step", "found", "name"),
    [
        (Step.SIGN_IN, problem(Code.AUTH), "wrong-password"),
        (Step.SIGN_IN, problem(Code.OFFLINE), "no-network"),
        (Step.SIGN_IN, OUT, "out-of-service"),
        (Step.SIGN_IN, FULL, "disk-full"),
        (Step.SIGN_IN, problem(Code.METADATA_API, platform="iPad"), "no-rights"),
        (Step.SIGN_IN, problem(Code.BUSY), "busy"),
        (Step.SIGN_IN, problem(Code.TOO_MANY_SIGN_INS, seconds=40), "too-many"),
        (Step.SIGN_IN, problem(Code.APP_TOO_OLD), "server-too-new"),
        (Step.DOWNLOAD, problem(Code.OFFLINE), "cut"),
        (Step.DOWNLOAD, problem(Code.AUTH), "signed-out"),
        (Step.DOWNLOAD, FULL, "disk-full"),
        (Step.DOWNLOAD, OUT, "out-of-service"),
        (Step.DOWNLOAD, problem(Code.TOO_MANY_ROWS, count=2, what="Account", limit=1), "other"),
    ],
)
def test_a_problem_has_its_page(step: Step, found: Problem, name: str) -> None:
    failure = of_problem(step, found)
    assert failure.name == name
    assert failure.heading
    assert failure.sentence
    assert all(failure.advice)
    assert failure.advice


@pytest.mark.parametrize("found", [one for one in Found if one is not Found.OURS])
def test_an_address_that_does_not_lead_to_a_server_of_ours_has_its_page(found: Found) -> None:
    assert of_address(found).advice


def test_with_a_full_disk_a_start_waits_and_a_refresh_does_not_begin(
    browser: Browser, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room()
    with simulated_disks(), opened(tmp_path, Vault()) as one, app(browser, one.link, 1) as page:
        Disk(tmp_path, room.plan)
        one.hall.beginning.server = server_of(running)
        page.goto("/begin/sign-in")
        room.left = 0
        sign_in(page, ORG, TOM.username, PASSWORD)
        failure(page, "disk-full")
        room.left = None
        sign_in(page, ORG, TOM.username, PASSWORD)
        expect(page.get_by_role("heading", name="Choose a PIN")).to_be_visible()
        room.left = 60
        choose(page, PIN, PIN)
        expect(page.locator("[data-failure=disk-full]")).to_be_visible()
        room.left = None
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
        page.get_by_role("button", name="Begin without").click()
        monkeypatch.setattr(limits, "ROOM_BYTES", 2**60)
        an_answer_that_came_late_is_looked_at_again(page)
        page.goto("/sync")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Refresh", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(re.compile("disk of this device .* MB are free"))
        assert here(one).count("Account") > 0


def an_answer_that_came_late_is_looked_at_again(page: Page) -> None:
    """The page hears that no update could be prepared before it hears that one was asked for."""
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/updates/prepare", lambda route: held.append((route, route.fetch())))
    page.get_by_role("button", name="Prepare an update").click()
    expect(page.get_by_text("The update could not be prepared")).to_be_visible()
    [(route, answer)] = held
    with page.expect_response("**/parts/update"):
        route.fulfill(response=answer)
    expect(page.get_by_text("The update could not be prepared")).to_be_visible()


def test_who_may_read_nothing_is_told_and_a_device_out_of_service_comes_back_when_its_admin_says(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    world = system_world()
    with seeding_org(running.uri, ORG, world) as seeding:
        insert_rows(seeding, "Profile", [{"Name": "Nobody"}])
        create_user(seeding, NewUser("nobody@demo.example", PASSWORD, "Nobody", "Newman"), world.chance)
    with opened(tmp_path, Vault()) as one, app(browser, one.link, 1) as page, admin(browser, running) as console:
        one.hall.beginning.server = server_of(running)
        page.goto("/begin/sign-in")
        sign_in(page, ORG, "nobody@demo.example", PASSWORD)
        failure(page, "no-rights")
        one.hall.sign_in(ORG, TOM.username, PASSWORD)
        one.hall.keep(PIN)
        console.goto("/console/devices")
        console.get_by_role("row", name=re.compile("Tom Baker")).first.get_by_role("link").nth(1).click()
        console.get_by_role("button", name="Take out of service").click()
        expect(console.get_by_text("This device is out of service")).to_be_visible()
        page.goto("/begin/download")
        expect(page.locator("[data-failure=signed-out]")).to_be_visible()
        page.get_by_role("button", name="Sign in again").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in again").click()
        expect(page.get_by_role("alert")).to_contain_text("This device was taken out of service")
        console.get_by_role("button", name="Put back into service").click()
        expect(console.get_by_text("In service.")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in again").click()
        expect(page.get_by_role("status")).to_contain_text("signed in again")
        page.get_by_role("link", name="Home").click()
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is done")).to_be_visible()


def test_a_store_that_another_program_has_open_says_so_and_opens_when_that_one_ends(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    vault = Vault()
    with opened(tmp_path, vault) as other, opened(tmp_path, vault) as one, app(browser, one.link, 1) as page:
        begin(other, server_of(running), TOM, PIN)
        page.goto("/locked")
        page.get_by_label("PIN").fill(PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("in use by another program")
        expect(page.get_by_role("alert")).to_contain_text("Close the other program first.")
        other.hall.seat.leave()
        page.get_by_label("PIN").fill(PIN)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Hello Tom")).to_be_visible()
