"""A server that works says so, to a device that asked for that: so a silence is a dead line's, never a busy server's.

An answer that takes longer than `BEAT_SECONDS` begins as one of `CONTENT_BEATS`: an empty line now and then, and when
the answer is known its head and body. A stream of rows that pauses gets empty lines or blocks in between (ADR 24).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.protocol import wire

Message = Any
"""Of ASGI: a dictionary with a `type`."""
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_ASKED = wire.BEATS_HEADER.encode()
_LATE = [
    (b"content-type", wire.CONTENT_BEATS.encode()),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


def beating(app: Asgi) -> Asgi:
    """`app`, that beats where it is asked to."""

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not any(name == _ASKED for name, _ in scope["headers"]):
            await app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await app(scope, receive, answer.send)
        finally:
            answer.ended()

    return answered


class _Answer:
    """One answer on its way, and a clock that looks whether anything of it went out since it last did."""

    def __init__(self, send: Send) -> None:
        self._send, self._turn = send, asyncio.Lock()
        self._begun = self._late = self._went = False
        self._filling, self._beat = b"", wire.BEAT
        self._beats = 0
        self._beating: asyncio.Task[None] | None = None
        self._next: asyncio.TimerHandle | None = None
        self._wait()

    async def send(self, message: Message) -> None:
        """A message of the application, in its turn."""
        async with self._turn:
            self._went, self._beats = True, 0
            if message["type"] == "http.response.start":
                message = self._start(message)
            else:
                self._beat = self._filling if message.get("body") else self._beat
                if not message.get("more_body"):
                    self.ended()
            await self._send(message)

    def ended(self) -> None:
        """Nothing more is to come."""
        if self._next is not None:
            self._next.cancel()
        self._beats = limits.BEATS_MAX

    def _start(self, message: Message) -> Message:
        headers = {
            bytes(name).lower().decode("latin-1"): bytes(value).decode("latin-1") for name, value in message["headers"]
        }
        rows = headers.get("content-type", "").startswith(wire.CONTENT_LINES)
        packed = headers.get("content-encoding") == wire.ENCODING_ZSTD
        self._filling = b"" if not rows else wire.BEAT_IN_ZSTD if packed else wire.BEAT
        self._begun, self._beat = True, b""  # before the first piece of a body nothing may stand
        if not self._late:
            return message
        head = msgspec.json.encode(wire.LateHead(message["status"], headers)) + b"\n"
        return {"type": "http.response.body", "body": head, "more_body": True}

    def _wait(self) -> None:
        if self._beats < limits.BEATS_MAX:
            self._next = asyncio.get_running_loop().call_later(limits.BEAT_SECONDS, self._look)

    def _look(self) -> None:
        if self._went or self._turn.locked() or not self._beat:
            self._went = False
            self._wait()
        else:
            self._beating = asyncio.get_running_loop().create_task(self._say())

    async def _say(self) -> None:
        async with self._turn:
            if self._went or self._beats >= limits.BEATS_MAX:
                self._wait()
                return
            self._beats += 1
            with suppress(OSError, RuntimeError):  # nobody is there to hear it
                if not self._begun and not self._late:
                    self._late = True
                    await self._send({"type": "http.response.start", "status": 200, "headers": _LATE})
                await self._send({"type": "http.response.body", "body": self._beat, "more_body": True})
                self._wait()
