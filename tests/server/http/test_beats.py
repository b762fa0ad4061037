"""A server that works says so, and a line that says nothing is given up: real HTTP, both ends as in the product."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from litestar import Litestar, Response, get
from litestar.response import Stream
from tests.ports import free_port
from tests.server.http.running import served_here
from tests.web.beginning import Relay, relayed

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.transport import HttpTransport, NotStreamed, Unreachable
from fieldsync.protocol import wire
from fieldsync.server.http.errors import HANDLERS

SILENT, BEAT = 2.0, 0.15
"""A machine that does other things may stand still for a second between two beats."""
LONG = 1.25 * SILENT
"""So long the server of this test works at an answer."""


@get("/slow")
async def slow() -> Response[bytes]:
    await asyncio.sleep(LONG)
    return Response(wire.compress(b"{}" * 900), media_type=wire.CONTENT_JSON, headers={"content-encoding": "zstd"})


@get("/refused")
async def refused() -> Response[bytes]:
    await asyncio.sleep(LONG)
    raise Refused(problem(Code.BUSY), retry_after_seconds=7)


@get("/rows")
async def rows(packed: bool = False) -> Stream:  # noqa: FBT001
    squeeze = wire.Squeeze()

    async def lines() -> AsyncIterator[bytes]:
        for n in range(3):
            line = b'{"n":%d}\n' % n
            yield squeeze.add(line) if packed else line
            await asyncio.sleep(LONG if n == 1 else 0)
        yield squeeze.finish() if packed else b""

    encoding = {"content-encoding": wire.ENCODING_ZSTD} if packed else {}
    return Stream(lines(), media_type=wire.CONTENT_LINES, headers=encoding)


@get("/busy")
async def busy() -> Stream:
    await asyncio.sleep(LONG)
    return await rows.fn(packed=True)  # type: ignore[no-any-return]


@get("/hung")
async def hung() -> str:
    await asyncio.sleep(4 * SILENT)
    return "never"


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HttpTransport, Relay]]:
    monkeypatch.setattr(limits, "BEAT_SECONDS", BEAT)
    port, app = free_port(), Litestar([slow, refused, rows, busy, hung], exception_handlers=HANDLERS)
    with served_here(app, port), relayed(f"http://127.0.0.1:{port}") as (address, network):
        transport = HttpTransport(address, silent_seconds=SILENT)
        yield transport, network
        transport.close()


def test_who_works_for_longer_than_a_line_may_be_silent_is_heard_to_the_end(line: tuple[HttpTransport, Relay]) -> None:
    transport, _ = line
    found = transport.request("GET", "/slow", None, {})
    assert (found.status, found.body) == (200, b"{}" * 900)
    late = transport.request("GET", "/refused", None, {})
    assert (late.status, late.headers["retry-after"], b"BUSY" in late.body) == (429, "7", True)
    expected = [b'{"n":%d}' % n for n in range(3)]
    for path in ("/rows", "/rows?packed=true", "/busy"):
        assert list(transport.stream(path, {})) == expected, path
    with pytest.raises(NotStreamed):
        list(transport.stream("/refused", {}))


def given_up(asked: Callable[[], object]) -> float:
    """How long it took."""
    began = time.monotonic()
    with pytest.raises(Unreachable):
        asked()
    return time.monotonic() - began


def test_a_line_that_fell_silent_is_given_up_and_so_is_who_never_comes_to_an_end(
    line: tuple[HttpTransport, Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, network = line
    threading.Timer(SILENT / 2, lambda: setattr(network, "silenced", 1)).start()
    assert SILENT <= given_up(lambda: transport.request("GET", "/slow", None, {})) < 60
    asked = transport.stream("/rows", {})
    assert next(asked)
    network.silenced = 2
    assert SILENT / 2 <= given_up(lambda: list(asked)) < 60
    assert transport.request("GET", "/slow", None, {}).status == 200, "the next goes over another line"
    monkeypatch.setattr(limits, "BEATS_MAX", 3)
    assert given_up(lambda: transport.request("GET", "/hung", None, {})) < 60
