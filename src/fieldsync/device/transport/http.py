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
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any, cast
from urllib.request import getproxies, proxy_bypass

import truststore
import urllib3
import zstandard
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.util import parse_url

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.device.transport.link import Heard, NotStreamed, Reply, Unconnected, Unreachable
from fieldsync.protocol import wire

COMPRESS_FROM_BYTES = 1_024
ANSWER_BYTES_MAX = 256 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024
WINDOW_BYTES_MAX = 2**23
PIECE_BYTES_MAX = 2**18
"""So much of an answer is taken at once."""
CONNECT_SECONDS = 10.0
UNDERWAY_BYTES_MAX = 64 * 1024
"""What the system holds of a body that seems sent. It is still to pass a slow line while the answer is waited for."""
PIECE_SECONDS = 15.0
"""A piece of a file is there already: a server that says nothing for so long is not heard any more."""
GIVE_WAY_SECONDS = 0.02
"""So long what asked for a request stands back, for it to leave. Two threads that both work take turns of 5 ms."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "[::1]", "localhost"})
"""Streams from this machine come faster as they are."""
STREAM_READ_DEADLINES = 4
"""A row of a stream may take so many times as long as an answer."""
_ONCE = urllib3.Retry(False)  # what failed is tried again by the engine, which knows when
_UNCONNECTED = (ConnectTimeoutError, NewConnectionError, ProxyError)
_SOCKET = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_SNDBUF, UNDERWAY_BYTES_MAX)]
_EVENT_TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=limits.STREAM_HEALTHY_SECONDS)


class HttpTransport:
    """The server at `base_url`, e.g. `https://crm.example`. One thread uses `request`, `later` and `stream`, one
    `events`."""

    def __init__(
        self, base_url: str, *, verify: bool = True, deadline_seconds: float = limits.SEND_DEADLINE_SECONDS
    ) -> None:
        connect = min(deadline_seconds, CONNECT_SECONDS)
        self._timeout = urllib3.Timeout(connect=connect, read=deadline_seconds)
        self._piece_timeout = urllib3.Timeout(connect=connect, read=min(deadline_seconds, PIECE_SECONDS))
        self._stream_timeout = urllib3.Timeout(connect=connect, read=STREAM_READ_DEADLINES * deadline_seconds)
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
        timeout = self._piece_timeout if "range" in headers else self._timeout
        with self._answer(method, path, content, sent, timeout, left) as response:
            return _reply(response)

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
        with self._answer(method, path, content, sent, self._stream_timeout) as response:
            if response.status != HTTPStatus.OK or not _is(response, wire.CONTENT_LINES):
                raise NotStreamed(_reply(response))
            yield from _lines(_plain(response))

    def events(self, path: str, headers: Mapping[str, str], heard: Heard, stop: threading.Event) -> None:
        """See `Transport.events`."""
        asked = {"accept": wire.CONTENT_EVENTS, "cache-control": "no-store", **headers}
        with self._answer("GET", path, None, asked, _EVENT_TIMEOUT) as response:
            if response.status != HTTPStatus.OK or not _is(response, wire.CONTENT_EVENTS):
                raise NotStreamed(_reply(response))
            self._listening = response
            try:
                for name, data in _events(_lines(_pieces(response))):
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
        timeout: urllib3.Timeout,
        left: threading.Event | None = None,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer whose body is still to come. One that is not read to its end takes its connection with it."""
        content, sized = None, {}
        if body is not None:  # as a file it leaves in pieces, and each has the time of a connection, not all together
            content, sized = _Leaving(body, left), {"content-length": str(len(body))}
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                content,
                {**headers, **sized},
                retries=_ONCE,
                redirect=False,
                assert_same_host=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
            )
            try:
                yield response
            finally:
                response.close()
        except _UNCONNECTED as error:
            raise Unconnected(f"{type(error).__name__}: {error}") from error
        except (HTTPError, OSError, zstandard.ZstdError) as error:
            self._let_go()
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _let_go(self) -> None:
        """Of connections that are kept for later: where a line fell silent, none of them says that it is dead too."""
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


def _is(response: urllib3.BaseHTTPResponse, content_type: str) -> bool:
    given: str = response.headers.get("content-type", "")
    return given.partition(";")[0].strip().lower() == content_type


def _reply(response: urllib3.BaseHTTPResponse) -> Reply:
    body = _bounded(_pieces(response))
    if response.headers.get("content-encoding", "") == wire.ENCODING_ZSTD:
        try:
            body = wire.decompress(body, ANSWER_BYTES_MAX)
        except Refused as refused:
            raise Unreachable(str(refused)) from refused
    return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, body)


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it arrives."""
    while piece := response.read1(PIECE_BYTES_MAX, decode_content=False):
        yield piece


def _events(lines: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and data of each event of a stream of events; comments are passed over."""
    name, data = "", b""
    for line in (line.rstrip(b"\r") for line in lines):
        field, _, value = line.partition(b":")
        if field == b"event":
            name = value.strip().decode("utf-8", "replace")
        elif field == b"data":
            data = value.strip()
        elif not line and name:
            yield name, data
            name, data = "", b""


def _bounded(chunks: Iterator[bytes]) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise Unreachable("the answer is larger than any the server gives")
    return bytes(found)


def _plain(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body, decompressed in pieces of bounded size, whatever one chunk of it grows to."""
    if response.headers.get("content-encoding", "") != wire.ENCODING_ZSTD:
        yield from _pieces(response)
        return
    arriving = cast("IO[bytes]", _Arriving(_pieces(response)))
    yield from zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).read_to_iter(arriving)


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


class _Arriving:
    """Chunks as a file that gives what is there."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, _: int) -> bytes:
        return next((chunk for chunk in self._chunks if chunk), b"")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends; a last line without an end was cut and is not given."""
    rest: list[bytes] = []
    size = 0
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line))
            rest, size = [], 0
        if tail:
            rest.append(tail)
            size += len(tail)
            if size > LINE_BYTES_MAX:
                raise Unreachable("a line is longer than any the server sends")
