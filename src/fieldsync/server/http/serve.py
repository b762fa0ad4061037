"""Running the server: Granian inside this process's event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar


async def serve(app: Litestar, *, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve `app` until SIGINT or SIGTERM. `ready` is told when it listens."""
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.create_task(server.serve())
    await _listening(host, port, serving)
    ready()
    await serving


async def _listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Return when the port takes connections, or when serving has failed."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        return
