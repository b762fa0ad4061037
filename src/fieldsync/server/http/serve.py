"""Running an application: Granian inside this process's event loop, until it is told to stop (see docs/adr/0005)."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar import Litestar

from fieldsync.base import limits
from fieldsync.server.http.beats import beating

FILES_BESIDE = 500
"""Open files of a server beside its connections."""
COLLECT_AFTER = (50_000, 20, 20)
"""A batch is thousands of objects that all live until it is answered: to look through them every 700 finds nothing."""
Application = Litestar
"""What can be served."""
T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`: in uvloop, where waiting costs less; in Python's own loop where there is none (Windows)."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def stop_on_signals() -> asyncio.Event:
    """An event of the running loop that Ctrl-C or SIGTERM sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop


async def serve(app: Litestar, *, host: str, port: int, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve `app` until `stop` is set. `ready` is told when it listens. Any number may run in one loop."""
    _allow_files(limits.CONNECTIONS_MAX)
    server = Server(
        beating(app),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        backlog=limits.CONNECTIONS_ARRIVING_MAX,
        backpressure=limits.CONNECTIONS_MAX,
        http1_settings=HTTP1Settings(header_read_timeout=1_000 * limits.IDLE_CONNECTION_SECONDS),
    )
    serving = asyncio.create_task(server.serve())
    await _listening(host, port, serving)
    if not serving.done():
        ready()
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        app.state.get("on_stop", _nothing)()  # open streams end, or the server would wait for them
        server.stop()  # type: ignore[no-untyped-call]
    await serving


async def serve_alone(app: Litestar, *, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve `app` until Ctrl-C or SIGTERM."""

    def settled() -> None:
        gc.set_threshold(*COLLECT_AFTER)
        gc.collect()
        gc.freeze()  # what is here stays, and a full collection that looks at all of it would stop everybody
        ready()

    await serve(app, host=host, port=port, stop=stop_on_signals(), ready=settled)


def _allow_files(connections: int) -> None:
    """Where the system allows this process fewer open files than connections need, raise that as far as it lets us."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + FILES_BESIDE
    if now < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, allowed), most))


def _nothing() -> None:
    """An application without streams."""


async def _listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Return when the port takes connections, or when serving has failed."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        writer.close()
        return
