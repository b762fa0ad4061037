"""`fieldsync support`: the Field app as a person sees it on a device, for the admin who began a support session.

What is loaded lies encrypted in a folder of its own, under a key that only this process knows, and is removed with the
session: when its time is up, when the console or this app ends it, or on Ctrl-C.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import instant, system_world
from fieldsync.cli.device.field import HOST, free_port, no_core_dumps, telling
from fieldsync.cli.report import say

if TYPE_CHECKING:
    from fieldsync.device import Device

PREFIX = "fieldsync-support-"
ASK_SECONDS = 3.0
HAND_OVER_TRIES = 20


def support(
    code: Annotated[str, typer.Argument(help="As the console showed it; it opens the session once.")],
    server: Annotated[str, typer.Option("--server", envvar="FIELDSYNC_SERVER", help="Where the session was begun.")],
    port: Annotated[int, typer.Option("--port", help="Port of the pages on this machine; 0 takes a free one.")] = 0,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open a browser, or not.")] = True,
) -> None:
    """See what a person sees on a device: read-only, nothing is sent or fetched by itself. Ctrl-C ends the session."""
    from fieldsync.device import Device
    from fieldsync.device.transport import HttpTransport
    from fieldsync.device.transport.reach import address_of

    no_core_dumps()
    clear_left_over(Path(tempfile.gettempdir()))
    folder, world = Path(tempfile.mkdtemp(prefix=PREFIX)), system_world()
    transport = HttpTransport(address_of(server) or server)
    try:
        device = Device.open(folder, world.chance.bytes(32), world=world, transport=transport)
        try:
            _fill(device, code)
            asyncio.run(_serve(device, port or free_port(), window=window))
        finally:
            _end(device)
            device.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("The support session has ended; nothing of it is left on this machine.")


def clear_left_over(place: Path) -> None:
    """Remove the folders of sessions whose process was killed: ours, and with a store that nobody holds open."""
    from fieldsync.device.store.lock import FileLock
    from fieldsync.device.store.store import LOCK

    for folder in place.glob(f"{PREFIX}*"):
        if folder.is_symlink() or not (folder / LOCK).is_file():
            continue  # one without a store holds nothing of anybody
        try:
            FileLock(folder / LOCK).release()
        except (Refused, OSError):  # open, or another account's
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _fill(device: Device, code: str) -> None:
    """Open the session and load what the person's device is to have. Raises Refused."""
    from fieldsync.cli.device.store import describe_terminal

    device.support.open(code, describe_terminal(platform.node() or "support", device.new_device_key()))
    report = device.sync()
    if report.problem is not None and not report.download_processed:
        raise Refused(report.problem)
    account = device.account
    assert account is not None
    assert account.support is not None
    say(f"You see what {account.user.name} sees, until {account.support.until}.")


async def _serve(device: Device, port: int, *, window: bool) -> None:
    from fieldsync.server.http.serve import serve, stop_on_signals
    from fieldsync.web.field.app import create_field_app
    from fieldsync.web.field.door import Door

    world, stop = system_world(), stop_on_signals()
    door = Door(world.chance, telling("The view is at", port, window=window))
    app = create_field_app(device, door, world=world, port=port, name="Support session")
    watching = asyncio.create_task(_watch(device, stop))
    try:
        await serve(app, host=HOST, port=port, stop=stop, ready=door.invite)
    finally:
        watching.cancel()
        await asyncio.to_thread(device.stop)


async def _watch(device: Device, stop: asyncio.Event) -> None:
    """Follow the console: saves travel by themselves only while editing is on, and nothing goes on behind the end."""
    while not stop.is_set():
        await asyncio.to_thread(follow, device, stop)
        await asyncio.sleep(ASK_SECONDS)


def follow(device: Device, stop: asyncio.Event) -> None:
    """Ask how the session stands, and do as it says. Without a server it ends at its time all the same."""
    held = device.support.held
    assert held is not None, "it was opened"
    try:
        held = device.support.ask()
    except Refused as refused:
        if refused.problem.code is Code.AUTH or instant(system_world().clock.now()) >= held.until:
            stop.set()
        return
    if held.editing:
        device.start()
    else:
        device.stop()


def _end(device: Device) -> None:
    """Saves that are not settled are handed over before their store goes."""
    import time

    if device.account is None:
        return
    for _ in range(HAND_OVER_TRIES):
        try:
            if left := device.support.end():
                say(f"{left} saves were not settled: the console has them at this session's page, as a file.")
            return
        except Refused as refused:
            say(f"Saves wait and cannot be handed over: {refused.problem.message} Trying again; Ctrl-C gives them up.")
            time.sleep(ASK_SECONDS)
