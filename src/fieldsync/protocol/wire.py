"""The door for bytes: decoding with limits, compression with caps, the body of an error.

Bad input ends here as a `Refused` with a sentence that says what and where; what passes is typed (STYLE 9).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import zstandard

from fieldsync.base import limits
from fieldsync.base.problems import Code, Problem, Refused, problem

T = TypeVar("T")
CONTENT_JSON = "application/json"
CONTENT_LINES = "application/x-ndjson"
CONTENT_EVENTS = "text/event-stream"
ENCODING_ZSTD = "zstd"
CATALOG_VERSION_HEADER = "fieldsync-catalog"
APP_VERSION_HEADER = "fieldsync-app"
BEATS_HEADER = "fieldsync-beats"
"""A request that has it may be answered by beats, while the server is still at it."""
CONTENT_BEATS = "application/x-fieldsync-beats"
"""An answer that came late: empty lines as long as it was worked on, a line with its `LateHead`, then its body."""
BEAT = b"\n"
BEAT_IN_ZSTD = b"\x00\x00\x00"
"""Within a stream of rows a beat is an empty line, in a compressed one an empty block."""


class ErrorBody(msgspec.Struct, frozen=True):
    """Body of every answer that is not a success."""

    problem: Problem


class LateHead(msgspec.Struct, frozen=True):
    """Status and headers of an answer that came late, names in lower case."""

    status: int
    headers: dict[str, str]


def decode(data: bytes, shape: type[T]) -> T:
    """`data` as JSON of this shape. Raises Refused(BAD_REQUEST) that says what is wrong and where."""
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError as bad:
        raise Refused(problem(Code.BAD_REQUEST, reason=str(bad))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"not valid JSON ({bad})")) from None
    except RecursionError:
        raise Refused(problem(Code.BAD_REQUEST, reason="it is nested too deep")) from None


def compress(data: bytes) -> bytes:
    """`data` as one zstd frame that states its size."""
    return zstandard.ZstdCompressor(level=3).compress(data)


class Squeeze:
    """Compresses a stream piece by piece; what `add` returns can be decompressed at once."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()

    def add(self, data: bytes) -> bytes:
        """The compressed form of this piece."""
        return self._stream.compress(data) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        """The end of the frame."""
        return self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


def decompress(data: bytes, limit: int = limits.REQUEST_BYTES_MAX) -> bytes:
    """What one zstd frame holds, at most `limit` bytes.

    The library's own output limit is ignored when a frame states its size, so the size is read first and the frame
    is streamed with a cap. Raises Refused(TOO_LARGE) or Refused(BAD_REQUEST).
    """
    try:
        stated = zstandard.frame_content_size(data)
        if stated > limit:
            raise Refused(problem(Code.TOO_LARGE, limit=f"{limit} bytes"))
        stream = zstandard.ZstdDecompressor(max_window_size=2**23).stream_reader(data)
        out = stream.read(limit + 1)
    except zstandard.ZstdError as bad:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"not valid zstd ({bad})")) from None
    if len(out) > limit:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limit} bytes"))
    return out
