"""`fieldsync field`: the Field app in a browser window, on this machine's own encrypted store."""

from __future__ import annotations

import asyncio
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.base.problems import Refused
from fieldsync.base.world import system_world
from fieldsync.cli.device.commands import DEFAULT_STORE, PassphraseOption, StoreOption
from fieldsync.cli.report import say

if TYPE_CHECKING:
    from fieldsync.device import Device

HOST = "127.0.0.1"


def field(
    passphrase: PassphraseOption,
    store: StoreOption = DEFAULT_STORE,
    server: Annotated[str, typer.Option("--server", envvar="FIELDSYNC_SERVER", help="At the first start.")] = "",
    org: Annotated[str, typer.Option("--org", envvar="FIELDSYNC_ORG", help="At the first start.")] = "",
    username: Annotated[str, typer.Option("--username", help="At the first start.")] = "",
    password: Annotated[str, typer.Option("--password", envvar="FIELDSYNC_PASSWORD", help="At the first start.")] = "",
    port: Annotated[int, typer.Option("--port", help="Port of the pages on this machine; 0 takes a free one.")] = 0,
    idle: Annotated[int, typer.Option("--lock-after", min=0, help="Idle minutes until it locks; 0 never.")] = 60,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open a browser, or not.")] = True,
) -> None:
    """The Field app; the first start asks where to sign in. Ctrl-C stops it; what was saved stays."""
    from fieldsync.cli.device.store import SERVER_FILE, open_device

    if not (store / SERVER_FILE).exists():
        _sign_in(store, passphrase, (server, org, username, password))
    with open_device(store, passphrase) as device:
        device.start()
        asyncio.run(_serve(device, store, port or _free_port(), idle_minutes=idle, window=window))
    say("stopped")


def _sign_in(store: Path, passphrase: str, given: tuple[str, str, str, str]) -> None:
    """Register this machine. Its data comes with the first sync, which the app offers and shows."""
    from fieldsync.cli.device.store import describe_terminal, keep_server, open_with_key

    server, org, username, password = given
    server = server or typer.prompt("Address of the server")
    org, username = org or typer.prompt("Org"), username or typer.prompt("User name")
    password = password or typer.prompt("Password", hide_input=True)
    with open_with_key(store, passphrase, server) as (device, key):
        device.sign_in(org, username, password, describe_terminal("Field app", key))
        keep_server(store, server)


async def _serve(device: Device, store: Path, port: int, *, idle_minutes: int, window: bool) -> None:
    from fieldsync.server.http.serve import serve, stop_on_signals
    from fieldsync.web.field.app import create_field_app
    from fieldsync.web.field.door import Door
    from fieldsync.web.field.lock.lock import Keeper, Lock

    world = system_world()
    opened: list[str] = []

    def tell(token: str) -> None:
        link = f"http://{HOST}:{port}/?launch={token}"
        say(f"For one more browser: {link}" if opened else f"The Field app is at {link}")
        if window and not opened:
            webbrowser.open(link)
        opened.append(link)

    door = Door(world.chance, tell)
    loop, stop = asyncio.get_running_loop(), stop_on_signals()

    def end() -> None:
        loop.call_soon_threadsafe(loop.call_later, 1.0, stop.set)  # what was answered last is still sent

    keeper = Keeper(lambda text: _opens(store, text), end)
    lock = Lock(world.clock, keeper, idle_minutes * 60.0)
    app = create_field_app(device, door, world=world, port=port, name="Field app", lock=lock, rests=True)
    await serve(app, host=HOST, port=port, stop=stop, ready=door.invite)


def _opens(store: Path, passphrase: str) -> bool:
    """Whether this passphrase opens the store."""
    from fieldsync.device.keys import key_from_passphrase

    try:
        key_from_passphrase(store, passphrase, system_world().chance)
    except Refused:
        return False
    return True


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
