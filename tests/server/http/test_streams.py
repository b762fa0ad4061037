"""Streams of rows: a device that stops reading, or hangs up, holds no connection and no snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.server.lab import Lab

from fieldsync.base import limits
from fieldsync.server.http.app import create_app

COPIES = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY %%' AND backend_xmin IS NOT NULL"


class Reader:
    """A device that asks for everything, takes the first pieces, and then nothing. `last` is called as it takes the
    last of them."""

    def __init__(self, token: str, path: str, last: Callable[[], Awaitable[None]]) -> None:
        self._token, self._path, self._last, self.taken = token, path, last, 0
        self.stalled, self.hung_up = asyncio.Event(), asyncio.Event()

    async def read(self, app: Any) -> None:
        headers = [(b"authorization", f"Bearer {self._token}".encode()), (b"host", b"server")]
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
        place = {"path": self._path, "raw_path": self._path.encode(), "query_string": b"", "root_path": ""}
        ends = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {}, "extensions": {}}
        await app({**scope, **place, **ends, "headers": headers}, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if self.taken:
            await self.hung_up.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        self.taken += 1
        if self.taken == 5:
            await self._last()
        if self.taken > 5 and message.get("more_body"):
            self.stalled.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("how", ["hangs up", "stalls"])
def test_a_device_that_reads_no_further_holds_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(limits, "STREAM_STALL_SECONDS", 60)
    monkeypatch.setattr(limits, "REFRESH_BLOCK_BYTES", 20_000)
    lab.rows("Shop", *({"Name": f"{n}" * 40} for n in range(5_000)))
    lab.person("sarah")
    token = lab.phone("sarah").token

    async def stall() -> tuple[int, int]:
        before: list[int] = []

        async def last() -> None:
            before.append(await copies())
            if how == "stalls":
                monkeypatch.setattr(limits, "STREAM_STALL_SECONDS", 0.1)

        app, reader = create_app(lab.uri, lab.world), Reader(token, "/sync/v1/refresh", last)
        async with app.lifespan():
            await copies()  # opens the connection that looks on
            reading = asyncio.create_task(reader.read(app))
            await asyncio.wait_for(reader.stalled.wait(), 60)
            if how == "hangs up":
                reader.hung_up.set()
            for _ in range(2_000):
                if not await copies():
                    break
                await asyncio.sleep(0.02)
            after = await copies()
            reader.hung_up.set()
            await asyncio.wait_for(reading, 60)
        return before[0], after

    async def copies() -> int:
        async with lab.org.pool.connection() as connection:
            found = await (await connection.execute(COPIES)).fetchone()
        return int(found[0]) if found else 0

    assert lab.run(stall()) == (1, 0)
