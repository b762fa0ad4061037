"""A way to the server that tells of each request what it was and how it went: never what was in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from fieldsync.base.world import Clock
from fieldsync.device.transport.link import Heard, NotStreamed, Reply, Transport, Unreachable

_OK = 200


@dataclass(frozen=True)
class Went:
    """One request: its path without what was asked for, the status of its answer, or why there was none. Bytes are
    those of the body, before it was compressed."""

    method: str
    path: str
    seconds: float
    up: int = 0
    down: int = 0
    status: int | None = None
    failure: type[Exception] | None = None


class Tell(Protocol):
    """Takes what a request came to."""

    def __call__(self, went: Went) -> None: ...


class Logged:
    """Another transport, looked at. Raises what that raises.

    `carried`: bytes that went up and came down by requests that ended, as `Went` counts them.
    """

    def __init__(self, inner: Transport, tell: Tell, clock: Clock) -> None:
        self._inner, self._tell_log, self._clock = inner, tell, clock
        self._counting = threading.Lock()
        self.carried = (0, 0)

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        return self._looked_at(method, path, body, lambda: self._inner.request(method, path, body, headers))

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        answered = self._inner.later(method, path, body, headers)
        return lambda: self._looked_at(method, path, body, answered)

    def _looked_at(self, method: str, path: str, body: bytes | None, answered: Callable[[], Reply]) -> Reply:
        began = self._clock.steady()
        about = {"method": method, "path": _bare(path), "up": len(body or b"")}
        try:
            reply = answered()
        except Unreachable as error:
            self._tell(Went(**about, seconds=self._clock.steady() - began, failure=type(error)))  # type: ignore[arg-type]
            raise
        seconds = self._clock.steady() - began
        self._tell(Went(**about, seconds=seconds, down=len(reply.body), status=reply.status))  # type: ignore[arg-type]
        return reply

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        began, down = self._clock.steady(), 0
        status: int | None = _OK
        failure: type[Exception] | None = None
        try:
            for line in self._inner.stream(path, headers, body):
                down += len(line)
                yield line
        except NotStreamed as refused:
            status = refused.reply.status
            raise
        except Unreachable as error:
            status, failure = None, type(error)
            raise
        finally:
            method, up = "GET" if body is None else "POST", len(body or b"")
            self._tell(Went(method, _bare(path), self._clock.steady() - began, up, down, status, failure))

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        self._inner.events(path, headers, heard, stop)

    def _tell(self, went: Went) -> None:
        with self._counting:
            up, down = self.carried
            self.carried = (up + went.up, down + went.down)
        self._tell_log(went)

    def hang_up(self) -> None:
        self._inner.hang_up()

    def close(self) -> None:
        self._inner.close()


def _bare(path: str) -> str:
    """Without the query: what a person looked for may stand in it, and a cursor does."""
    return path.partition("?")[0]
