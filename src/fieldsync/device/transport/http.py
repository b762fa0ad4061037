"""HTTP: one kept connection for requests, one for wake-ups; zstd both ways; redirects never followed.

A captive portal answers anything with a page of its own. Only the content types of our protocol pass; everything else
is Unreachable, so it can never be taken for data.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any
from urllib.request import getproxies, proxy_bypass

import truststore
import urllib3
import zstandard
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError, ReadTimeoutError
from urllib3.util import parse_url

from fieldsync.base import limits
from fieldsync.device.transport.answer import Answer
from fieldsync.device.transport.link import Heard, NotStreamed, Reply, Unconnected, Unreachable
from fieldsync.protocol import wire

COMPRESS_FROM_BYTES = 1_024
CONNECT_SECONDS = 10.0
UNDERWAY_BYTES_MAX = 64 * 1024
"""What the system holds of a body that seems sent. It is still to pass a slow line while the answer is waited for."""
GIVE_WAY_SECONDS = 0.02
"""So long what asked for a request stands back, for it to leave. Two threads that both work take turns of 5 ms."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "[::1]", "localhost"})
"""Streams from this machine come faster as they are."""
_ONCE = urllib3.Retry(False)  # what failed is tried again by the engine, which knows when
_UNCONNECTED = (ConnectTimeoutError, NewConnectionError, ProxyError)
_SOCKET = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_SNDBUF, UNDERWAY_BYTES_MAX)]
_EVENT_TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=limits.STREAM_HEALTHY_SECONDS)


class HttpTransport:
    """The server at `base_url`, e.g. `https://crm.example`. One thread uses `request`, `later` and `stream`, one
    `events`. A line that is silent for `silent_seconds` is given up: a server that works says so (ADR 24)."""

    def __init__(self, base_url: str, *, verify: bool = True, silent_seconds: float | None = None) -> None:
        self._silent_seconds = limits.LINE_SILENT_SECONDS if silent_seconds is None else silent_seconds
        self._pool, self._prefix = _way_to(base_url.rstrip("/"), verify=verify)
        self._listening: urllib3.BaseHTTPResponse | None = None
        self._on_its_way = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fieldsync request")
        self._wanted = "identity" if self._pool.host in LOOPBACK else wire.ENCODING_ZSTD

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """See `Transport.request`."""
        return self._requested(method, path, body, headers, threading.Event())

    def _requested(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], left: threading.Event
    ) -> Reply:
        """One request and its answer. `left` is set as soon as all of the body is on its way."""
        content, sent = _content(body, {"accept-encoding": wire.ENCODING_ZSTD, **headers})
        with self._answer(method, path, content, sent, left=left) as answer:
            return answer.reply()

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """See `Transport.later`."""
        left = threading.Event()
        answer = self._on_its_way.submit(self._requested, method, path, body, headers, left)
        answer.add_done_callback(lambda _: left.set())
        left.wait(GIVE_WAY_SECONDS)
        return answer.result

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """See `Transport.stream`."""
        content, sent = _content(body, {"accept-encoding": self._wanted, **headers})
        method = "GET" if body is None else "POST"
        with self._answer(method, path, content, sent) as answer:
            if not answer.streams(wire.CONTENT_LINES):
                raise NotStreamed(answer.reply())
            yield from answer.rows()

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        """See `Transport.events`."""
        asked = {"accept": wire.CONTENT_EVENTS, "cache-control": "no-store", **headers}
        with self._answer("GET", path, None, asked, events=True) as answer:
            if not answer.streams(wire.CONTENT_EVENTS):
                raise NotStreamed(answer.reply())
            self._listening = answer.response
            try:
                for name, data in answer.events():
                    if stop.is_set():
                        return
                    heard(name, data)
            finally:
                self._listening = None

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        left: threading.Event | None = None,
        events: bool = False,
    ) -> Iterator[Answer]:
        """An answer whose body is still to come. One that is not read to its end takes its connection with it."""
        content, sized, beats = None, {}, {} if events else {wire.BEATS_HEADER: "1"}
        if body is not None:  # as a file it leaves in pieces, and each has the time of a connection, not all together
            content, sized = _Leaving(body, left), {"content-length": str(len(body))}
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                content,
                {**headers, **sized, **beats},
                retries=_ONCE,
                redirect=False,
                assert_same_host=False,
                timeout=_EVENT_TIMEOUT if events else self._patience(body),
                preload_content=False,
                decode_content=False,
            )
            try:
                yield Answer(response)
            finally:
                response.close()
        except _UNCONNECTED as error:
            raise Unconnected(f"{type(error).__name__}: {error}") from error
        except (HTTPError, OSError, zstandard.ZstdError) as error:
            self._let_go()
            if isinstance(error, ReadTimeoutError) and not events:
                self.hang_up()
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _patience(self, body: bytes | None) -> urllib3.Timeout:
        """What is still to leave may take its time on a slow line; then a server that is at it says so by beats."""
        leaving = min(len(body or b""), UNDERWAY_BYTES_MAX) / limits.LINE_SLOWEST_BYTES
        connect = min(self._silent_seconds, CONNECT_SECONDS)
        return urllib3.Timeout(connect=connect, read=self._silent_seconds + leaving)

    def _let_go(self) -> None:
        """Of connections that are kept for later: where a line fell silent, none of them says that it is dead too. Nor
        does that of wake-ups, which is hung up with them."""
        kept = self._pool.pool
        with suppress(queue.Empty):
            while kept is not None:
                if (connection := kept.get(block=False)) is not None:
                    connection.close()

    def hang_up(self) -> None:
        """See `Transport.hang_up`."""
        listening = self._listening
        if listening is not None:
            with suppress(OSError, ValueError, RuntimeError):  # it ended by itself
                listening.shutdown()

    def close(self) -> None:
        """See `Transport.close`."""
        self.hang_up()
        self._on_its_way.shutdown(wait=False, cancel_futures=True)
        self._pool.close()


def _way_to(base_url: str, *, verify: bool) -> tuple[urllib3.HTTPConnectionPool, str]:
    """The connections to a server, through the proxy of this machine where it has one, and what precedes each path."""
    url = parse_url(base_url)
    host, scheme = url.host or "", url.scheme or "http"
    options: dict[str, Any] = {
        "maxsize": 2,
        "socket_options": _SOCKET,
        "cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE",
    }
    if verify:
        options["ssl_context"] = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy = None if host in LOOPBACK or proxy_bypass(host) else getproxies().get(scheme)
    if proxy is None:
        return urllib3.PoolManager(**options).connection_from_url(base_url), url.path or ""
    pool = urllib3.ProxyManager(proxy, **options).connection_from_url(base_url)
    return pool, (url.path or "") if scheme == "https" else base_url


def _content(body: bytes | None, headers: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
    """A body as it is sent, and the headers that say so."""
    if body is None:
        return None, headers
    sent = {"content-type": wire.CONTENT_JSON, **headers}
    if len(body) <= COMPRESS_FROM_BYTES:
        return body, sent
    return wire.compress(body), {**sent, "content-encoding": wire.ENCODING_ZSTD}


class _Leaving(BytesIO):
    """A body on its way; `left` is set when all of it is."""

    def __init__(self, body: bytes, left: threading.Event | None) -> None:
        super().__init__(body)
        self._left = left

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece and self._left is not None:
            self._left.set()
        return piece
