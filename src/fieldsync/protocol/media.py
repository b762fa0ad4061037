"""Files of records: presentations, documents, photos. They travel beside the rows, in pieces, each record's by itself.

A record carries a file where its object has the fields of `FIELDS`; `Checksum` says which version. `GET
/sync/v1/media/{object}/{id}?checksum=...` answers one range of it, never more than a piece (status 206). `POST
/sync/v1/media/{object}/{id}?checksum=...&offset=...` takes one piece from whoever made the record and answers `Taken`;
sent again, it changes nothing. A file is there for others once all of it is, and its SHA-256 is the record's.

A text that is longer than its field holds is a file, too, where a sync rule lists the field: the row has its beginning
and a last line that says how many bytes all of it has, and their SHA-256 (`TextFile`). So what counts for the row, its
conflicts, its signature, who may read the field, counts for the text. Whoever may change the field brings it.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field, FieldType

CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME = "Checksum", "Bytes", "Media_Type", "File_Name"
FIELDS = frozenset({CHECKSUM, BYTES, MEDIA_TYPE, FILE_NAME})
"""What says of a record that it has a file, and which."""
CONTENT_BYTES = "application/octet-stream"
PIECE_BYTES = 1024 * 1024
"""Every piece but the last has this size, so that its place says its number."""
_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/([a-z0-9.+-]{1,80}|\*)|[a-z0-9]{1,10}")
TEXT_FIELD_CHARS_MIN = 255
"""A shorter field has no room for the beginning of a text and what says where the rest is."""
_WHOLE = re.compile(r"\n\[whole text: (\d{1,7}) bytes, sha256 ([0-9a-f]{64})\]\Z")
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class Taken(msgspec.Struct, frozen=True):
    """Answer to a piece: how many bytes are there from the beginning on, and whether that is the whole file."""

    bytes: int
    whole: bool


class TextFile(msgspec.Struct, frozen=True):
    """What a row says of a text that is a file: how it begins, and which file it is."""

    head: str
    bytes: int
    checksum: str


def text_file(value: object) -> TextFile | None:
    """The file of which this value is the beginning; None for a text that is all there. Pure."""
    found = _WHOLE.search(value) if isinstance(value, str) and value.endswith("]") else None
    return None if found is None else TextFile(found.string[: found.start()], int(found[1]), found[2])


def in_row(text: str, body: bytes, chars: int) -> str:
    """What the row says of this text, in at most so many characters. `body`: the text as its file has it. Pure."""
    last = f"\n[whole text: {len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()}]"
    return text[: chars - len(last)].rstrip() + last


def is_type(name: str) -> bool:
    """Whether this says which type a file is of: a media type, all of a kind as `image/*`, or the ending of a name."""
    return _TYPE.fullmatch(name.lower()) is not None


def carries_file(object_type: ObjectType) -> bool:
    """Whether records of this object may have a file."""
    return object_type.fields.keys() >= FIELDS


def may_be_file(field: Field) -> bool:
    """Whether a text of this field may be a file."""
    return field.type is FieldType.LONG_TEXT and (field.length or TEXT_FIELD_CHARS_MIN) >= TEXT_FIELD_CHARS_MIN


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
