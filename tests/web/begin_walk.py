"""One walk past every page before a person's store is open, for pictures and for what each of them has to fulfil."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import Page, expect
from tests.web.beginning import Opened

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import system_world
from fieldsync.cli.demo.people import ORG, PASSWORD, SARAH, TOM
from fieldsync.device import Device
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import Row, insert_rows

PIN = "190745"
MORE = "Bristol"
Look = Callable[[str], None]
"""Given the name of each page as it stands there."""


def walk(page: Page, one: Opened, server: str, look: Look) -> None:
    """Two people begin on one device; then each way to open it again."""
    look("begin-server")
    page.get_by_label("Server address").fill("nobody.invalid")
    press(page, "Continue")
    look("begin-no-network")
    page.goto("/begin/server")
    page.get_by_label("Server address").fill(server)
    press(page, "Continue")
    look("begin-sign-in")
    sign_in(page, TOM.username, "not the password")
    look("begin-wrong-password")
    press(page, "Try again")
    sign_in(page, TOM.username, PASSWORD)
    look("begin-pin")
    choose(page)
    expect(page.get_by_role("heading", name="Where do you work")).to_be_visible()
    look("begin-territory")
    page.get_by_label(MORE).check()
    press(page, "Continue")
    expect(page.get_by_role("heading", name="Everything is here")).to_be_visible()
    look("begin-done")
    press(page, "Begin without")
    page.goto("/people")
    look("people")
    one.hall.seat.leave()
    page.goto("/locked")
    look("locked")
    page.get_by_label("PIN").fill("555123")
    press(page, "Open")
    look("locked-wrong")
    _two(page, one, server, look)


def two_territories(uri: str) -> None:
    """Tom works in another one too."""
    with seeding_org(uri, ORG, system_world()) as seeding:
        find = seeding.connection.exec_driver_sql
        (tom,) = find('SELECT "Id" FROM "User" WHERE "Username" = %s', (TOM.username,)).one()
        (other,) = find('SELECT "Id" FROM "Territory" WHERE "Name" = %s', (MORE,)).one()
        row: Row = {"UserId": tom, "TerritoryId": other, "Role": "Representative", "Active": True}
        insert_rows(seeding, "User_Territory", [row])


def _two(page: Page, one: Opened, server: str, look: Look) -> None:
    """Somebody else begins here too; the first forgets the PIN."""
    one.hall.beginning.server = server
    one.hall.sign_in(ORG, SARAH.username, PASSWORD)
    one.hall.keep(PIN)
    one.hall.seat.leave()
    page.goto("/locked")
    look("locked-who")
    tom = next(p for p in one.people.all() if p.about.username == TOM.username)
    page.goto(f"/lock/password?person={tom.id}")
    look("locked-password")
    while one.people.latch(tom).tries_left:
        with suppress(Refused):
            one.people.latch(tom).open("555123")
    page.goto(f"/locked?person={tom.id}")
    look("locked-erased")


def sign_in(page: Page, username: str, password: str) -> None:
    """The page that asks who it is."""
    page.get_by_label("Org").fill(ORG)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def choose(page: Page, first: str = PIN, second: str = PIN) -> None:
    """The page that asks for a PIN."""
    page.get_by_label("New PIN").fill(first)
    page.get_by_label("The same again").fill(second)
    press(page, "Continue")


def press(page: Page, name: str) -> None:
    """A button, or a link that looks like one; the page it leads to is there."""
    page.get_by_role("button", name=name).click()
    page.wait_for_load_state()


def accounts(device: Device) -> set[RecordId]:
    return {row.id for row in device.find("Account", limit=5_000)}


def territory_of(device: Device, name: str) -> RecordId:
    return next(one.id for one in device.territories.mine() if one.name == name)


def accounts_of(device: Device, name: str) -> set[RecordId]:
    """Which accounts are in this territory, as far as the device knows."""
    found = device.find("Territory_Account", where={"TerritoryId": territory_of(device, name)}, limit=500)
    return {RecordId(str(row.values["AccountId"])) for row in found}
