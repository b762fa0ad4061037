"""An answer over HTTP as it arrives: its head, which may come behind beats, and its body in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from typing import IO, cast

import msgspec
import urllib3
import zstandard

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.device.transport.link import Reply, Unreachable
from fieldsync.protocol import wire

ANSWER_BYTES_MAX = 256 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024 * 1024
WINDOW_BYTES_MAX = 2**23
PIECE_BYTES_MAX = 2**18
"""So much of an answer is taken at once."""
HEAD_BYTES_MAX = 64 * 1024


class Answer:
    """What the server answers. Every method may raise Unreachable, or what urllib3 raises for a line that breaks."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.response, self._pieces = response, _pieces(response)
        self.status, self.headers = response.status, {k.lower(): v for k, v in response.headers.items()}
        if self.streams(wire.CONTENT_BEATS):
            head, self._pieces = _late(self._pieces)
            self.status, self.headers = head.status, head.headers

    def streams(self, content_type: str) -> bool:
        """Whether it is a success of this type."""
        given = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return self.status == HTTPStatus.OK and given == content_type

    def reply(self) -> Reply:
        """All of it."""
        body = _bounded(self._pieces)
        if self._packed:
            try:
                body = wire.decompress(body, ANSWER_BYTES_MAX)
            except Refused as refused:
                raise Unreachable(str(refused)) from refused
        return Reply(self.status, self.headers, body)

    def rows(self) -> Iterator[bytes]:
        """Its lines, without those that only say that the server is at it."""
        return (line for line in _lines(_plain(self._pieces) if self._packed else self._pieces) if line)

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Name and data of each event of a stream of events; comments are passed over."""
        name, data = "", b""
        for line in (line.rstrip(b"\r") for line in _lines(self._pieces)):
            field, _, value = line.partition(b":")
            if field == b"event":
                name = value.strip().decode("utf-8", "replace")
            elif field == b"data":
                data = value.strip()
            elif not line and name:
                yield name, data
                name, data = "", b""

    @property
    def _packed(self) -> bool:
        return self.headers.get("content-encoding", "") == wire.ENCODING_ZSTD


def _late(pieces: Iterator[bytes]) -> tuple[wire.LateHead, Iterator[bytes]]:
    """The head of an answer that came late, and what comes behind it."""
    found, beats = b"", 0
    for piece in pieces:
        told = piece if found else piece.lstrip(wire.BEAT)
        beats += len(piece) - len(told)
        found += told
        line, end, rest = found.partition(b"\n")
        if end:
            try:
                return msgspec.json.decode(line, type=wire.LateHead), chain([rest], pieces)
            except (msgspec.DecodeError, UnicodeDecodeError) as bad:
                raise Unreachable(f"an answer that cannot be read: {bad}") from bad
        if beats > limits.BEATS_MAX or len(found) > HEAD_BYTES_MAX:
            raise Unreachable("the server works for longer than it may")
    raise Unreachable("the answer was cut")


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it arrives."""
    while piece := response.read1(PIECE_BYTES_MAX, decode_content=False):
        yield piece


def _bounded(chunks: Iterator[bytes]) -> bytes:
    found = bytearray()
    for chunk in chunks:
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise Unreachable("the answer is larger than any the server gives")
    return bytes(found)


def _plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A body, decompressed in pieces of bounded size, whatever one chunk of it grows to."""
    arriving = cast("IO[bytes]", _Arriving(pieces))
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
