"""Connections between two requests."""

from __future__ import annotations

import asyncio
import time

import pytest
from litestar import Litestar, get
from tests.ports import free_port

from fieldsync.base import limits
from fieldsync.server.http.serve import serve


def test_a_connection_outlives_the_time_between_two_polls() -> None:
    assert limits.IDLE_CONNECTION_SECONDS > 2 * limits.POLL_SECONDS


def test_it_is_kept_as_long_as_said_and_then_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDLE_CONNECTION_SECONDS", 1)
    *told, seconds = asyncio.run(_idle())
    assert told == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b""]
    assert seconds >= 1, "not before"


async def _idle() -> tuple[bytes, bytes, bytes, float]:
    """Two answers on one connection, what it says when it idles, and how long after the last question."""

    @get("/")
    async def hello() -> str:
        return "hello"

    port = free_port()
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(Litestar([hello]), host="127.0.0.1", port=port, stop=stop, ready=ready.set))
    await ready.wait()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    asked = 0.0
    for _ in range(2):
        asked = time.monotonic()
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        answers.append((await reader.readline()).strip())
        while b"hello" not in await reader.read(1024):
            pass
    rest = await asyncio.wait_for(reader.read(), 60)
    seconds = time.monotonic() - asked
    writer.close()
    stop.set()
    await serving
    return answers[0], answers[1], rest, seconds
