"""Rows of objects by id: one, many, written and removed. Pages' questions are in `find.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.values import values_of
from fieldsync.device.store.work import Work, listed
from fieldsync.schema.fields import FieldValue


@dataclass(frozen=True)
class Stored:
    """A row as it stands in its table."""

    values: Mapping[str, FieldValue]
    stamp: int


def read_row(work: Work, table: ObjectTable, record_id: str) -> Stored | None:
    """The row with this id."""
    row = work.one(f"{table.select} WHERE Id = ?", record_id)
    return None if row is None else stored_of(table, row)


def has_row(work: Work, table: ObjectTable, record_id: str) -> bool:
    """Whether there is a row with this id."""
    return work.one(f"SELECT 1 FROM {table.name} WHERE Id = ?", record_id) is not None


def read_rows(work: Work, table: ObjectTable, ids: Iterable[str]) -> Iterator[Stored]:
    """Rows with these ids, as far as they are there."""
    for row in work.rows(f"{table.select} WHERE Id IN (SELECT value FROM json_each(?))", listed(ids)):
        yield stored_of(table, row)


def stored_of(table: ObjectTable, row: tuple[Any, ...]) -> Stored:
    """A row of `ObjectTable.select`."""
    return Stored(values_of(table.columns, table.fixes, row), row[-1])


def write_row(work: Work, table: ObjectTable, values: Mapping[str, FieldValue], stamp: int) -> None:
    """Put a whole row, whatever stands there."""
    work.run(table.put, *(values.get(c) for c in table.columns), stamp)


def remove_rows(work: Work, table: ObjectTable, ids: Iterable[str]) -> None:
    """Take rows away."""
    work.run(f"DELETE FROM {table.name} WHERE Id IN (SELECT value FROM json_each(?))", listed(ids))


def root_in_table(work: Work, table: ObjectTable, record_id: str) -> RecordId | None:
    """The root of the family a present row belongs to."""
    found: RecordId | None = work.value(f"SELECT {table.root_of('t')} FROM {table.name} t WHERE t.Id = ?", record_id)
    return found


def below(work: Work, tables: ObjectTables, object_name: str, record_id: str) -> Iterator[tuple[ObjectTable, str]]:
    """Present details of a family member, and theirs: what disappears with it. Nearest first."""
    owners: dict[str, list[str]] = {object_name: [record_id]}
    for table in tables.family(object_name):
        if not table.way or table.way[0].parent not in owners:
            continue
        column, parents = quoted(table.way[0].column), owners[table.way[0].parent]
        found = work.rows(
            f"SELECT Id FROM {table.name} WHERE {column} IN (SELECT value FROM json_each(?))", listed(parents)
        )
        if found:
            owners.setdefault(table.type.name, []).extend(i for (i,) in found)
            yield from ((table, i) for (i,) in found)
