"""A server process of its own on a free port, as `fieldsync serve` runs one, for tests that need real HTTP.

With `KILL_AT=k` in its environment it kills itself, with SIGKILL, at the k-th fault point it reaches; with `PATIENT`
nobody is refused for having waited for a lock or for a connection.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests import forking
from tests.ports import free_port

from fieldsync.server.http.serve import Application, serve

_PROGRAM = """
import asyncio, os, signal, sys
from fieldsync.base import faults
from fieldsync.server.postgres import connect, settings
from fieldsync.cli.serve import console
from fieldsync.base.world import system_world
from fieldsync.server.http.app import create_app
from fieldsync.server.http.serve import serve_alone
uri, port, left = sys.argv[1], int(sys.argv[2]), int(os.environ.get("KILL_AT", "0"))
def plan(point):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
faults.install(plan if left else None)
if "PATIENT" in os.environ:
    settings.POOLED["lock_timeout"] = "60000"
    connect.POOL_WAIT_SECONDS = 60.0
app = create_app(uri, system_world(), pages=console())
asyncio.run(serve_alone(app, host="127.0.0.1", port=port, ready=lambda: print("ready", flush=True)))
"""


@contextmanager
def running_server(
    uri: str, *, env: dict[str, str] | None = None, port: int | None = None
) -> Iterator[tuple[str, forking.Process]]:
    """The address of a server over this database, and its process. It is stopped at the end, however it went."""
    chosen = port or free_port()
    process = forking.start(_PROGRAM, uri, str(chosen), env={**os.environ, **(env or {})})
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", f"the server did not start: {line!r}"
        yield f"http://127.0.0.1:{chosen}", process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def served_here(app: Application, port: int, ready: Callable[[], object] = lambda: None) -> Iterator[None]:
    """An app served by a thread of this process; `ready` is told before the block begins."""
    begun, ending = threading.Event(), threading.Event()

    def listens() -> None:
        ready()
        begun.set()

    async def run() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, host="127.0.0.1", port=port, stop=stop, ready=listens))
        await asyncio.to_thread(ending.wait)
        stop.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert begun.wait(60)
    try:
        yield
    finally:
        ending.set()
        thread.join(20)
