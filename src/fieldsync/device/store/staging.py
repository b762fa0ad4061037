"""A download that is not complete yet: its rows in an encrypted file of their own, which nobody reads.

A cut stream leaves nothing behind but this file, and the next download begins with an empty one. Memory holds one
block of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.device.store.connect import committed, refusing_damage
from fieldsync.device.store.objects import ObjectTable, quoted
from fieldsync.device.store.store import STAGING, Store
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.standard import STAMP

GONE = "_gone"
ROOT = "_root"


class Staging:
    """Collects a download. Use on one thread; `finish` before it is applied."""

    def __init__(self, store: Store, name: str = STAGING) -> None:
        self._connection = store.open_beside(name)
        self._connection.execute(
            f"CREATE TABLE {GONE} (object TEXT NOT NULL, Id TEXT NOT NULL, {STAMP} INTEGER NOT NULL,"
            " deleted INTEGER NOT NULL, PRIMARY KEY (Id)) WITHOUT ROWID"
        )
        self._made: set[str] = set()
        self.brought: set[str] = set()
        self.merged: list[tuple[RecordRef, RecordId]] = []
        """Of the removals, records that were merged online, and into which."""
        """Objects of which rows or removals came."""
        self.rows = 0

    def add_rows(self, table: ObjectTable, rows: Iterable[Sequence[Any]]) -> None:
        """Rows in the table's column order, the stamp last."""
        self._make(table)
        self.brought.add(table.type.name)
        places = ", ".join("?" * (len(table.columns) + 1))
        statement = f"INSERT OR REPLACE INTO {table.name} ({table.column_list}, {STAMP}) VALUES ({places})"
        before = self._connection.total_changes()
        with refusing_damage(), committed(self._connection):
            self._connection.executemany(statement, rows)
        self.rows += self._connection.total_changes() - before

    def add_gone(self, gone: Iterable[tuple[str, str, int, bool]]) -> None:
        """Removals: object, id, stamp, deleted."""
        rows = list(gone)
        self.brought.update(row[0] for row in rows)
        with refusing_damage(), committed(self._connection):
            self._connection.executemany(f"INSERT OR REPLACE INTO {GONE} VALUES (?, ?, ?, ?)", rows)

    def finish(self, tables: Iterable[ObjectTable]) -> None:
        """Write every row's family root beside it, as far as the file knows it, and close the file.

        Objects of which nothing came get an empty table, so that one statement fits all.
        """
        with refusing_damage(), committed(self._connection):
            for table in tables:
                self._make(table)
                self._connection.execute(f"UPDATE {table.name} SET {ROOT} = {_staged_root(table)}")
                index = quoted(table.type.name + ROOT)
                self._connection.execute(f"CREATE INDEX {index} ON {table.name} ({ROOT})")
        self._connection.close()

    def drop(self) -> None:
        """Close the file of a stream that was cut."""
        self._connection.close()

    def _make(self, table: ObjectTable) -> None:
        if table.type.name in self._made:
            return
        self._made.add(table.type.name)
        columns = ["Id TEXT PRIMARY KEY NOT NULL", *(quoted(c) for c in table.columns if c != "Id")]
        columns += [f"{STAMP} INTEGER NOT NULL", f"{ROOT} TEXT"]
        self._connection.execute(f"CREATE TABLE {table.name} ({', '.join(columns)})")


def _staged_root(table: ObjectTable) -> str:
    """The root of a row of this file; null when the row above it did not come along."""
    if not table.way:
        return "Id"
    column = quoted(table.way[0].column)
    if len(table.way) == 1:
        return f"coalesce({column}, Id)"
    return f"(SELECT p.{ROOT} FROM {quoted(table.way[0].parent)} p WHERE p.Id = {table.name}.{column})"
