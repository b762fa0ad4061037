"""What SQLite itself takes on this machine, for the floors of the benchmarks: plain statements only."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fieldsync.device.store.connect import KEY_BYTES, connect, make_durable
from fieldsync.device.store.fresh import current_file
from fieldsync.device.store.objects import quoted


def commit_seconds(path: Path, times: int) -> list[float]:
    """Seconds of each of `times` durable commits that update one row and insert one, in a file made at `path`."""
    connection = connect(path, bytes(KEY_BYTES))
    make_durable(connection)
    connection.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS queue (n INTEGER PRIMARY KEY, items TEXT)")
    connection.execute("INSERT OR IGNORE INTO row VALUES (1, '')")
    taken = []
    for n in range(times):
        began = time.perf_counter()
        with connection:
            connection.execute("UPDATE row SET text = ? WHERE id = 1", (f"{n}" * 80,))
            connection.execute("INSERT INTO queue (items) VALUES (?)", ("x" * 600,))
        taken.append(time.perf_counter() - began)
    connection.close()
    return taken


def upsert_seconds(folder: Path, path: Path, table: str, count: int, *, times: int) -> list[float]:
    """Seconds of each of `times` durable commits that write so many rows of this table, as the database in `folder`
    holds them, into an encrypted file made at `path`."""
    source = connect(current_file(folder), bytes(KEY_BYTES), read_only=True)
    [(ddl,)] = source.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,))
    rows = source.execute(f"SELECT * FROM {quoted(table)} LIMIT ?", (count,)).fetchall()
    source.close()
    target = connect(path, bytes(KEY_BYTES))
    make_durable(target)
    target.execute(ddl)
    places = ", ".join("?" * len(rows[0]))
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        with target:
            target.executemany(f"INSERT OR REPLACE INTO {quoted(table)} VALUES ({places})", rows)
        taken.append(time.perf_counter() - began)
    target.close()
    return taken


def bulk_insert_seconds(folder: Path, key: bytes, table: str, path: Path) -> float:
    """Seconds to write the rows of this table, as the database in `folder` holds them, into an encrypted file made at
    `path` with the same columns and indexes, and to bring it to disk."""
    source = connect(current_file(folder), key, read_only=True)
    schema = [
        sql for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql <> ''", (table,))
    ]
    rows = source.execute(f"SELECT * FROM {quoted(table)}").fetchall()
    source.close()
    began = time.perf_counter()
    target = connect(path, bytes(KEY_BYTES))
    target.execute("PRAGMA journal_mode = off; PRAGMA synchronous = off")
    with target:
        target.execute(schema[0])
        target.executemany(f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        target.execute(";".join(schema[1:]))
    target.close()
    with path.open("r+b") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - began
