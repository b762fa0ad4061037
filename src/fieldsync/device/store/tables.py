"""The engine's own tables, and bringing the file to what the catalog says without touching the queue.

Names that begin with `_` cannot be objects. A change here needs a new `FORMAT` and a step that moves old files.
"""

from __future__ import annotations

from fieldsync.device.store.objects import ObjectTables, quoted
from fieldsync.device.store.work import Work

FORMAT = 1

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
CREATE TABLE IF NOT EXISTS _draft (key TEXT PRIMARY KEY NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS _undone (
    number INTEGER PRIMARY KEY, n INTEGER NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, told INTEGER NOT NULL,
    items BLOB NOT NULL, outcome BLOB);
CREATE TABLE IF NOT EXISTS _sync (number INTEGER PRIMARY KEY, report BLOB NOT NULL);
CREATE VIEW IF NOT EXISTS _busy AS
    SELECT root FROM _queue UNION SELECT root FROM _lease UNION SELECT root FROM _partial;
"""


def make_internal(work: Work) -> None:
    """The engine's own tables, if they are not there."""
    for statement in INTERNAL.split(";\n"):
        if statement.strip():
            work.run(statement)
    work.run("INSERT OR IGNORE INTO _meta VALUES ('format', ?)", FORMAT)


def migrate(work: Work, tables: ObjectTables) -> None:
    """Add the tables, columns and indexes the catalog has and the file has not. Nothing is dropped here."""
    present = {name for (name,) in work.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in tables:
        if table.type.name not in present:
            for statement in table.ddl():
                work.run(statement)
            continue
        known = {row[1] for row in work.rows(f"PRAGMA table_info({quoted(table.type.name)})")}
        for column in table.columns:
            if column not in known:
                work.run(f"ALTER TABLE {table.name} ADD COLUMN {table.column_ddl(column)}")
        for statement in table.indexes():
            work.run(statement)
