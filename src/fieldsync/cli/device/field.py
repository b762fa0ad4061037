"""`fieldsync field`: the Field app in a browser window, on this machine's own encrypted stores, one a person.

Everything a person would type is asked in the app. What is given here is for programs.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import system_world
from fieldsync.cli.device.commands import DEFAULT_STORE, StoreOption
from fieldsync.cli.report import say

if TYPE_CHECKING:
    from fieldsync.device import DeviceDescription
    from fieldsync.web.field.begin.hall import Hall

HOST = "127.0.0.1"
NOT_OURS = ("pydantic", "attr", "attrs", "rich.traceback")
"""Values of others, and coloured tracebacks: libraries would read them in, for a quarter of the start, because they are
there."""
SECRET = "FIELDSYNC_PASSPHRASE"


def field(
    store: StoreOption = DEFAULT_STORE,
    passphrase: Annotated[str, typer.Option("--passphrase", envvar=SECRET, help="Opens it unasked; or a PIN.")] = "",
    server: Annotated[str, typer.Option("--server", envvar="FIELDSYNC_SERVER", help="Where to sign in.")] = "",
    org: Annotated[str, typer.Option("--org", envvar="FIELDSYNC_ORG", help="Of the person.")] = "",
    username: Annotated[str, typer.Option("--username", help="Whose store it is.")] = "",
    password: Annotated[str, typer.Option("--password", envvar="FIELDSYNC_PASSWORD", help="To sign in unasked.")] = "",
    port: Annotated[int, typer.Option("--port", help="Port of the pages on this machine; 0 takes a free one.")] = 0,
    idle: Annotated[
        int, typer.Option("--lock-after", min=0, help="Idle minutes until it locks, where the admin allows more.")
    ] = 0,
    window: Annotated[bool, typer.Option("--window/--no-window", help="Open a browser, or not.")] = True,
) -> None:
    """The Field app: it asks for server, sign-in and PIN itself. Ctrl-C stops it; what was saved stays."""
    no_core_dumps()
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    asyncio.run(_serve(store, (passphrase, server, org, username, password), port or free_port(), idle, window=window))
    say("stopped")


def telling(sentence: str, port: int, *, window: bool) -> Callable[[str], None]:
    """Tells the link that lets a browser in, by its token, and opens it the first time where a window is wanted."""
    opened: list[str] = []

    def tell(token: str) -> None:
        link = f"http://{HOST}:{port}/?launch={token}"
        say(f"For one more browser: {link}" if opened else f"{sentence} {link}")
        if window and not opened:
            webbrowser.open(link)
        opened.append(link)

    return tell


async def _serve(store: Path, given: tuple[str, str, str, str, str], port: int, idle: int, *, window: bool) -> None:
    with _reading_in():
        from fieldsync.device.keys import system_keystore
        from fieldsync.device.people import People
        from fieldsync.server.http.serve import serve, stop_on_signals
        from fieldsync.web.field.app import create_app
        from fieldsync.web.field.begin.hall import Hall
        from fieldsync.web.field.door import Door
        from fieldsync.web.field.lock.seat import Seat

        world, tell = system_world(), telling("The Field app is at", port, window=window)
        people = People(store, world.chance, system_keystore())
        seat = Seat(Door(world.chance, tell), world, platform.node() or "Field app", idle_minutes=idle)
        hall = Hall(people, seat, world, _describe)
        app = create_app(seat, hall, port=port)
    try:
        await asyncio.to_thread(hall.tidy)
        await asyncio.to_thread(_unasked, hall, given)
        await serve(app, host=HOST, port=port, stop=stop_on_signals(), ready=seat.door.invite)
    finally:
        await asyncio.to_thread(hall.abandon)
        await asyncio.to_thread(seat.leave)


@contextmanager
def _reading_in() -> Iterator[None]:
    """While the program is read in nothing is garbage, and looking for some is a fifth of that time. What it is made of
    is not looked through later either, which would stop the app. No store may be open yet: its objects have to go."""
    gc.disable()
    sys.modules.update(dict.fromkeys(name for name in NOT_OURS if name not in sys.modules))  # type: ignore[arg-type]
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _unasked(hall: Hall, given: tuple[str, str, str, str, str]) -> None:
    """As far as what was given leads. Raises Refused for what the app would tell as a page."""
    from fieldsync.device.transport.reach import address_of

    secret, server, org, username, password = given
    at = hall.beginning
    at.server, at.org, at.username = address_of(server) or server, org, username
    known = [p for p in hall.people.all() if not username or p.about.username == username or p.id == "0"]
    if secret and len(known) == 1:
        hall.unlock(known[0], secret)
    elif secret and all((at.server, org, username, password)):
        hall.sign_in(org, username, password)
        hall.keep(secret)
    elif secret and known:
        raise Refused(problem(Code.UNUSABLE, what="--passphrase", reason="several people are here; add --username"))


def _describe(key: str) -> DeviceDescription:
    from fieldsync.cli.device.store import describe_terminal

    return describe_terminal(platform.node() or "Field app", key)


def no_core_dumps() -> None:
    """A dump of this process would hold the key (THREATS T1)."""
    try:
        import resource
    except ImportError:  # Windows writes none by itself
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def free_port() -> int:
    """One that nobody listens at."""
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
