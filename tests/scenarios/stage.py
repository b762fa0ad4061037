"""A stage for scenarios: a server process over a database, and devices with real stores and HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
from psycopg import sql
from tests.server.http.running import running_server

from fieldsync.base.world import Clock, SeededChance, SystemClock, World, system_world
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import DeviceDescription, Platform

WAIT_SECONDS_MAX = 20.0
PASSWORD = "scenes on real parts 8"


class Stage:
    """One org on a running server, and devices that are closed with the stage."""

    def __init__(self, stack: ExitStack, uri: str, org: str, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self.uri, self.org = uri, org
        self.address, _ = stack.enter_context(running_server(uri))
        self.world: World = system_world()

    def another_server(self) -> str:
        """The address of one more server process over the same database."""
        address, _ = self._stack.enter_context(running_server(self.uri))
        return address

    def device(
        self,
        username: str,
        name: str,
        platform: Platform = Platform.IPAD,
        clock: Clock | None = None,
        at: str | None = None,
        *,
        started: bool = True,
    ) -> Device:
        """A signed-in device with its first download done, working in the background where it is started. `at`: of
        another server."""
        world = World(clock or SystemClock(), SeededChance(name))
        device = Device.open(
            self._folder / name, world.chance.bytes(32), world=world, transport=HttpTransport(at or self.address)
        )
        self._stack.callback(device.close)
        device.sign_in(
            self.org, username, PASSWORD, DeviceDescription(device.new_device_key(), name, platform, "1", "1")
        )
        device.sync()
        if started:
            device.start()
        return device

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records as PostgreSQL has them."""
        query = sql.SQL('SELECT "Id", row_to_json(t) FROM {}.{} t WHERE NOT "IsDeleted"')
        with psycopg.connect(self.uri) as connection:
            table = (sql.Identifier(f"org_{self.org}"), sql.Identifier(object_name))
            return dict(connection.execute(query.format(*table)).fetchall())


def wait_for(true: Callable[[], object]) -> None:
    """Wait until something is true; a failure after `WAIT_SECONDS_MAX`."""
    for _ in range(int(WAIT_SECONDS_MAX / 0.01)):
        if true():
            return
        sleep(0.01)
    raise AssertionError("it never came true")
