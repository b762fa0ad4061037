"""Records merged online: rows that name the loser name the winner (FEATURES E22).

Only rows, and what the server has of them beside: what waits in the queue says what the person saved, and the server
reads it as said of the winner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.values import pack, unpack
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef


def follow_merges(work: Work, tables: ObjectTables, merged: Iterable[tuple[RecordRef, RecordId]]) -> list[RecordRef]:
    """Let rows refer to winners: pairs of loser and winner. Doing it again is harmless. Returns what changed."""
    found: list[RecordRef] = []
    for loser, winner in merged:
        found += (ref for table in tables for ref in _follow(work, table, loser, winner))
        _follow_beside(work, tables, loser, winner)
    return found


def _follow(work: Work, table: ObjectTable, loser: RecordRef, winner: RecordId) -> Iterator[RecordRef]:
    for field in table.type.references:
        if field.references == loser.object:
            column = quoted(field.name)
            sql = f"UPDATE {table.name} SET {column} = ? WHERE {column} = ? RETURNING Id"
            for (record_id,) in work.rows(sql, winner, loser.id):
                yield RecordRef(table.type.name, record_id)


def _follow_beside(work: Work, tables: ObjectTables, loser: RecordRef, winner: RecordId) -> None:
    """Base images too: what undo brings back, or the end of a look at a page, names the winner."""
    held = work.rows("SELECT object, id, row FROM _base WHERE instr(row, CAST(? AS BLOB))", loser.id)
    for name, record_id, row in held:
        fields = tables[name].type.references if name in tables else ()
        columns = {field.name for field in fields if field.references == loser.object}
        values = unpack(row)
        fresh = {c: winner if c in columns and v == loser.id else v for c, v in values.items()}
        if fresh != values:
            work.run("UPDATE _base SET row = ? WHERE id = ?", pack(fresh), record_id)
