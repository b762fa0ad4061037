"""A stage for scenarios: a server process over a database, and devices with real stores and HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
from psycopg import sql
from tests.ports import free_port
from tests.server.http.running import running_server

from fieldsync.base.world import Clock, SeededChance, SystemClock, World, system_world
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import DeviceDescription, Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

WAIT_SECONDS_MAX = 60.0
PASSWORD = "scenes on real parts 8"


class Stage:
    """One org on a running server, and devices that are closed with the stage."""

    def __init__(
        self, stack: ExitStack, uri: str, org: str, folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._stack, self.folder = stack, folder
        self.uri, self.org = uri, org
        self._asking: psycopg.Connection | None = None
        self._port, self._env = free_port(), dict(env or {})
        self._serving = stack.enter_context(ExitStack())
        self.start_server()
        self.world: World = system_world()

    def start_server(self) -> None:
        """The server begins, at its old address if it ended before."""
        self.address, _ = self._serving.enter_context(running_server(self.uri, env=self._env, port=self._port))

    def stop_server(self) -> None:
        """The server's process ends, and nobody asks the database any more."""
        self._serving.close()
        self.forget_connection()

    def forget_connection(self) -> None:
        """Nobody asks the database any more, or the next one asks whichever is there now."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None

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
        wire: Callable[[str], HttpTransport] = HttpTransport,
    ) -> Device:
        """A signed-in device with its first download done, working in the background where it is started. `at`: of
        another server; `wire`: its way there."""
        world = World(clock or SystemClock(), SeededChance(name))
        device = Device.open(
            self.folder / name, world.chance.bytes(32), world=world, transport=wire(at or self.address)
        )
        self._stack.callback(device.close)
        self.sign_in(device, username, name, platform)
        device.sync()
        if started:
            device.start()
        return device

    def sign_in(self, device: Device, username: str, name: str, platform: Platform = Platform.IPAD) -> None:
        """The person gives the password on his device."""
        description = DeviceDescription(device.new_device_key(), name, platform, "1", "1")
        device.sign_in(self.org, username, PASSWORD, description)

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records as PostgreSQL has them."""
        query = sql.SQL('SELECT "Id", row_to_json(t) FROM {}.{} t WHERE NOT "IsDeleted"')
        if self._asking is None:
            self._asking = psycopg.connect(self.uri, autocommit=True)
            self._stack.callback(self._asking.close)
        table = (sql.Identifier(f"org_{self.org}"), sql.Identifier(object_name))
        return dict(self._asking.execute(query.format(*table)).fetchall())


@contextmanager
def org_with_two(
    uri: str, folder: Path, pack: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[Stage, str, str]]:
    """An org of this pack, with the pack's name, on a running server; and the user names of Sarah and Tom, whose
    profile is Rep."""
    make_two(uri, pack)
    with two_made(uri, folder, pack, env) as made:
        yield made


def make_two(uri: str, pack: str) -> None:
    """Their org, in an empty database."""
    parsed, world = parse_pack(pack, "scenario"), system_world()
    admin = NewUser(f"admin@{parsed.name}.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, parsed.name, build([*load_packs(("platform",)), parsed]), admin=admin, world=world)
    with seeding_org(uri, parsed.name, world) as seeding:
        for who in _people(parsed.name):
            create_user(seeding, NewUser(who, PASSWORD, "Rep", who[:5]), world.chance)


@contextmanager
def two_made(
    uri: str, folder: Path, pack: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[Stage, str, str]]:
    """The same in a database where their org is."""
    name = parse_pack(pack, "scenario").name
    sarah, tom = _people(name)
    with ExitStack() as stack:
        yield Stage(stack, uri, name, folder, env), sarah, tom


def _people(org: str) -> tuple[str, str]:
    return f"sarah@{org}.example", f"tom@{org}.example"


def catch_up(device: Device) -> None:
    """Everything that is due now on a device whose background does not run."""
    while device.step() == 0.0:
        pass


def wait_for(true: Callable[[], object]) -> None:
    """Wait until something is true; a failure after `WAIT_SECONDS_MAX`."""
    for _ in range(int(WAIT_SECONDS_MAX / 0.01)):
        if true():
            return
        sleep(0.01)
    raise AssertionError("it never came true")
