"""The network between a simulated device and the server: every request passes here, and may be struck by a fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import msgspec

from fieldsync.base.problems import Code, problem
from fieldsync.base.world import ManualClock
from fieldsync.device.transport import Heard, NotStreamed, Reply, Unreachable
from fieldsync.protocol import wire
from fieldsync.sim.asgi import Answer
from fieldsync.sim.faults import Fault, Faults, Killed

OK = 200
DEADLINE_SECONDS = 30
DELAYS_SECONDS = (2, 9, 29, 31, 600)
LATE_MAX = 8
SECRET = b"never-for-their-eyes"
"""What rows hold that nobody in the run may read (law L4)."""


class Way(StrEnum):
    """Which way a device's network is."""

    OPEN = "open"
    OFF = "off"
    NOTHING_LEAVES = "out"
    NOTHING_RETURNS = "in"
    NOTHING_PASSES = "both"


_CLOSED = {
    Way.NOTHING_LEAVES: Fault.PARTITION_OUT,
    Way.NOTHING_PASSES: Fault.PARTITION_BOTH,
}


class Server(Protocol):
    """Whoever answers requests."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request. Raises Killed when the server dies on the way."""


@dataclass(frozen=True)
class Request:
    """One request as it left the device."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class SimTransport:
    """A device's transport onto the server in this process. The device cannot tell the difference."""

    def __init__(self, server: Server, faults: Faults, clock: ManualClock) -> None:
        self._server, self._faults, self._clock = server, faults, clock
        self.way = Way.OPEN
        self.seen_secret = False
        self.meanwhile: Callable[[], None] | None = None
        """What the person does when the next stream has begun."""
        self._late: list[Request] = []

    @property
    def connected(self) -> bool:
        """Whether requests get through both ways."""
        return self.way is Way.OPEN

    @connected.setter
    def connected(self, value: bool) -> None:
        self.way = Way.OPEN if value else Way.OFF

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """One thing after another: it is sent when its answer is asked for."""
        return lambda: self.request(method, path, body, headers)

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One request, perhaps lost, doubled, or answered into the void. Raises Unreachable."""
        answer = self._deliver(Request(method, path, dict(headers), body or b""))
        if self._faults.strikes(Fault.REPLY_LOST):
            raise Unreachable("the answer was lost")
        if self._faults.strikes(Fault.TRUNCATED):
            answer = replace(answer, body=answer.body[: self._faults.chance.below(max(1, len(answer.body)))])
        return Reply(answer.status, answer.headers, answer.body)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """The lines of a streamed answer. A lost one breaks off in the middle, a truncated one in a line."""
        answer = self._deliver(Request("GET" if body is None else "POST", path, dict(headers), body or b""))
        if answer.status != OK or _is_portal(answer):
            raise NotStreamed(Reply(answer.status, answer.headers, answer.body))
        lines = answer.body.splitlines(keepends=True)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            yield lines.pop(0)
            act()
        if self._faults.strikes(Fault.REPLY_LOST):
            yield from lines[: self._faults.chance.below(len(lines) + 1)]
            raise Unreachable("the stream was cut")
        if self._faults.strikes(Fault.TRUNCATED):
            cut = answer.body[: self._faults.chance.below(max(1, len(answer.body)))]
            yield from cut.splitlines(keepends=True)
            return
        yield from lines

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        """No wake-ups here: simulated devices poll, which is the harder case."""
        raise Unreachable("no event stream")

    def hang_up(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is held."""

    def _deliver(self, request: Request) -> Answer:
        faults = self._faults
        if self.way is Way.OFF:
            raise Unreachable("no network")
        if self.way in _CLOSED:
            faults.count(_CLOSED[self.way])
            raise Unreachable("the request did not leave")
        if faults.strikes(Fault.REQUEST_LOST):
            raise Unreachable("the request was lost")
        between = self._between()
        if between is not None:
            return between
        if self._late and faults.chance.below(4) == 0:
            self._send(self._late.pop(faults.chance.below(len(self._late))))
        if faults.strikes(Fault.REQUEST_TWICE):
            self._send(request)
        if faults.strikes(Fault.REQUEST_AGAIN_LATER):
            self._late = [*self._late, request][-LATE_MAX:]
        answer = self._send(request)
        if self.way is Way.NOTHING_RETURNS:
            faults.count(Fault.PARTITION_IN)
            raise Unreachable("nothing came back")
        if faults.strikes(Fault.DELAYED):
            self._wait()
        return answer

    def _wait(self) -> None:
        seconds = DELAYS_SECONDS[self._faults.chance.below(len(DELAYS_SECONDS))]
        self._clock.advance(seconds)
        if seconds > DEADLINE_SECONDS:
            raise Unreachable("the answer came too late")

    def _between(self) -> Answer | None:
        """Who answers in the server's place, if anybody does."""
        if self._faults.strikes(Fault.PORTAL):
            return Answer(OK, {"content-type": "text/html"}, b"<html><title>Sign in to the hotel</title></html>")
        if self._faults.strikes(Fault.UNAVAILABLE):
            return Answer(503, {"content-type": "text/html", "retry-after": "5"}, b"<h1>Service Unavailable</h1>")
        if self._faults.strikes(Fault.TOO_MANY):
            body = msgspec.json.encode(wire.ErrorBody(problem(Code.BUSY)))
            return Answer(429, {"content-type": wire.CONTENT_JSON, "retry-after": "7"}, body)
        return None

    def _send(self, request: Request) -> Answer:
        """Deliver once; the server may die on the way, and what it had not committed did not happen."""
        self._faults.doom_server()
        try:
            answer = self._server.answer(request.method, request.path, request.headers, request.body)
        except Killed:
            raise Unreachable("the server died") from None
        finally:
            self._faults.spare_server()
        self.seen_secret = self.seen_secret or SECRET in answer.body
        if answer.cut:
            raise Unreachable("the server ended the answer too early")
        return answer


def _is_portal(answer: Answer) -> bool:
    return answer.headers.get("content-type") == "text/html"
