"""What the engine asks of a way to the server. HTTP is one, the simulator's wire another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Reply:
    """An answer. Header names are in lower case; the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreachable(Exception):
    """No answer from our server: no network, a timeout, a portal's page, a cut stream. Nothing is known of the
    request's effect."""


class Unconnected(Unreachable):
    """There was no connection: the request did not leave."""


class NotStreamed(Exception):
    """The server answered a request for a stream with something else."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


Heard = Callable[[str, bytes], None]
"""Takes the name and the data of an event."""


class Transport(Protocol):
    """A way to the server. Every method may raise Unreachable."""

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One request and its answer, whatever its status."""

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """A request that is on its way when this returns, where the transport can; `request` when the result is
        called, which gives the answer."""

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """The lines of a streamed answer to GET, or to POST where there is a body. Raises NotStreamed before the first
        line."""

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        """Read events until `stop` is set or the stream ends; `heard` for each. Returns or raises Unreachable.

        A stream that is silent for `STREAM_HEALTHY_SECONDS` ends. Raises NotStreamed when it is refused.
        """

    def hang_up(self) -> None:
        """End a running `events` from another thread. Does nothing when there is none."""

    def close(self) -> None:
        """Let go of connections."""
