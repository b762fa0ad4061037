"""The files this device holds, in `media.db`: encrypted under the store's key, each piece its own row.

A file is whole once all its pieces are here and their sum is its checksum; nobody reads it before. The version before
stays until then. A refresh does not touch this database, so nothing has to come twice.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldsync.base.ids import RecordId
from fieldsync.device.store.connect import committed, connect, make_durable, refusing_damage
from fieldsync.device.store.work import Work
from fieldsync.protocol.media import PIECE_BYTES

MEDIA = "media.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS file (
    id TEXT NOT NULL, checksum TEXT NOT NULL, object TEXT NOT NULL, bytes INTEGER NOT NULL, here INTEGER NOT NULL,
    whole INTEGER NOT NULL, sent INTEGER, PRIMARY KEY (id, checksum)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS piece (
    id TEXT NOT NULL, checksum TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (id, checksum, number));
CREATE TABLE IF NOT EXISTS refused (id TEXT NOT NULL, checksum TEXT NOT NULL, PRIMARY KEY (id, checksum)) WITHOUT ROWID;
"""
_ALL = ("file", "piece", "refused")


@dataclass(frozen=True)
class Held:
    """One version of a record's file. `here`: bytes from the beginning on; `sent`: of one that was made here, how many
    of them the server has, None for one that came from there."""

    id: RecordId
    checksum: str
    object: str
    bytes: int
    here: int
    whole: bool
    sent: int | None = None
    refused: bool = False
    """Made here, and the server does not take it."""

    @property
    def outgoing(self) -> bool:
        """Made here, and not all of it on the server."""
        return self.sent is not None and self.sent < self.bytes


