"""The engine's own tables, and bringing the objects' tables to what the catalog says without touching the queue.

Names that begin with `_` cannot be objects. A change here needs a new `FORMAT` and a step that moves old files.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.device.store.objects import SORTED, ObjectTable, ObjectTables, quoted
from fieldsync.device.store.values import column_type, fitting, held_field
from fieldsync.device.store.work import Work
from fieldsync.schema.model import Field
from fieldsync.schema.standard import STAMP

FORMAT = 2

INTERNAL = """
CREATE TABLE IF NOT EXISTS _meta (key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _queue (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, state TEXT NOT NULL, object TEXT NOT NULL, record_id TEXT NOT NULL,
    root TEXT NOT NULL, saved_at TEXT NOT NULL, sealed INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_ms INTEGER NOT NULL DEFAULT 0, anchor INTEGER NOT NULL, hash TEXT NOT NULL,
    item_count INTEGER NOT NULL, items BLOB NOT NULL, outcome BLOB);
CREATE INDEX IF NOT EXISTS _queue_root ON _queue (root, n);
CREATE INDEX IF NOT EXISTS _queue_state ON _queue (state, n);
CREATE TABLE IF NOT EXISTS _touch (
    id TEXT NOT NULL, kind INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (id, kind, n)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _touch_n ON _touch (n);
CREATE TABLE IF NOT EXISTS _base (
    id TEXT PRIMARY KEY NOT NULL, object TEXT NOT NULL, root TEXT NOT NULL, state TEXT NOT NULL,
    stamp INTEGER NOT NULL, row BLOB);
CREATE INDEX IF NOT EXISTS _base_root ON _base (root);
CREATE TABLE IF NOT EXISTS _lease (
    token TEXT PRIMARY KEY NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL, root TEXT NOT NULL,
    expires_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _lease_root ON _lease (root);
CREATE TABLE IF NOT EXISTS _partial (root TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _lost (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _passed (
    id TEXT PRIMARY KEY NOT NULL, stamp INTEGER NOT NULL, gone INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _draft (key TEXT PRIMARY KEY NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS _undone (
    number INTEGER PRIMARY KEY, n INTEGER NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, told INTEGER NOT NULL,
    items BLOB NOT NULL, outcome BLOB);
CREATE TABLE IF NOT EXISTS _sent (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _acknowledged (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, object TEXT NOT NULL, record_id TEXT NOT NULL, root TEXT NOT NULL,
    saved_at TEXT NOT NULL, anchor INTEGER NOT NULL, hash TEXT NOT NULL, item_count INTEGER NOT NULL,
    items BLOB NOT NULL, device TEXT NOT NULL, stamp INTEGER NOT NULL, at TEXT NOT NULL,
    offered INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS _acknowledged_offered ON _acknowledged (n) WHERE offered = 1;
CREATE TABLE IF NOT EXISTS _name (id TEXT PRIMARY KEY NOT NULL, name TEXT, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _sync (number INTEGER PRIMARY KEY, report BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS _log (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS _busy AS
    SELECT root FROM _queue UNION SELECT root FROM _lease UNION SELECT root FROM _partial
    UNION SELECT id FROM _touch WHERE kind < 2;
"""
"""A record that an entry changes is busy by itself too: a family it was in may be declared no more."""

_WAS = quoted("_was")


def make_internal(work: Work) -> None:
    """The engine's own tables, if they are not there."""
    if work.one("SELECT 1 FROM sqlite_master WHERE name = '_meta'"):
        _leave_format_1(work)
    for statement in INTERNAL.split(";\n"):
        if statement.strip():
            work.run(statement)
    work.run("INSERT OR IGNORE INTO _meta VALUES ('format', ?)", FORMAT)


def _leave_format_1(work: Work) -> None:
    """Format 1 counted only roots as busy."""
    if work.value("SELECT value FROM _meta WHERE key = 'format'") == 1:
        work.run("DROP VIEW IF EXISTS _busy")
        work.run("UPDATE _meta SET value = 2 WHERE key = 'format'")


def migrate(work: Work, tables: ObjectTables, before: ObjectTables | None = None) -> None:
    """Bring the objects' tables to this catalog, in the caller's transaction.

    Nothing is rewritten but what the change is about. Values of a field that changed its type stay where they fit; the
    rest, and the values of new fields, come with the server's rows. `before`: what the file was made for.
    """
    present = set(_present(work))
    for name in sorted(present - {t.type.name for t in tables}):
        work.run(f"DROP TABLE {quoted(name)}")
    for table in tables:
        if table.type.name in present:
            _alter(work, table, before[table.type.name] if before and table.type.name in before else None)
        else:
            for statement in table.ddl():
                work.run(statement)


def _present(work: Work) -> Iterator[str]:
    """Objects that have a table."""
    for (name,) in work.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        if not name.startswith(("_", "sqlite_")):
            yield name


def _alter(work: Work, table: ObjectTable, before: ObjectTable | None) -> None:
    """One table that is there: columns go, come, and change; then its indexes."""
    known = {row[1]: row[2] for row in work.rows(f"PRAGMA table_info({table.name})") if row[1] != STAMP}
    wanted = {column: held_field(table.type, column) for column in table.columns}
    gone = [column for column in known if column not in wanted]
    turned = [c for c, field in wanted.items() if c in known and _is_turned(c, field, known[c], before)]
    if gone or turned:
        _drop_indexes(work, table)
    for column in gone:
        work.run(f"ALTER TABLE {table.name} DROP COLUMN {quoted(column)}")
    for column in turned:
        _retype(work, table, column, wanted[column], recast=known[column] != column_type(wanted[column]))
    for column in wanted:
        if column not in known:
            work.run(f"ALTER TABLE {table.name} ADD COLUMN {table.column_ddl(column)}")
    for statement in table.indexes():
        work.run(statement)


def bring_indexes(work: Work, tables: ObjectTables) -> None:
    """Make the indexes by name that a file of an earlier version of the app, or for another language, does not have;
    those of that go."""
    wanted = {table.sorting_name for table in tables}
    names = {table.type.name: table for table in tables if table.sorts_folded("Name")}
    for name, of in work.rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"):
        if of in names and name not in wanted and (name == f"{of}.Name" or name.startswith(of + SORTED)):
            work.run(f"DROP INDEX {quoted(name)}")
    for table in tables:
        for statement in table.sorting_index():
            work.run(statement)


def has_indexes(work: Work, tables: ObjectTables) -> bool:
    """Whether the file has every index by name."""
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    present = {name for (name,) in work.rows(query)}
    return all(table.sorting_name in present for table in tables if table.sorts_folded("Name"))


def _is_turned(column: str, field: Field, declared: str, before: ObjectTable | None) -> bool:
    """Whether what a column holds may not fit its field any more."""
    if before is None or column not in before.columns:
        return declared != column_type(field)
    return held_field(before.type, column).type is not field.type


def _drop_indexes(work: Work, table: ObjectTable) -> None:
    names = work.rows(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", table.type.name
    )
    for (name,) in names:
        work.run(f"DROP INDEX {quoted(name)}")


def _retype(work: Work, table: ObjectTable, column: str, field: Field, *, recast: bool) -> None:
    """Keep the values that fit the field as it is now. `recast`: SQLite has to hold them in another way."""
    name, held = quoted(column), _WAS if recast else quoted(column)
    if recast:
        work.run(f"ALTER TABLE {table.name} RENAME COLUMN {name} TO {_WAS}")
        work.run(f"ALTER TABLE {table.name} ADD COLUMN {table.column_ddl(column)}")
    rows = work.rows(f"SELECT rowid, {held} FROM {table.name} WHERE {held} IS NOT NULL")
    fit = ((fitting(field, value), row) for row, value in rows)
    work.many(f"UPDATE {table.name} SET {name} = ? WHERE rowid = ?", fit)
    if recast:
        work.run(f"ALTER TABLE {table.name} DROP COLUMN {_WAS}")
