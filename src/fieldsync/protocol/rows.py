"""Records on the wire: blocks of rows of one object, and the ids of rows that are gone.

A block's `rows` stay raw JSON, so that the server can pass on what PostgreSQL wrote without touching a row, and the
device decodes them once. Numbers never become floats: what has a point or an exponent decodes to `Decimal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from fieldsync.base.ids import ID_CHARS, RecordId
from fieldsync.schema.standard import STAMP


class RecordRef(msgspec.Struct, frozen=True, array_like=True):
    """Which record: `[object, id]`."""

    object: str
    id: RecordId


class RowBlock(msgspec.Struct, frozen=True):
    """Rows of one object. `columns[0]` is `_stamp`, `columns[1]` is `Id`; each row is a list in that order."""

    object: str
    columns: tuple[str, ...]
    rows: msgspec.Raw


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """A record that is no longer there for this device: `[object, id, stamp, deleted, into]`.

    `deleted` tells a deletion from a record that left the device's view. `into`: it was merged into this one, which
    the person may read.
    """

    object: str
    id: RecordId
    stamp: int
    deleted: bool = True
    into: RecordId | None = None


STAMP_MAX = 2**63
_NO_VALUE = frozenset({list, dict})
_ROWS = msgspec.json.Decoder(list[list[Any]], float_hook=Decimal)


def decode_rows(block: RowBlock) -> list[list[Any]]:
    """The rows of a block; each value is a `FieldValue`, the stamp an int. Raises msgspec.DecodeError."""
    return rows_of(block.rows, block.columns)


def rows_of(raw: bytes | msgspec.Raw, columns: Sequence[str]) -> list[list[Any]]:
    """Rows in these columns. Raises msgspec.DecodeError for what is no row of a record, wherever it came from."""
    try:
        rows = _ROWS.decode(raw)
    except (UnicodeDecodeError, RecursionError) as bad:
        raise msgspec.DecodeError(str(bad)) from None
    if tuple(columns[:2]) != (STAMP, "Id") or len(set(columns)) != len(columns):
        raise msgspec.ValidationError("the columns are not those of a record")
    _refuse_other_shapes(raw, rows, len(columns))
    return rows


def _refuse_other_shapes(raw: bytes | msgspec.Raw, rows: list[list[Any]], width: int) -> None:
    """Looked at column by column, not row by row: a block is taken whole or not at all."""
    if not rows:
        return
    if set(map(len, rows)) != {width}:
        raise msgspec.ValidationError(f"a row has not {width} values")
    stamps, ids = [row[0] for row in rows], [row[1] for row in rows]
    if set(map(type, stamps)) != {int} or min(stamps) < 0 or max(stamps) >= STAMP_MAX:
        raise msgspec.ValidationError("a stamp is not one of a record")
    if set(map(type, ids)) != {str} or set(map(len, ids)) != {ID_CHARS}:
        raise msgspec.ValidationError("an id is not one of a record")
    text = bytes(raw)
    plain = b"{" not in text and text.count(b"[") == len(rows) + 1
    if not plain and not all(_NO_VALUE.isdisjoint(map(type, row)) for row in rows):
        raise msgspec.ValidationError("a value is not one of a field")


def encode_block(object_name: str, columns: tuple[str, ...], rows: list[bytes]) -> bytes:
    """A `RowBlock` as JSON out of rows that are JSON arrays already."""
    head = msgspec.json.encode({"object": object_name, "columns": columns})
    return head[:-1] + b',"rows":[' + b",".join(rows) + b"]}"