class Files:
    """Any thread may use it. Raises Refused: STORE_DAMAGED, WRONG_KEY; UNUSABLE where the disk is full."""

    def __init__(self, folder: Path, key: bytes) -> None:
        path = folder / MEDIA
        self._lock = threading.RLock()
        self._connection = connect(path, key)
        self._connection.pragma("auto_vacuum", "full")
        with refusing_damage():
            make_durable(self._connection)
        with self._write() as work:
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    work.run(statement)
        if os.name == "posix":
            path.chmod(0o600)

    @contextmanager
    def _write(self) -> Iterator[Work]:
        with self._lock, refusing_damage(), committed(self._connection):
            yield Work(self._connection)

    @contextmanager
    def _read(self) -> Iterator[Work]:
        with self._lock, refusing_damage():
            yield Work(self._connection)

    def held(self) -> list[Held]:
        """Every version of every file that is here, wholly or in part."""
        with self._read() as work:
            rows = work.rows(
                "SELECT id, checksum, object, bytes, here, whole, sent, (id, checksum) IN (SELECT * FROM refused)"
                " FROM file ORDER BY id, checksum"
            )
        return [
            Held(RecordId(i), c, o, size, here, bool(whole), s, bool(no)) for i, c, o, size, here, whole, s, no in rows
        ]

    def begin(self, name: str, record_id: str, checksum: str, size: int) -> int:
        """This version is wanted. Returns how many bytes of it are here."""
        with self._write() as work:
            work.run("INSERT OR IGNORE INTO file VALUES (?, ?, ?, ?, 0, 0, NULL)", record_id, checksum, name, size)
            here: int = work.value("SELECT here FROM file WHERE id = ? AND checksum = ?", record_id, checksum)
        return here

    def add(self, record_id: str, checksum: str, body: bytes) -> int:
        """The piece that comes next. Returns how many bytes are here."""
        with self._write() as work:
            here: int = work.value("SELECT here FROM file WHERE id = ? AND checksum = ?", record_id, checksum)
            work.run("INSERT INTO piece VALUES (?, ?, ?, ?)", record_id, checksum, here // PIECE_BYTES, body)
            work.run("UPDATE file SET here = here + ? WHERE id = ? AND checksum = ?", len(body), record_id, checksum)
        return here + len(body)

    def finish(self, record_id: str, checksum: str) -> bool:
        """All of it came. If its sum is right it takes the place of the version before; if not it begins anew."""
        summed = hashlib.sha256()
        with self._write() as work:
            sql = "SELECT body FROM piece WHERE id = ? AND checksum = ? ORDER BY number"
            for (body,) in work.each(sql, record_id, checksum):
                summed.update(body)
            right = summed.hexdigest() == checksum
            if right:
                work.run("UPDATE file SET whole = 1 WHERE id = ? AND checksum = ?", record_id, checksum)
                _drop_others(work, record_id, checksum)
            else:
                work.run("UPDATE file SET here = 0 WHERE id = ? AND checksum = ?", record_id, checksum)
                work.run("DELETE FROM piece WHERE id = ? AND checksum = ?", record_id, checksum)
        return right

    def put(self, name: str, record_id: str, body: bytes) -> str:
        """A file that is made here, to be sent. Returns its checksum."""
        checksum = hashlib.sha256(body).hexdigest()
        pieces = (body[place : place + PIECE_BYTES] for place in range(0, len(body), PIECE_BYTES))
        with self._write() as work:
            row = (record_id, checksum, name, len(body), len(body))
            work.run("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, 1, 0)", *row)
            work.run("DELETE FROM refused WHERE id = ? AND checksum = ?", record_id, checksum)
            work.many(
                "INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?)",
                [(record_id, checksum, number, piece) for number, piece in enumerate(pieces)],
            )
        return checksum

    def sent(self, record_id: str, checksum: str, through: int) -> None:
        """The server has so much of it."""
        with self._write() as work:
            work.run("UPDATE file SET sent = ? WHERE id = ? AND checksum = ?", through, record_id, checksum)
            work.run("DELETE FROM refused WHERE id = ? AND checksum = ?", record_id, checksum)
            if work.value("SELECT sent >= bytes FROM file WHERE id = ? AND checksum = ?", record_id, checksum):
                _drop_others(work, record_id, checksum)

    def refuse(self, one: Held) -> None:
        """The server does not take it; it stays until it does, or a person gives it up."""
        with self._write() as work:
            work.run("INSERT OR REPLACE INTO refused VALUES (?, ?)", one.id, one.checksum)

    def rename(self, one: Held, record_id: str) -> None:
        """This version is another record's, as the server has it."""
        with self._write() as work:
            for table in _ALL:
                given = (record_id, one.id, one.checksum)
                work.run(f"UPDATE OR REPLACE {table} SET id = ? WHERE id = ? AND checksum = ?", *given)

    def whole(self, record_id: str, checksum: str | None = None) -> Held | None:
        """The version of this record's file that can be read; `checksum`: only this one."""
        found = (one for one in self.held() if one.id == record_id and one.whole)
        return next((one for one in found if checksum in (None, one.checksum)), None)

    def read(self, one: Held, first: int, behind: int) -> bytes:
        """The bytes of a window of a whole file."""
        low, high = first // PIECE_BYTES, max(behind - 1, 0) // PIECE_BYTES
        sql = "SELECT body FROM piece WHERE id = ? AND checksum = ? AND number BETWEEN ? AND ? ORDER BY number"
        with self._read() as work:
            body = b"".join(row[0] for row in work.rows(sql, one.id, one.checksum, low, high))
        return body[first - low * PIECE_BYTES : behind - low * PIECE_BYTES]

    def drop(self, record_id: str, checksum: str | None = None) -> None:
        """Nothing of this record's file stays; `checksum`: of this version."""
        with self._write() as work:
            for table in _ALL:
                work.run(f"DELETE FROM {table} WHERE id = ? AND checksum = coalesce(?, checksum)", record_id, checksum)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _drop_others(work: Work, record_id: str, checksum: str) -> None:
    """Every other version goes, but for one that was made here and is not on the server."""
    kept = "checksum = ? OR checksum IN (SELECT checksum FROM file WHERE id = ? AND sent < bytes)"
    for table in reversed(_ALL):
        work.run(f"DELETE FROM {table} WHERE id = ? AND NOT ({kept})", record_id, checksum, record_id)
