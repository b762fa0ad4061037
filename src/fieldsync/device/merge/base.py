"""Base images: the server's version of records whose family a person is busy with.

No base image of a record in a busy family means that its row is the server's version. `absent` is a record the server
does not have (a create it never confirmed, or one no longer open to us), `deleted` one it deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.device.merge.decide import is_news
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import Stored, remove_rows
from fieldsync.device.store.values import pack, unpack
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef


class BaseState(StrEnum):
    """What the server has."""

    ROW = "row"
    ABSENT = "absent"
    DELETED = "deleted"


class Base(msgspec.Struct, frozen=True):
    """One base image. `row` is packed field values; None unless the state is `row`."""

    ref: RecordRef
    root: RecordId
    state: BaseState
    stamp: int
    row: bytes | None

    @property
    def values(self) -> dict[str, Any]:
        """Its field values; empty when the server has no row."""
        return {} if self.row is None else unpack(self.row)


NOTHING: Mapping[RecordId, int] = MappingProxyType({})
_COLUMNS = "object, id, root, state, stamp, row"
_PUT = (
    "INSERT INTO _base (object, id, root, state, stamp, row) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
    " root = excluded.root, state = excluded.state, stamp = excluded.stamp, row = excluded.row"
)


def base_of(ref: RecordRef, root: RecordId, row: Stored | None) -> Base:
    """The base image of a record that stands in its table as the server had it, or does not stand there."""
    if row is None:
        return Base(ref, root, BaseState.ABSENT, 0, None)
    return Base(ref, root, BaseState.ROW, row.stamp, pack(row.values))


def keep_first(work: Work, base: Base) -> None:
    """Keep a base image unless there is one: it is what the server has, the row is not."""
    work.run(f"INSERT OR IGNORE INTO _base ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", *_row(base))


def put_bases(work: Work, bases: Iterable[Base]) -> None:
    """Put base images in place of older ones."""
    work.many(_PUT, [_row(base) for base in bases])


def forget_bases(work: Work, ids: Iterable[str]) -> None:
    """These records stand in their tables as the server has them: nothing is kept beside."""
    work.run("DELETE FROM _base WHERE id IN (SELECT value FROM json_each(?))", listed(ids))


def _row(base: Base) -> tuple[Any, ...]:
    return base.ref.object, base.ref.id, base.root, base.state.value, base.stamp, base.row


def bases_of_records(work: Work, ids: Iterable[str]) -> dict[str, Base]:
    """Base images of these records, by id."""
    rows = work.rows(f"SELECT {_COLUMNS} FROM _base WHERE id IN (SELECT value FROM json_each(?))", listed(ids))
    return {base.ref.id: base for base in map(_base, rows)}


def roots_filed(work: Work, ids: Iterable[str]) -> dict[RecordId, RecordId]:
    """Of these records those with a base image: the family it is filed with."""
    return dict(work.rows("SELECT id, root FROM _base WHERE id IN (SELECT value FROM json_each(?))", listed(ids)))


def bases_of_roots(work: Work, roots: Iterable[str]) -> list[Base]:
    """Every base image of these families."""
    rows = work.rows(f"SELECT {_COLUMNS} FROM _base WHERE root IN (SELECT value FROM json_each(?))", listed(roots))
    return [_base(row) for row in rows]


def bases_of_object(work: Work, object_name: str) -> Iterator[Base]:
    """Every base image of an object's records."""
    return map(_base, work.each(f"SELECT {_COLUMNS} FROM _base WHERE object = ?", object_name))


def _base(row: Sequence[Any]) -> Base:
    name, record_id, root, state, stamp, packed = row
    return Base(RecordRef(name, record_id), root, BaseState(state), stamp, packed)


class Released(NamedTuple):
    """`changed`: records that may be others now. `outdone`: those whose base image the arriving version outdoes; that
    one is the row now, whatever version the row has: where the server's history went back, it is of the lost one."""

    changed: list[RecordRef]
    outdone: set[RecordId]


def release(
    work: Work, tables: ObjectTables, roots: Iterable[str], arriving: Mapping[RecordId, int] = NOTHING
) -> Released:
    """The families are free: base images become the rows.

    `arriving`: versions of records that the caller writes in this same transaction; what is newer there stays away.
    """
    chosen = list(roots)
    bases = bases_of_roots(work, chosen)
    removed: dict[str, list[str]] = {}
    outdone: set[RecordId] = set()
    for base in bases:
        comes = arriving.get(base.ref.id)
        if comes is not None and is_news(comes, base.stamp):
            outdone.add(base.ref.id)
            continue
        if base.ref.object not in tables:
            continue
        if base.state is not BaseState.ROW:
            removed.setdefault(base.ref.object, []).append(base.ref.id)
            continue
        table, values = tables[base.ref.object], base.values
        work.run(table.put, *(values.get(c) for c in table.columns), base.stamp)
    for name, ids in removed.items():
        remove_rows(work, tables[name], ids)
    work.run("DELETE FROM _base WHERE root IN (SELECT value FROM json_each(?))", listed(chosen))
    return Released([base.ref for base in bases], outdone)
