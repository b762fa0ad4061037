"""A server process of its own on a free port, as `fieldsync serve` runs one, for tests that need real HTTP.

With `KILL_AT=k` in its environment it kills itself, with SIGKILL, at the k-th fault point it reaches.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests import forking

_PROGRAM = """
import asyncio, os, signal, sys
from fieldsync.base import faults
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
app = create_app(uri, system_world(), pages=console())
asyncio.run(serve_alone(app, host="127.0.0.1", port=port, ready=lambda: print("ready", flush=True)))
"""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
