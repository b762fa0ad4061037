"""Something to see when the demo begins: a conflict on the iPad, a failed transaction, a colleague who has not synced.

Each is made the way it happens: by devices that save and upload. Done once, when the demo org is new.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from fieldsync.base.ids import DeviceNumber, mint
from fieldsync.base.world import instant
from fieldsync.cli.demo.people import JONAS, MANAGER, MARIA, ORG
from fieldsync.cli.demo.run import Gadget, Place, open_device, sign_in
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.server.org.create import seeding_org

OVERDUE_DAYS = 9
NOBODYS_NUMBER = DeviceNumber("zzzzz")
WAIT_SECONDS_MAX = 20.0


def set_scenes(where: Place, devices: list[Device]) -> None:
    """Make them, unless the iPad shows that they were made before."""
    ipad = devices[0]
    made = where.folder / "scenes-made"
    if made.exists():
        return
    _conflict(where, ipad)
    _failed(where)
    _overdue(where)
    made.touch()


def _conflict(where: Place, ipad: Device) -> None:
    """Sarah and her manager change the same phone number; Sarah's arrives second."""
    account = ipad.find("Account", where={"LastName": "Ackerman"})[0].id
    ipad.go_offline()
    with ipad.edit() as edit:
        edit.update("Account", account, {"Phone": "+44 113 496 0101"})

    def change(grace: Device) -> None:
        with grace.edit() as edit:
            edit.update("Account", account, {"Phone": "+44 113 496 0202"})

    _as_guest(where, Gadget(MANAGER, "Grace's Surface", Platform.WINDOWS, "grace"), change)
    ipad.go_online()


def _failed(where: Place) -> None:
    """Maria reports a call on an account that is not there any more."""
    gone = mint("001", NOBODYS_NUMBER, 1)

    def report(maria: Device) -> None:
        now = instant(where.world.clock.now())
        with maria.edit() as edit:
            edit.create("Call", {"AccountId": gone, "Call_Date": now, "Notes": "Saw the locum at the desk."})

    _as_guest(where, Gadget(MARIA, "Maria's iPad", Platform.IPAD, "maria"), report)


def _overdue(where: Place) -> None:
    """Jonas's device signed in once and has been away since."""
    _as_guest(where, Gadget(JONAS, "Jonas's iPhone", Platform.IPHONE, "jonas"), lambda _: None)
    long_ago = where.world.clock.now() - timedelta(days=OVERDUE_DAYS)
    with seeding_org(where.uri, ORG, where.world) as seeding:
        device = seeding.metadata.tables["Device"]
        away = update(device).where(device.c.Name == "Jonas's iPhone")
        seeding.connection.execute(away.values(Last_Download_At=long_ago, Last_Seen_At=long_ago))


def _as_guest(where: Place, gadget: Gadget, act: Callable[[Device], None]) -> None:
    """What a device that is not part of the demo does, until the server has decided it."""
    with tempfile.TemporaryDirectory(prefix="fieldsync-guest-") as folder:
        guest = Place(Path(folder), where.uri, where.port, where.world)
        device = open_device(guest, gadget)
        try:
            sign_in(device, gadget)
            act(device)
            deadline = where.world.clock.steady() + WAIT_SECONDS_MAX
            while device.queue() and where.world.clock.steady() < deadline:
                device.step()
        finally:
            device.close()
