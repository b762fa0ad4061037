"""Files of records: presentations, documents, photos. They travel beside the rows, in pieces, each record's by itself.

A record carries a file where its object has the fields of `FIELDS`; `Checksum` says which version. `GET
/sync/v1/media/{object}/{id}?checksum=...` answers one range of it, never more than a piece (status 206). `POST
/sync/v1/media/{object}/{id}?checksum=...&offset=...` takes one piece from whoever made the record and answers `Taken`;
sent again, it changes nothing. A file is there for others once all of it is, and its SHA-256 is the record's.
"""

from __future__ import annotations

import re

import msgspec

from fieldsync.schema.catalog import ObjectType

CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME = "Checksum", "Bytes", "Media_Type", "File_Name"
FIELDS = frozenset({CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME})
"""What says of a record that it has a file, and which."""
CONTENT_BYTES = "application/octet-stream"
PIECE_BYTES = 1024 * 1024
"""Every piece but the last has this size, so that its place says its number."""
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/([a-z0-9.+-]{1,80}|\*)|[a-z0-9]{1,10}")
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class Taken(msgspec.Struct, frozen=True):
    """Answer to a piece: how many bytes are there from the beginning on, and whether that is the whole file."""

    bytes: int
    whole: bool


def is_type(name: str) -> bool:
    """Whether this says which type a file is of: a media type, all of a kind as `image/*`, or the ending of a name."""
    return _TYPE.fullmatch(name.lower()) is not None


def carries_file(object_type: ObjectType) -> bool:
    """Whether records of this object may have a file."""
    return object_type.fields.keys() >= FIELDS


def asked_range(header: str) -> tuple[int, int] | None:
    """The first byte and the one behind the last that a `Range` header asks for, at most a piece; None: none. Pure."""
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first = int(found[1])
    last = int(found[2]) if found[2] else first + PIECE_BYTES - 1
    return (first, min(last + 1, first + PIECE_BYTES)) if first <= last else None


def piece_size(total: int, offset: int) -> int:
    """How many bytes the piece at this place has."""
    return min(PIECE_BYTES, total - offset)
