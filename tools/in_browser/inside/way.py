"""The way to the server that a worker has: its own requests, which wait for their answers. The browser does TLS and
compression, follows the system's proxy, and lets nobody else's page speak to the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import js  # type: ignore[import-not-found]
import pyodide.ffi  # type: ignore[import-not-found]

from fieldsync.device.transport import NotStreamed, Reply, Unreachable

OK = 200


class Way:
    """Requests to the server this page came from."""

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """See `Transport.request`."""
        asking: Any = js.XMLHttpRequest.new()
        asking.open(method, path, False)
        asking.responseType = "arraybuffer"
        for name, value in ({"content-type": "application/json"} | dict(headers)).items():
            asking.setRequestHeader(name, value)
        try:
            asking.send(None if body is None else pyodide.ffi.to_js(body))
        except pyodide.ffi.JsException as error:
            raise Unreachable(str(error)) from error
        lines = (line.partition(": ") for line in asking.getAllResponseHeaders().split("\r\n"))
        return Reply(asking.status, {n.lower(): v for n, colon, v in lines if colon}, asking.response.to_bytes())

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """One thing after another: it is sent when its answer is asked for."""
        return lambda: self.request(method, path, body, headers)

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """The lines of an answer that has come whole."""
        reply = self.request("GET" if body is None else "POST", path, body, headers)
        if reply.status != OK or "ndjson" not in reply.headers.get("content-type", ""):
            raise NotStreamed(reply)
        yield from reply.body.split(b"\n")[:-1]

    def events(self, path: str, headers: Mapping[str, str], on_news: Callable[[], None], stop: threading.Event) -> None:
        """No wake-ups here: the page polls."""
        raise Unreachable("no events in a worker")

    def hang_up(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is held."""
