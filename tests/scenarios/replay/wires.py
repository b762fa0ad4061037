"""Ways to a real server that lose what they are told to lose, and send what they are told to send twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from fieldsync.device.transport import Heard, HttpTransport, Reply, Unreachable

UPLOAD = "/sync/v1/upload"
OK = 200


class Harm(StrEnum):
    """What may be done to an upload. Everything else passes."""

    REPLY_LOST = "its reply is lost"
    REQUEST_LOST = "it never arrives"
    TWICE = "it is sent twice, and the second answer counts"
    FIRST_COUNTS = "it is sent twice, and the first answer counts"
    AT_ONCE = "it is sent twice at the same time"


class Wire:
    """HTTP to the server, where `harms` says for each upload, counted from 0, what is done to it."""

    def __init__(self, address: str, harms: Callable[[int], Harm | None] = lambda _: None) -> None:
        self._http, self._twin, self._harms = HttpTransport(address), HttpTransport(address), harms
        self._ahead = ThreadPoolExecutor(1)
        self.uploads = 0
        """How many the device sent, each counted once."""
        self.refused: list[int] = []
        """Statuses of answers that were not what was asked for."""

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        harm = None
        if path == UPLOAD:
            harm = self._harms(self.uploads)
            self.uploads += 1
        reply = self._harmed(harm, method, path, body, headers)
        self.refused += [reply.status] if reply.status != OK else []
        return reply

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        return self._ahead.submit(self.request, method, path, body, headers).result

    def _harmed(
        self, harm: Harm | None, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        if harm is Harm.REQUEST_LOST:
            raise Unreachable("lost on its way")
        if harm is Harm.AT_ONCE:
            with ThreadPoolExecutor(1) as other:
                twin = other.submit(self._twin.request, method, path, body, headers)
                reply = self._http.request(method, path, body, headers)
                assert twin.result().status == reply.status
            return reply
        first = self._http.request(method, path, body, headers)
        if harm is Harm.REPLY_LOST:
            raise Unreachable("its reply was lost")
        if harm in (Harm.TWICE, Harm.FIRST_COUNTS):
            second = self._http.request(method, path, body, headers)
            assert second.status == first.status
            return second if harm is Harm.TWICE else first
        return first

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        return self._http.stream(path, headers, body)

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        raise Unreachable("no event stream: these devices are led step by step")

    def hang_up(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        self._ahead.shutdown()
        self._http.close()
        self._twin.close()


def only(harm: Harm, at: int) -> Callable[[int], Harm | None]:
    """This harm to one upload."""
    return lambda number: harm if number == at else None


def always(harm: Harm) -> Callable[[int], Harm | None]:
    """This harm to every upload."""
    return lambda _: harm


def each_once(harm: Harm) -> Callable[[int], Harm | None]:
    """This harm to every upload but the ones that repeat: each needs two tries."""
    return lambda number: harm if number % 2 == 0 else None
