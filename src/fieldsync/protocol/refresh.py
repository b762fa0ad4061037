"""Database refresh: everything a device should hold, as a stream that can be continued where it was cut (DESIGN 9).

`GET /sync/v1/refresh` begins; `?resume=<token>` goes on behind a `Mark`. The answer is one JSON value a line: a
`Begin`; then of each object, masters first and in order of ids, a `Part`, lines of rows (each a JSON array of rows in
the part's columns) with a `Mark` behind each; at the end a `Done`. What came behind the last mark of a cut stream does
not count. A stream may also end behind a mark: the device asks for the rest.

Rows behind a mark may come from a later snapshot than those before it. So a refresh ends with an incremental download
from `Begin.checkpoint`, which stands where the first row was read; only then the device shows anything of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fieldsync.protocol.rows import rows_of


class Begin(msgspec.Struct, frozen=True, tag="begin", tag_field="line"):
    """First line. `rows`: how many there are in all for this device.

    `resumed`: what was kept before counts. If it is false although a token was sent, the device begins anew.
    """

    catalog_version: str
    checkpoint: str
    rows: int
    resumed: bool


class Part(msgspec.Struct, frozen=True, tag="part", tag_field="line"):
    """Rows of this object follow. A column of the object that is not named is not open to this person: null."""

    object: str
    columns: tuple[str, ...]


class Mark(msgspec.Struct, frozen=True, tag="mark", tag_field="line"):
    """Everything up to here is complete; `token` goes on from here."""

    token: str


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="line"):
    """Last line: that was all."""


Line = Begin | Part | Mark | Done
_LINE = msgspec.json.Decoder(Line)


def encode_line(line: Line) -> bytes:
    """One line, its line end included."""
    return msgspec.json.encode(line) + b"\n"


def rows_line(rows: bytes) -> bytes:
    """A line of rows out of rows that are JSON arrays already, each with a line end."""
    return b"[" + rows[:-1].replace(b"\n", b",") + b"]\n"


def is_rows(line: bytes) -> bool:
    """Whether this line holds rows; every other one is a `Line`."""
    return line.startswith(b"[")


def decode_line(line: bytes) -> Line:
    """One line that holds no rows. Raises msgspec.DecodeError."""
    decoded: Line = _LINE.decode(line)
    return decoded


def decode_rows(line: bytes, part: Part) -> list[list[Any]]:
    """The rows of a line; each value is a `FieldValue`, the stamp an int. Raises msgspec.DecodeError."""
    return rows_of(line, part.columns)
