"""The history of a run as the checkers of `sim.laws` read it: the database, the devices' files, and the ledgers.

The device processes have ended; their stores are opened here, and reach the server without the proxy.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, cast

from fieldsync.base.world import SeededChance, SystemClock, World, system_world
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport
from fieldsync.server.postgres.connect import AdminConnection, lone_connection
from fieldsync.server.postgres.names import org_schema, quoted
from fieldsync.server.save.batch import decode_row
from fieldsync.sim.device import SimDevice, Wrote, promise
from fieldsync.sim.faults import Faults
from fieldsync.sim.ground import ORG, Ground
from fieldsync.sim.reality import ledger as put_down
from fieldsync.sim.reality.living import Part
from fieldsync.sim.trace import Trace
from fieldsync.sim.world import SimWorld

WAIT_SECONDS_MAX = 120.0
ROWS = 'SELECT row_to_json(t)::text FROM {} t WHERE NOT "IsDeleted"'


class RealClock(SystemClock):
    """Time that passes by itself: to let it pass is to wait."""

    skew_seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Wait so long."""
        assert seconds < WAIT_SECONDS_MAX, f"nothing is due for {seconds:.0f} s"
        time.sleep(seconds)


class StraightLink(HttpTransport):
    """The way to the server with nothing between; `seen_secret` is what the proxy saw."""

    connected = True
    seen_secret = False


class RealWorld(SimWorld):
    """What a run left behind. Close it when done."""

    def __init__(self, uri: str, ground: Ground) -> None:
        self.ground, self.trace, self.found = ground, Trace(), []
        self.faults = Faults(SeededChance(0))
        self.clock = cast("Any", RealClock())
        self.wrote, self.families, self.lines = {}, {}, {}
        self.merged, self.resent, self.succeeded = {}, set(), set()
        self.devices: list[SimDevice] = []
        self._stack = ExitStack()
        self._database: AdminConnection = self._stack.enter_context(lone_connection(uri, org_schema(ORG)))

    def add_device(self, part: Part, address: str, *, seen_secret: bool) -> None:
        """Open a device's store, and read what its processes put down."""
        link = StraightLink(address)
        link.seen_secret = seen_secret
        clock = cast("Any", self.clock)
        world = World(clock, system_world().chance)
        engine = Device.open(part.store, part.key, world=world, transport=link)
        nothing = cast("Any", None)
        device = SimDevice(
            part.ordinal, part.person, part.store, part.key, world, clock, nothing, cast("Any", link), engine
        )
        self.devices.append(device)
        for line in part.ledger.lines():
            self._read(device, line)

    def _read(self, device: SimDevice, line: put_down.Line) -> None:
        match line:
            case put_down.Wrote(name, record, column, before, after):
                wrote = Wrote(device.ordinal, before, after)
                self.wrote.setdefault((name, record, column), []).append(wrote)
            case put_down.Family(call, mark, details):
                self.families[call] = {mark: details}
            case put_down.Promised(_, numbers, record):
                promise(device, numbers, record)
            case put_down.Touched():
                """Of all devices, when all are read."""

    def forget_touched(self, parts: Sequence[Part]) -> None:
        """Calls whose details somebody changed: how many there are to be is not known."""
        for part in parts:
            for line in part.ledger.lines():
                if isinstance(line, put_down.Touched):
                    self.families.pop(line.call, None)

    def query(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        """What the database holds, past the product."""
        return [tuple(row) for row in self._database.exec_driver_sql(sql, given or None)]

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records of an object by id, in canonical values."""
        table = quoted(object_name)
        found = self.query(ROWS.format(table))
        return {row["Id"]: row for row in (decode_row(text) for (text,) in found)}

    def close(self) -> None:
        """Close every store."""
        for device in self.devices:
            device.engine.close()
        self._stack.close()
