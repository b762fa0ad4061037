"""HTTP: one kept connection for requests, one for wake-ups; zstd both ways; redirects never followed.

A captive portal answers anything with a page of its own. Only the content types of our protocol pass; everything else
is Unreachable, so it can never be taken for data.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, cast

import httpx
import httpx_sse
import zstandard

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.device.transport.link import NotStreamed, Reply, Unreachable
from fieldsync.protocol import wire
from fieldsync.protocol.events import NEWS_EVENT

COMPRESS_FROM_BYTES = 1_024
ANSWER_BYTES_MAX = 256 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024
WINDOW_BYTES_MAX = 2**23
CONNECT_SECONDS = 10.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Streams from this machine come faster as they are."""
STREAM_READ_DEADLINES = 4
"""A row of a stream may take so many times as long as an answer."""
_EVENT_TIMEOUT = httpx.Timeout(limits.STREAM_HEALTHY_SECONDS, connect=CONNECT_SECONDS)


class HttpTransport:
    """The server at `base_url`, e.g. `https://crm.example`. One thread uses `request`, `later` and `stream`, one
    `events`."""

    def __init__(
        self, base_url: str, *, verify: bool = True, deadline_seconds: float = limits.SEND_DEADLINE_SECONDS
    ) -> None:
        connect = min(deadline_seconds, CONNECT_SECONDS)
        timeout = httpx.Timeout(deadline_seconds, connect=connect)
        longer = STREAM_READ_DEADLINES * deadline_seconds
        self._stream_timeout = httpx.Timeout(deadline_seconds, connect=connect, read=longer)
        self._client = httpx.Client(base_url=base_url, follow_redirects=False, timeout=timeout, verify=verify)
        self._events = httpx.Client(base_url=base_url, follow_redirects=False, timeout=_EVENT_TIMEOUT, verify=verify)
        self._event_socket: socket.socket | None = None
        self._on_its_way = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fieldsync request")
        self._wanted = "identity" if self._client.base_url.host in LOOPBACK else wire.ENCODING_ZSTD

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """See `Transport.request`."""
        content, sent = _content(body, {"accept-encoding": wire.ENCODING_ZSTD, **headers})
        try:
            with self._client.stream(method, path, content=content, headers=sent) as response:
                return _reply(response)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def later(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        """See `Transport.later`."""
        return self._on_its_way.submit(self.request, method, path, body, headers).result

    def stream(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Iterator[bytes]:
        """See `Transport.stream`."""
        content, sent = _content(body, {"accept-encoding": self._wanted, **headers})
        method = "GET" if body is None else "POST"
        try:
            with self._client.stream(
                method, path, content=content, headers=sent, timeout=self._stream_timeout
            ) as response:
                if response.status_code != httpx.codes.OK or not _is(response, wire.CONTENT_LINES):
                    raise NotStreamed(_reply(response))
                yield from _lines(_plain(response))
        except (httpx.HTTPError, httpx.StreamError, zstandard.ZstdError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def events(self, path: str, headers: Mapping[str, str], on_news: Callable[[], None], stop: threading.Event) -> None:
        """See `Transport.events`."""
        try:
            with httpx_sse.connect_sse(self._events, "GET", path, headers=dict(headers)) as source:
                if source.response.status_code != httpx.codes.OK:
                    raise NotStreamed(_reply(source.response))
                self._event_socket = source.response.extensions["network_stream"].get_extra_info("socket")
                for event in source.iter_sse():
                    if stop.is_set():
                        return
                    if event.event == NEWS_EVENT:
                        on_news()
        except (httpx.HTTPError, httpx.StreamError, httpx_sse.SSEError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        finally:
            self._event_socket = None

    def hang_up(self) -> None:
        """See `Transport.hang_up`."""
        running = self._event_socket
        if running is not None:
            try:
                running.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        """See `Transport.close`."""
        self.hang_up()
        self._on_its_way.shutdown(wait=False, cancel_futures=True)
        self._client.close()
        self._events.close()


def _content(body: bytes | None, headers: dict[str, str]) -> tuple[bytes | None, dict[str, str]]:
    """A body as it is sent, and the headers that say so."""
    if body is None:
        return None, headers
    sent = {"content-type": wire.CONTENT_JSON, **headers}
    if len(body) <= COMPRESS_FROM_BYTES:
        return body, sent
    return wire.compress(body), {**sent, "content-encoding": wire.ENCODING_ZSTD}


def _is(response: httpx.Response, content_type: str) -> bool:
    given: str = response.headers.get("content-type", "")
    return given.partition(";")[0].strip().lower() == content_type


def _reply(response: httpx.Response) -> Reply:
    body = _bounded(response.iter_raw())
    if response.headers.get("content-encoding", "") == wire.ENCODING_ZSTD:
        try:
            body = wire.decompress(body, ANSWER_BYTES_MAX)
        except Refused as refused:
            raise Unreachable(str(refused)) from refused
    return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


def _bounded(chunks: Iterator[bytes]) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise Unreachable("the answer is larger than any the server gives")
    return bytes(found)


def _plain(response: httpx.Response) -> Iterator[bytes]:
    """The body, decompressed in pieces of bounded size, whatever one chunk of it grows to."""
    if response.headers.get("content-encoding", "") != wire.ENCODING_ZSTD:
        yield from response.iter_raw()
        return
    arriving = cast("IO[bytes]", _Arriving(response.iter_raw()))
    yield from zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).read_to_iter(arriving)


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
