"""The demo running: server and console, Sarah's iPad and iPhone as Field apps, all in this process over one PostgreSQL.

One process, so that one Ctrl-C stops everything and no port stays behind. The devices still speak HTTP to the server.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldsync.base.version import VERSION
from fieldsync.base.world import World
from fieldsync.cli.demo.data import make_demo_org
from fieldsync.cli.demo.people import ADMIN, ORG, PASSWORD, SARAH, Person
from fieldsync.cli.serve import console
from fieldsync.device import Device
from fieldsync.device.keys import key_from_passphrase
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import DeviceDescription, Platform
from fieldsync.server.http.app import create_app
from fieldsync.server.http.serve import Application, serve, stop_on_signals
from fieldsync.server.org.directory import list_orgs
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.embedded import EmbeddedPostgres

HOST = "127.0.0.1"
PORT = 8484
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Gadget:
    """A demo device: whose, what it is, where its store lies under the demo's folder."""

    person: Person
    name: str
    platform: Platform
    folder: str


IPAD = Gadget(SARAH, "Sarah's iPad", Platform.IPAD, "sarah-ipad")
IPHONE = Gadget(SARAH, "Sarah's iPhone", Platform.IPHONE, "sarah-iphone")


@dataclass(frozen=True)
class Place:
    """Where a demo runs: its folder, its PostgreSQL, the server's port, the real world."""

    folder: Path
    uri: str
    port: int
    world: World

    @property
    def address(self) -> str:
        """The server's."""
        return f"http://{HOST}:{self.port}"


@contextmanager
def place(folder: Path, port: int, world: World, *, accounts: int, reset: bool, tell: Tell) -> Iterator[Place]:
    """The demo's PostgreSQL, running, with the org in it; made the first time and after `reset`."""
    if reset:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres.start(folder / "postgres") as postgres:
        with admin_connection(postgres.uri) as connection:
            there = any(org.name == ORG for org in list_orgs(connection))
        if not there:
            shutil.rmtree(folder / "devices", ignore_errors=True)
            make_demo_org(postgres.uri, world, accounts=accounts, tell=tell)
        yield Place(folder, postgres.uri, port, world)


def open_device(where: Place, gadget: Gadget) -> Device:
    """The engine of a demo device on its own encrypted store."""
    folder = where.folder / "devices" / gadget.folder
    key = key_from_passphrase(folder, PASSWORD, where.world.chance)
    return Device.open(folder, key, world=where.world, transport=HttpTransport(where.address))


def sign_in(device: Device, gadget: Gadget) -> None:
    """Sign in and fetch everything, the first time; afterwards the store has it all."""
    if device.account is None:
        key = device.new_device_key()
        description = DeviceDescription(key, gadget.name, gadget.platform, "demo", VERSION)
        device.sign_in(ORG, gadget.person.username, PASSWORD, description)
        device.sync()
        device.media.sync()


def server_app(where: Place) -> Application:
    """The server with its console."""
    return create_app(where.uri, where.world, pages=console())


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def run(
    where: Place, scenes: Callable[[Place, list[Device]], None], tell: Tell, stop: asyncio.Event | None = None
) -> None:
    """Serve until `stop` is set, or Ctrl-C. `scenes` sets up what there is to see, once the devices are signed in."""
    stop = stop or stop_on_signals()
    up = asyncio.Event()
    server = asyncio.create_task(serve(server_app(where), host=HOST, port=where.port, stop=stop, ready=up.set))
    await _first(up, server)
    gadgets = (IPAD, IPHONE)
    devices = [open_device(where, gadget) for gadget in gadgets]
    try:
        await asyncio.to_thread(_begin, where, devices, gadgets, scenes)
        apps = [_field(where, d, g, stop, tell) for d, g in zip(devices, gadgets, strict=True)]
        tell(f"Console       {where.address}/console   org {ORG}, user {ADMIN}, password {PASSWORD}")
        await asyncio.gather(server, *apps)
    finally:
        stop.set()
        for device in devices:
            device.close()
        await asyncio.gather(server, return_exceptions=True)


async def _first(up: asyncio.Event, server: asyncio.Task[None]) -> None:
    """Wait until the server listens; what keeps it from doing so is raised."""
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait((waiting, server), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if server.done():
        server.result()


def _begin(
    where: Place, devices: list[Device], gadgets: tuple[Gadget, ...], scenes: Callable[[Place, list[Device]], None]
) -> None:
    for device, gadget in zip(devices, gadgets, strict=True):
        sign_in(device, gadget)
        device.start()
    scenes(where, devices)


async def _field(where: Place, device: Device, gadget: Gadget, stop: asyncio.Event, tell: Tell) -> None:
    from fieldsync.web.field.app import create_field_app
    from fieldsync.web.field.door import Door

    port = free_port()
    door = Door(where.world.chance, lambda token: tell(_link(gadget, port, token)))
    app = create_field_app(device, door, world=where.world, port=port, name=gadget.name)
    await serve(app, host=HOST, port=port, stop=stop, ready=door.invite)


def _link(gadget: Gadget, port: int, token: str) -> str:
    return f"{gadget.name:<13} http://{HOST}:{port}/?launch={token}"
