"""What a benchmark runs on: a server process over an embedded PostgreSQL, and devices here, over loopback HTTP.

The production parts and their production settings: fsync on at both ends, encrypted stores, real sockets.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldsync.base.ids import RecordId
from fieldsync.base.world import World, system_world
from fieldsync.device import Device
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import DeviceDescription, Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.sim.territory import add_accounts, found_territory

ORG, PERSON, PASSWORD = "bench", "sarah@bench.example", "measuring the whole way 9"
SERVER = """
import sys
from fieldsync.base.world import system_world
from fieldsync.server.http.app import create_app
from fieldsync.server.http.serve import run, serve_alone
app = create_app(sys.argv[1], system_world())
run(serve_alone(app, host="127.0.0.1", port=int(sys.argv[2]), ready=lambda: print("ready", flush=True)))
"""


Make = Callable[[str, World], list[RecordId]]
"""Makes the org in the database whose address it is given; the ids of its records."""


@dataclass(frozen=True)
class Setting:
    """A running server with one person and some accounts."""

    uri: str
    pid: int
    """Of the server's process."""
    address: str
    folder: Path
    world: World
    accounts: list[RecordId]

    def device(self, name: str, platform: Platform) -> Device:
        """A signed-in device with its first download done."""
        device = self.signed_in(name, platform, self.world.chance.bytes(32))
        device.sync()
        return device

    def signed_in(self, name: str, platform: Platform, key: bytes, person: str = PERSON) -> Device:
        """A device that has nothing yet but its person."""
        device = Device.open(self.folder / name, key, world=self.world, transport=HttpTransport(self.address))
        secret = f"{name}-".ljust(43, "k")
        device.sign_in(ORG, person, PASSWORD, DeviceDescription(secret, name, platform, "1", "1"))
        return device


def setting(folder: Path, port: int, accounts: int) -> AbstractContextManager[Setting]:
    """A server with the shipped packs and so many accounts."""
    return served(folder, port, lambda uri, world: _make_org(uri, world, accounts))


@contextmanager
def served(folder: Path, port: int, make: Make) -> Iterator[Setting]:
    """Start everything; stop everything at the end."""
    world = system_world()
    with EmbeddedPostgres.start(folder / "pg") as postgres:
        made = make(postgres.uri, world)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, postgres.uri, str(port)], stdout=subprocess.PIPE, text=True
        )
        try:
            _wait_for(process)
            yield Setting(postgres.uri, process.pid, f"http://127.0.0.1:{port}", folder, world, made)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.strip() == "ready", "the server did not start"


def _make_org(uri: str, world: World, accounts: int) -> list[RecordId]:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, build(load_packs()), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        person = create_user(seeding, NewUser(PERSON, PASSWORD, "Field_Representative", "Jones"), world.chance)
        rows = [{"Name": f"Account {i:06d}", "Phone": f"+43 {i:09d}"} for i in range(accounts)]
        return add_accounts(seeding, found_territory(seeding, [person]), rows)


def wait_until(true: Callable[[], object], seconds: float = 60.0, *, every: float = 0.002) -> None:
    """Wait for a condition, or fail after `seconds`; `every` so many it is looked at, which costs what a look costs."""
    deadline = time.perf_counter() + seconds
    while not true():
        assert time.perf_counter() < deadline, "it never happened"
        time.sleep(every)
