"""`fieldsync field`: the Field app in a browser window, on this machine's own encrypted store."""

from __future__ import annotations

import asyncio
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open a browser, or not.")] = True,
) -> None:
    """The Field app; the first start asks where to sign in. Ctrl-C stops it; what was saved stays."""
    from fieldsync.cli.device.store import SERVER_FILE, open_device

    if not (store / SERVER_FILE).exists():
        _sign_in(store, passphrase, (server, org, username, password))
    with open_device(store, passphrase) as device:
        device.start()
        asyncio.run(_serve(device, port or _free_port(), window=window))
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


async def _serve(device: Device, port: int, *, window: bool) -> None:
    from fieldsync.server.http.serve import serve_alone
    from fieldsync.web.field.app import create_field_app
    from fieldsync.web.field.door import Door

    world = system_world()
    opened: list[str] = []

    def tell(token: str) -> None:
        link = f"http://{HOST}:{port}/?launch={token}"
        say(f"For one more browser: {link}" if opened else f"The Field app is at {link}")
        if window and not opened:
            webbrowser.open(link)
        opened.append(link)

    door = Door(world.chance, tell)
    app = create_field_app(device, door, world=world, port=port, name="Field app")
    await serve_alone(app, host=HOST, port=port, ready=door.invite)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
