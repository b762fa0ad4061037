"""What records show when a later save of them was taken back while an earlier one still waits: what that one says.

A family that nobody is busy with gets its base images (`merge/free.py`). Here are the others: what the saves taken back
touched in their records is worked out anew from the base image and the entries that are left, in their order. The rest
stays as the person sees it (law L8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fieldsync.base.ids import RecordId
from fieldsync.device.merge.base import Base, BaseState, bases_of_records, bases_of_roots
from fieldsync.device.queue import journal
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.records import Stored, read_row, remove_rows, write_row
from fieldsync.device.store.work import Work, listed
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Item, Operation
from fieldsync.schema.fields import FieldValue

Values = Mapping[str, FieldValue]


@dataclass
class Taken:
    """A record of saves that were taken back, and the fields they touched, with what stood there before them."""

    ref: RecordRef
    before: dict[str, FieldValue] = field(default_factory=dict)


def taken_by(work: Work, numbers: Iterable[int]) -> dict[str, Taken]:
    """Every record of these entries, by id. Ask before they are removed."""
    found: dict[str, Taken] = {}
    for item in _items(work, "n IN (SELECT value FROM json_each(?))", listed(numbers)):
        one = found.setdefault(item.id, Taken(RecordRef(item.object, RecordId(item.id))))
        one.before = {column: change.old for column, change in item.changes.items()} | one.before
    return found


def show_remaining(work: Work, tables: ObjectTables, taken: Mapping[str, Taken]) -> list[RecordRef]:
    """Bring those of the records that other entries still wait for to what these say. Returns what may have changed.

    To be called when the families that are free have their rows. What was swept away with a record comes back with it.
    """
    bases = bases_of_records(work, taken)
    swept = [b for b in bases_of_roots(work, {b.root for b in bases.values()}) if b.ref.id not in taken]
    chosen = {i: one for i, one in taken.items() if i in bases and one.ref.object in tables}
    chosen |= {b.ref.id: Taken(b.ref) for b in swept if b.ref.object in tables and _row(work, tables, b.ref) is None}
    every = bases | {b.ref.id: b for b in swept}
    left = "n IN (SELECT n FROM _touch WHERE id IN (SELECT value FROM json_each(?)))"
    items = list(_items(work, left, listed(chosen)))
    for record_id, one in chosen.items():
        said = [item for item in items if item.id == record_id]
        _show(work, tables, one, every[record_id], said)
    return [one.ref for one in chosen.values()]


def _items(work: Work, which: str, ids: str) -> Iterator[Item]:
    for row in work.rows(f"SELECT {journal.COLUMNS} FROM _queue WHERE {which} ORDER BY n", ids):
        yield from journal.entry_of(row).decoded()


def _row(work: Work, tables: ObjectTables, ref: RecordRef) -> Stored | None:
    return read_row(work, tables[ref.object], ref.id)


def _replayed(began: Values | None, items: Sequence[Item]) -> Values | None:
    """The record after these items; None where it is not there. Pure."""
    values = None if began is None else dict(began)
    for item in items:
        said = {column: change.new for column, change in item.changes.items()}
        if item.operation is Operation.DELETE:
            values = None
        elif item.operation is Operation.CREATE:
            values = {"Id": item.id, **said}
        elif values is not None:
            values |= said
    return values


def _show(work: Work, tables: ObjectTables, one: Taken, base: Base, said: Sequence[Item]) -> None:
    table, now = tables[one.ref.object], _row(work, tables, one.ref)
    began = base.values if base.state is BaseState.ROW else None
    if began is None and said and now is not None:  # it left the view, and stays in it while an edit of it waits
        began = {**now.values, **one.before}
    wanted = _replayed(began, said)
    if wanted is None:
        remove_rows(work, table, [one.ref.id])
    elif now is None:
        write_row(work, table, wanted, base.stamp)
    else:
        write_row(work, table, {**now.values, **{c: wanted.get(c) for c in one.before}}, now.stamp)
