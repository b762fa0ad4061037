"""Records as they arrived: rows and removals of one answer, in the order of the device's columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.device.merge.base import BaseState
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.rows import Gone, RecordRef, RowBlock, decode_rows
from fieldsync.schema.standard import STAMP


class Image(msgspec.Struct, frozen=True):
    """One record's server version. `row`: values in column order, then the stamp; None when it is gone."""

    ref: RecordRef
    stamp: int
    row: Sequence[Any] | None
    state: BaseState = BaseState.ROW
    into: RecordId | None = None
    """Of one that is gone: the record it was merged into online."""


def images_of(tables: ObjectTables, blocks: Iterable[RowBlock], gone: Iterable[Gone]) -> list[Image]:
    """Everything an answer says about records. Objects this catalog does not have are left out; they come again
    with the catalog that has them."""
    found = [image for block in blocks for image in _rows(tables, block)]
    for away in gone:
        if away.object in tables:
            state = BaseState.DELETED if away.deleted else BaseState.ABSENT
            found.append(Image(RecordRef(away.object, away.id), away.stamp, None, state, away.into))
    return found


def is_ahead(tables: ObjectTables, blocks: Iterable[RowBlock]) -> bool:
    """Whether rows came of objects or columns that this catalog does not have. What is missing says nothing: it may
    not be open to this user."""
    return any(
        block.object not in tables or not {STAMP, *tables[block.object].columns}.issuperset(block.columns)
        for block in blocks
    )


def _rows(tables: ObjectTables, block: RowBlock) -> Iterator[Image]:
    if block.object not in tables:
        return
    for row in arranged(tables[block.object], block):
        yield Image(RecordRef(block.object, RecordId(row[0])), row[-1], row)


def arranged(table: ObjectTable, block: RowBlock) -> Iterator[Sequence[Any]]:
    """The block's rows in the table's column order, `Id` first and the stamp last. Raises Unreachable for others."""
    wanted = table.columns
    try:
        rows = decode_rows(block)
    except msgspec.DecodeError as bad:
        raise Unreachable(f"rows that cannot be read: {bad}") from bad
    if block.columns == (STAMP, *wanted):
        for row in rows:
            row.append(row.pop(0))
            yield row
        return
    places = {c: i for i, c in enumerate(block.columns)}
    order = [places.get(c) for c in (*wanted, STAMP)]
    for row in rows:
        yield [None if place is None else row[place] for place in order]


def held_image(table: ObjectTable, row: Sequence[Any]) -> Image:
    """A row of `ObjectTable.select`, with its values as they came."""
    values = list(row)
    for place, fix in table.fixes:
        values[place] = fix(values[place])
    return Image(RecordRef(table.type.name, RecordId(row[0])), row[-1], values)


@dataclass
class Written:
    """How many rows here an answer made, changed and took away (FEATURES I06)."""

    created: int = 0
    updated: int = 0
    """A newer version came in a row's place; what came again as it stands is none."""
    removed: int = 0

    def add(self, more: Written) -> None:
        """What came beside it."""
        self.created += more.created
        self.updated += more.updated
        self.removed += more.removed
