"""Records merged online: rows that name the loser name the winner (FEATURES E22).

Only rows: what waits in the queue says what the person saved, and the server reads it as said of the winner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device.store.objects import ObjectTable, ObjectTables, quoted
from fieldsync.device.store.work import Work
from fieldsync.protocol.rows import RecordRef


def follow_merges(work: Work, tables: ObjectTables, merged: Iterable[tuple[RecordRef, RecordId]]) -> list[RecordRef]:
    """Let rows refer to winners: pairs of loser and winner. Doing it again is harmless. Returns what changed."""
    return [ref for loser, winner in merged for table in tables for ref in _follow(work, table, loser, winner)]


def _follow(work: Work, table: ObjectTable, loser: RecordRef, winner: RecordId) -> Iterator[RecordRef]:
    for field in table.type.references:
        if field.references == loser.object:
            column = quoted(field.name)
            sql = f"UPDATE {table.name} SET {column} = ? WHERE {column} = ? RETURNING Id"
            for (record_id,) in work.rows(sql, winner, loser.id):
                yield RecordRef(table.type.name, record_id)
