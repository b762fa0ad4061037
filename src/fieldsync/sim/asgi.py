"""One request to the production server's application, in this process: no socket, the same bytes.

The simulator's network carries requests through here, so that what is tested is the real HTTP edge. Nothing of the
application is known but that it is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Application(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any, /) -> None: ...


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in small letters, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    """The application failed when the answer had begun: a client would see it end too early."""


async def call(app: Application, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send one request and wait for the whole answer. Raises what the application raises before its answer begins."""
    exchange = _Exchange(body)
    path, _, query = target.partition("?")
    given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*given, (b"host", b"server"), (b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }
    task = asyncio.ensure_future(app(scope, exchange.receive, exchange.send))
    await asyncio.wait([task])
    error = _innermost(task.exception())
    if error is not None and (exchange.status == 0 or not isinstance(error, Exception)):
        raise error
    return Answer(exchange.status, exchange.headers, b"".join(exchange.chunks), cut=error is not None)


def _innermost(error: BaseException | None) -> BaseException | None:
    """What went wrong first, where it came in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class _Exchange:
    """The two channels of one request."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._answered = asyncio.Event()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        if self._body is None:
            await self._answered.wait()  # the caller stays until it has the whole answer
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message.get("headers", [])}
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._answered.set()
