"""Home: the Sync widget in each of its states, in words, shape and colour; the update that prepares itself once a day;
and what leads from an account out of the app."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.beginning import Opened, Relay
from tests.web.browsing import Running, app, eventually
from tests.web.test_begin import PIN, Ahead, here

from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG
from fieldsync.device import PreparationState
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

DAY_SECONDS = 86_400
SIGN = """state => { const sign = document.querySelector(`.widget.${state}:not(.small-widget) .sign`);
  const drawn = sign?.querySelector("svg");
  return drawn && [drawn.querySelector("path").getAttribute("d"), getComputedStyle(sign).backgroundColor,
    getComputedStyle(drawn).animationName] }"""
"""The shape of the widget once it is in that state, its colour, and how it moves."""
REDRAWN = """() => { window.redrawn = new Promise((done) => document.body.addEventListener("htmx:afterRequest",
  ({ detail }) => { if (detail.pathInfo.requestPath === "/parts/widget") done(null) })) }"""


def sign(page: Page, state: str, words: str) -> tuple[str, str, str]:
    """Shape, colour and movement of the widget, once it stands so."""
    expect(page.locator(f".widget.{state}")).to_contain_text(words)
    return tuple(page.wait_for_function(SIGN, arg=state).json_value())


def moved(one: Opened, seconds: float) -> None:
    """So much later, and somebody has just touched the app."""
    clock = one.hall.world.clock
    assert isinstance(clock, Ahead)
    clock.seconds = seconds
    one.hall.seat.idle.touch()


def test_each_state_of_the_widget_has_its_words_its_shape_and_its_colour(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, network = desk
    device = here(one)
    account = device.find("Account", limit=1)[0].id
    assert device.account is not None
    days = device.account.settings.overdue_days + 1
    with app(browser, one.link, 1) as page:
        page.add_init_script("navigator.wakeLock.request = async kind => { window.keptAwake = kind }")
        ok = sign(page, "ok", "Sync is up to date")
        device.stop()
        page.get_by_role("button", name="Flight mode").click()
        with device.edit() as edit:
            edit.update("Account", account, {"Phone": "+44 1904 000 079"})
        pending = sign(page, "pending", "1 waiting to upload")
        moved(one, days * DAY_SECONDS)
        page.reload()
        overdue = sign(page, "overdue", "Waiting for too long")
        expect(page.locator(".widget.overdue")).to_contain_text(f"({days} days ago)")
        moved(one, 0)
        with seeding_org(running.uri, ORG, system_world()) as seeding:
            seeding.connection.exec_driver_sql(f'UPDATE "Account" SET "Phone" = \'theirs\' WHERE "Id" = \'{account}\'')
        page.get_by_role("button", name="Switch flight mode off").click()
        network.stand_still(0)
        page.get_by_role("button", name="Sync", exact=True).click()
        expect(page.get_by_role("heading", name="Sync is running")).to_be_visible()
        assert page.evaluate("window.keptAwake") == "screen"
        page.goto("/")
        active = sign(page, "active", "Sync is active")
        expect(page.get_by_role("button", name="Sync", exact=True)).to_be_disabled()
        network.go_on()
        error = sign(page, "error", "1 save was not accepted")
    shapes, colours = [one[0] for one in (ok, active, pending, error)], [one[1] for one in (ok, active, overdue)]
    assert (len(set(shapes)), len(set(colours))) == (4, 3), "each tells itself apart without the other"
    assert (pending[0], pending[1], error[1]) == (overdue[0], active[1], overdue[1])
    assert [one[2] for one in (ok, active, pending, overdue, error)] == ["none", "turn", "none", "none", "none"]


def test_the_first_opening_of_a_day_prepares_an_update_by_itself(
    browser: Browser, running: Running, desk: tuple[Opened, Relay]
) -> None:
    one, _network = desk
    clock, account = one.hall.world.clock, here(one).account
    assert isinstance(clock, Ahead)
    assert account is not None
    with seeding_org(running.uri, ORG, system_world()) as seeding:
        insert_rows(seeding, "Account", [{"Name": "Dr. New", "LastName": "New", "OwnerId": account.user.id}])
    (tom,) = one.people.all()
    clock.seconds = DAY_SECONDS
    one.hall.seat.leave()
    one.hall.unlock(tom, PIN)
    with app(browser, one.link, 1) as page:
        expect(page.get_by_text("An update is ready")).to_be_visible()
        assert not here(one).count("Account", {"LastName": "New"})
        page.get_by_role("button", name="Apply update").click()
        eventually(lambda: here(one).count("Account", {"LastName": "New"}) == 1)
        page.goto("/sync")
        page.get_by_role("row", name=re.compile("Update in the background")).first.get_by_role("link").click()
        expect(page.get_by_text("The first opening of the day")).to_be_visible()


@pytest.mark.usefixtures("online")
def test_from_an_account_one_calls_writes_and_finds_the_way(browser: Browser, running: Running) -> None:
    account = running.devices[0].find("Account", where={"LastName": "Ackerman"})[0]
    with app(browser, running.link("iPad"), 1) as page:
        page.goto(f"/accounts/{account.id}")
        phone = page.get_by_role("link", name=str(account.values["Phone"]))
        expect(phone).to_have_attribute("href", re.compile(r"^tel:\+44113"))
        expect(page.get_by_role("link", name=str(account.values["Email"]))).to_have_attribute(
            "href", re.compile("^mailto:")
        )
        way = page.get_by_role("link", name="Open in the map").first
        expect(way).to_have_attribute("href", re.compile(r"^https://www\.openstreetmap\.org/search\?query=.+Leeds"))


@pytest.mark.usefixtures("online")
def test_a_button_that_is_held_while_its_part_changes_is_pressed_and_the_part_follows(
    browser: Browser, running: Running
) -> None:
    ipad = running.devices[0]
    account = ipad.find("Account", limit=1)[0].id
    ipad.stop()
    with app(browser, running.link("iPad"), 1) as page:
        page.get_by_role("button", name="Flight mode").hover()
        page.mouse.down()
        page.evaluate(REDRAWN)
        with ipad.edit() as edit:
            edit.update("Account", account, {"Phone": secrets.token_hex(6)})
        page.evaluate("redrawn")
        page.mouse.up()
        expect(page.get_by_text("Flight mode: nothing is sent")).to_be_visible()
        expect(page.get_by_text("1 waiting to upload")).to_be_visible()


@pytest.mark.usefixtures("online")
def test_without_a_network_no_update_begins_and_it_is_said(browser: Browser, running: Running) -> None:
    ipad = running.devices[0]
    ipad.go_offline()
    eventually(lambda: ipad.updates.state().state is not PreparationState.RUNNING)
    if ipad.updates.state().state is PreparationState.READY:
        ipad.updates.apply()
    before = len(ipad.syncs())
    with app(browser, running.link("iPad"), 1) as page:
        for region, name in (("Update", "Prepare an update"), ("Sync", "Sync")):
            shown = page.get_by_role("region", name=region, exact=True)
            shown.get_by_role("button", name=name, exact=True).click()
            expect(shown.get_by_role("alert")).to_contain_text("There is no connection to the server.")
    assert len(ipad.syncs()) == before
