"""What is kept beside the rows, brought to another data model: base images, and which family each record is of.

Runs in the transaction that alters the tables. Entries of the queue keep what they say, whatever became of its fields
and objects; only the family they stand for is named anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device.merge.base import bases_of_records
from fieldsync.device.merge.free import free_families
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.records import read_row
from fieldsync.device.store.values import fitting, held_field, pack, unpack
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef

_KEPT = (("_base", "id", "id"), ("_lease", "token", "id"), ("_queue", "n", "record_id"))
"""Tables that name a record and its family's root: table, key, record."""


def remodel(work: Work, before: ObjectTables, tables: ObjectTables) -> list[RecordRef]:
    """Base images hold the columns of today, every record has the root of today, and families that are free because of
    that get their news. Returns the records whose rows may have changed."""
    _drop_objects(work, tables)
    for table in tables:
        if table.type.name in before:
            _refit_bases(work, before[table.type.name], table)
    _find_roots(work, before, tables)
    return free_families(work, tables, [root for (root,) in work.rows("SELECT DISTINCT root FROM _base")])


def _drop_objects(work: Work, tables: ObjectTables) -> None:
    """An object that is gone has no version on the server, and no page."""
    for name in ("_base", "_lease"):
        for (object_name,) in work.rows(f"SELECT DISTINCT object FROM {name}"):
            if object_name not in tables:
                work.run(f"DELETE FROM {name} WHERE object = ?", object_name)


def _refit_bases(work: Work, before: ObjectTable, table: ObjectTable) -> None:
    kept = [column for column in table.columns if column in before.columns]
    turned = {c for c in kept if held_field(before.type, c).type is not held_field(table.type, c).type}
    if not turned and len(kept) == len(before.columns):
        return
    held = work.rows("SELECT id, row FROM _base WHERE object = ? AND row IS NOT NULL", table.type.name)
    for record_id, packed in held:
        values = {c: value for c, value in unpack(packed).items() if c in kept}
        for column in turned & values.keys():
            if values[column] is not None:
                values[column] = fitting(held_field(table.type, column), values[column])
        work.run("UPDATE _base SET row = ? WHERE id = ?", pack(values), record_id)


def _find_roots(work: Work, before: ObjectTables, tables: ObjectTables) -> None:
    moved = [t for t in tables if t.type.name in before and before[t.type.name].way != t.way]
    for name, key, record in _KEPT:
        for table in moved:
            rows = work.rows(f"SELECT {key}, {record} FROM {name} WHERE object = ?", table.type.name)
            roots = [(_root(work, tables, table, record_id), place) for place, record_id in rows]
            work.many(f"UPDATE {name} SET root = ? WHERE {key} = ?", roots)


def _root(work: Work, tables: ObjectTables, table: ObjectTable, record_id: str) -> RecordId:
    """Up the family by rows and, where there is none, by base images, as far as they lead."""
    place = RecordId(record_id)
    for step in table.way:
        above = next(_parents(work, table, place, step.column), None)
        if above is None:
            return place
        place, table = above, tables[step.parent]
    return place


def _parents(work: Work, table: ObjectTable, record_id: RecordId, column: str) -> Iterator[RecordId]:
    stored = read_row(work, table, record_id)
    base = bases_of_records(work, [record_id]).get(record_id)
    for values in (stored.values if stored else {}, base.values if base else {}):
        parent = values.get(column)
        if isinstance(parent, str):
            yield RecordId(parent)
