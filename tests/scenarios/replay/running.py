"""A running server with the org of shops, and days on it that can begin."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from tests.scenarios.replay.ending import Ending, ending
from tests.scenarios.replay.script import Day, drain
from tests.scenarios.replay.shops import ORG, PASSWORD, add_people, add_rows, person
from tests.scenarios.replay.wires import Harm, Wire
from tests.server.http.running import running_server

from fieldsync.base.ids import RecordId
from fieldsync.base.world import SeededChance, SystemClock, World
from fieldsync.device import Device
from fieldsync.protocol.session import DeviceDescription, Platform

SEEDS = range(int(os.environ.get("FIELDSYNC_REPLAY_SEEDS", "2")))


class Shops:
    """A running server, and a new person with a device, a region and a shop for every day that is to be worked."""

    def __init__(self, stack: ExitStack, uri: str, folder: Path) -> None:
        self._stack, self._folder, self._numbers = stack, folder, count()
        self.uri = uri
        self.address, _ = stack.enter_context(running_server(uri, env={"PATIENT": "1"}))

    def day(self, seed: int, harms: Callable[[int], Harm | None] = lambda _: None) -> tuple[Day, Wire]:
        """A day that can begin."""
        name = f"rep{next(self._numbers)}"
        add_people(self.uri, [name])
        began, wire = self._begin(), Wire(self.address, harms)
        device = self.device(name, "ipad", wire)
        return Day(device, seed, lambda: drain(device), began), wire

    def two_days(self, seed: int, harms: Callable[[int], Harm | None], *, people: int) -> tuple[Day, Day]:
        """Two short days that begin with the same records, of two devices of as many people. The script uploads
        nothing."""
        names = [f"rep{next(self._numbers)}" for _ in range(people)]
        add_people(self.uri, names)
        began = self._begin()
        [visit] = add_rows(self.uri, "Visit", {"ShopId": began["Shop 0"]})
        began["Visit 0"] = visit
        first, second = (
            Day(
                self.device(who, kind, Wire(self.address, harms)),
                seed + place,
                _nothing,
                dict(began),
                saves=8,
                sign=kind,
            )
            for place, (who, kind) in enumerate(((names[0], "a"), (names[-1], "b")))
        )
        return first, second

    def both_ended(self, first: Day, second: Day) -> tuple[Ending, Ending]:
        """How two days ended for both devices, after each has had news of the other."""
        days = (first, second)
        names = {
            **first.ids,
            **second.ids,
            **{f"user {d.sign}": d.device.account.user.id for d in days if d.device.account},
        }
        for day in days:
            day.device.sync()
        return ending(self.uri, first.device, names), ending(self.uri, second.device, names)

    def _begin(self) -> dict[str, RecordId]:
        [region] = add_rows(self.uri, "Region", {"Name": "Region"})
        [shop] = add_rows(self.uri, "Shop", {"Name": "Old shop", "City": "Graz", "RegionId": region})
        return {"Region 0": region, "Shop 0": shop}

    def device(self, name: str, kind: str, wire: Wire) -> Device:
        """A signed-in device with its first download done. Nothing happens on it by itself."""
        world = World(SystemClock(), SeededChance(f"{name} {kind}"))
        device = Device.open(self._folder / f"{name}-{kind}", world.chance.bytes(32), world=world, transport=wire)
        self._stack.callback(device.close)
        description = DeviceDescription(device.new_device_key(), kind, Platform.IPAD, "1", "1")
        device.sign_in(ORG, person(name), PASSWORD, description)
        device.sync()
        return device

    def ended(self, day: Day) -> Ending:
        """How a day ended, after one more sync."""
        day.device.sync()
        assert day.device.account is not None
        return ending(self.uri, day.device, {**day.ids, "user": day.device.account.user.id})

    def worked(self, seed: int, harms: Callable[[int], Harm | None] = lambda _: None) -> tuple[Ending, int]:
        """The end of a day's work, and how many uploads it took."""
        day, wire = self.day(seed, harms)
        day.work()
        return self.ended(day), wire.uploads

    def rows(self, object_name: str) -> dict[RecordId, dict[str, Any]]:
        """The present records as PostgreSQL has them."""
        query = sql.SQL('SELECT "Id", row_to_json(t) FROM {} t WHERE NOT "IsDeleted"')
        return dict(self._ask(query.format(sql.Identifier(object_name)), {}))

    def journal(self, device: Device) -> list[tuple[int, str]]:
        """Queue number and status of everything a device sent, in the order it took effect."""
        account = device.account
        assert account is not None
        query = """SELECT "Queue_Number"::int, "Status" FROM "Sync_Transaction" WHERE "Device_Number" = %(device)s
            ORDER BY _stamp, "Queue_Number" """
        return self._ask(sql.SQL(query), {"device": account.device_number})

    def _ask(self, query: sql.SQL | sql.Composed, values: dict[str, object]) -> list[Any]:
        with psycopg.connect(self.uri) as connection:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(f"org_{ORG}")))
            return connection.execute(query, values).fetchall()


def _nothing() -> None:
    """The script's upload of a device that stays offline."""
