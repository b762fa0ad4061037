"""A picture without what a camera writes into it: where it was taken, when, by which machine. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from fieldsync.web.kit.tongue import N_

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"})
_SCAN, _END = 0xDA, 0xD9
_TOLD = frozenset({0xE1, 0xED, 0xFE, *range(0xE3, 0xED), 0xEF})
"""Segments of a JPEG that tell something beside the picture: all but its colours."""


def media_type_of(body: bytes) -> str:
    """What a file is by its first bytes; empty for what is no picture and no document."""
    known = {JPEG: "image/jpeg", PNG: "image/png", b"%PDF-": "application/pdf"}
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    return next((name for head, name in known.items() if body.startswith(head)), "")


def without_metadata(body: bytes) -> bytes:
    """The same picture. Raises ValueError for one that cannot be read; what is no JPEG or PNG is refused too, where it
    is a picture, since nobody knows what it tells."""
    kind = media_type_of(body)
    if kind == "image/jpeg":
        return b"".join(_segments(body))
    if kind == "image/png":
        return PNG + b"".join(_chunks(body))
    if kind == "application/pdf":
        return body
    raise ValueError(N_("it is neither a JPEG or PNG picture nor a PDF document"))


def _segments(body: bytes) -> Iterator[bytes]:
    yield JPEG
    at = len(JPEG)
    while at + 4 <= len(body):
        if body[at] != 0xFF:
            raise ValueError(N_("the picture is damaged"))
        marker, size = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if marker == 0xFF:
            at += 1
            continue
        if marker == _SCAN:
            end = body.rfind(b"\xff\xd9")
            if end < at:
                raise ValueError(N_("the picture is cut"))
            yield body[at : end + 2]  # what was put behind the end goes too
            return
        if marker not in _TOLD:
            yield body[at : at + 2 + size]
        at += 2 + size
    raise ValueError(N_("the picture is cut"))


def _chunks(body: bytes) -> Iterator[bytes]:
    at = len(PNG)
    while at + 12 <= len(body):
        size, name = struct.unpack(">I4s", body[at : at + 8])
        if name in _KEPT_CHUNKS:
            yield body[at : at + 12 + size]
        at += 12 + size
        if name == b"IEND":
            return
    raise ValueError(N_("the picture is cut"))
