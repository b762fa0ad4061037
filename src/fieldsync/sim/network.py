"""The network between a simulated device and the server: every request passes here, and may be struck by a fault."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping

from fieldsync.device.transport import NotStreamed, Reply, Unreachable
from fieldsync.sim.asgi import Answer, Application, call
from fieldsync.sim.faults import Fault, Faults, Killed

OK = 200


class SimTransport:
    """A device's transport onto the application in this process. The device cannot tell the difference."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Application, faults: Faults) -> None:
        self._loop = loop
        self._app = app
        self._faults = faults
        self.connected = True

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """One thing after another: it is sent when its answer is asked for."""
        return lambda: self.request(method, path, body, headers)

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One request, perhaps lost, doubled, or answered into the void. Raises Unreachable."""
        answer = self._deliver(method, path, body, headers)
        return Reply(answer.status, answer.headers, answer.body)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """The lines of a streamed answer. A lost one breaks off in the middle."""
        answer = self._deliver("GET" if body is None else "POST", path, body, headers, whole=False)
        if answer.status != OK:
            raise NotStreamed(Reply(answer.status, answer.headers, answer.body))
        lines = answer.body.splitlines(keepends=True)
        if self._faults.strikes(Fault.REPLY_LOST):
            yield from lines[: len(lines) // 2]
            raise Unreachable("the stream was cut")
        yield from lines

    def events(self, path: str, headers: Mapping[str, str], on_news: Callable[[], None], stop: threading.Event) -> None:
        """No wake-ups here: simulated devices poll, which is the harder case."""
        raise Unreachable("no event stream")

    def hang_up(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is held."""

    def _deliver(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, whole: bool = True
    ) -> Answer:
        if not self.connected or self._faults.strikes(Fault.REQUEST_LOST):
            raise Unreachable("the request was lost")
        if self._faults.strikes(Fault.REQUEST_TWICE):
            self._send(method, path, body, headers)
        answer = self._send(method, path, body, headers)
        if whole and self._faults.strikes(Fault.REPLY_LOST):
            raise Unreachable("the answer was lost")
        return answer

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Deliver once; the server may die on the way, and what it had not committed did not happen."""
        self._faults.doom(Fault.SERVER_KILLED)
        try:
            return self._loop.run_until_complete(call(self._app, method, path, dict(headers), body or b""))
        except Killed:
            raise Unreachable("the server died") from None
        finally:
            self._faults.spare()
