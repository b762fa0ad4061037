"""The open file: one writing connection under one lock, and reading connections that never wait for it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from fieldsync.base import limits
from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.store.connect import (
    committed,
    connect,
    key_text,
    make_durable,
    not_waiting_for_the_disk,
    refusing_damage,
)
from fieldsync.device.store.fresh import Fresh, current_file, next_file, point_to, remove_others
from fieldsync.device.store.lock import FileLock
from fieldsync.device.store.media.files import Files
from fieldsync.device.store.objects import ObjectTables, object_tables
from fieldsync.device.store.tables import make_internal, migrate
from fieldsync.device.store.work import Work
from fieldsync.schema.catalog import Catalog

STAGING, PREPARED = "staging.db", "prepared.db"
"""Downloads that are not rows yet: one that is on its way, and one that waits for the person."""
LOCK = "store.lock"


T = TypeVar("T")


class Store:
    """The database of a folder: see `fresh.current_file`. Any thread may use it; one writes at a time.

    Opening raises Refused: OPEN_ELSEWHERE, WRONG_KEY, STORE_DAMAGED.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self._key = folder, key
        self.lock = threading.RLock()
        self._readers: list[apsw.Connection] = []
        self._generation = 0
        self._readers_lock = threading.Lock()
        self._closed = self._emptied = False
        self._file_lock = FileLock(folder / LOCK)
        try:
            self._path = current_file(folder)
            self._tidied = False
            self.tidy()
            self._connection = self._open(self._path)
        except BaseException:
            self._file_lock.release()
            raise
        self._tables: ObjectTables | None = None

    def _open(self, path: Path) -> apsw.Connection:
        connection = connect(path, self._key)
        with refusing_damage():
            make_durable(connection)
            with committed(connection):
                make_internal(Work(connection))
        if os.name == "posix":
            path.chmod(0o600)
        return connection

    @property
    def tables(self) -> ObjectTables:
        """The objects' tables. Only after `use_catalog`."""
        assert self._tables is not None, "sign in first: there is no catalog yet"
        return self._tables

    @property
    def known_tables(self) -> ObjectTables | None:
        """The objects' tables; None before the first sign-in."""
        return self._tables

    @property
    def has_catalog(self) -> bool:
        """Whether the store knows its objects."""
        return self._tables is not None

    def use_catalog(self, work: Work, catalog: Catalog, *, changed: bool, language: str = "") -> ObjectTables:
        """Take this catalog, and when it changed make its tables; `language`: by whose alphabet lists are sorted. Give
        the result to `took_catalog` after commit."""
        tables = object_tables(catalog, language)
        if changed:
            migrate(work, tables, self._tables)
        return tables

    def took_catalog(self, tables: ObjectTables) -> None:
        """The tables are committed: everybody works with them from here on."""
        self._tables = tables

    @contextmanager
    def write(self) -> Iterator[Work]:
        """One transaction, under the lock; durable when the block ends. An exception takes everything back."""
        with self.lock, refusing_damage():
            self._require_open()
            with committed(self._connection):
                yield Work(self._connection)

    @contextmanager
    def write_again(self) -> Iterator[Work]:
        """As `write`, of what can be asked for again: power that is lost before the next `write` takes it back whole,
        as if it had not come."""
        with self.lock:
            self._require_open()
            with refusing_damage(), not_waiting_for_the_disk(self._connection), committed(self._connection):
                yield Work(self._connection)

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One snapshot on a read-only connection of its own; never waits for a writer."""
        connection, generation = self._borrow()
        try:
            with refusing_damage():
                connection.execute("BEGIN")
                try:
                    yield Work(connection)
                finally:
                    connection.execute("ROLLBACK")
        finally:
            self._give_back(connection, generation)

    def _borrow(self) -> tuple[apsw.Connection, int]:
        with self._readers_lock:
            self._require_open()
            if self._readers:
                return self._readers.pop(), self._generation
            return connect(self._path, self._key, read_only=True), self._generation

    def _give_back(self, connection: apsw.Connection, generation: int) -> None:
        with self._readers_lock:
            if not self._closed and generation == self._generation:
                self._readers.append(connection)
                return
        connection.close()

    def fresh(self, version: str) -> Fresh:
        """A new database beside this one, as far as it was loaded before, for the catalog of this version."""
        self.tidy()
        return Fresh(self.folder, self._key, self.tables, version)

    def switch(self, fresh: Fresh, carry: Callable[[Work], T]) -> T:
        """Work with the new database from here on; `carry` brings over what it has to have of this one.

        Writers wait; who is reading goes on in the old file. Whatever goes wrong, and wherever the process dies, the
        folder has the old database or the new one, whole.
        """
        with self.lock, refusing_damage():
            assert not self._closed, "the store is closed"
            with fresh.beside(self._path) as work:
                result = carry(work)
                reach("refresh.before_carried")
            path = next_file(self._path)
            fresh.take_place(path)
            reach("refresh.named")
            connection = self._open(path)
            try:
                point_to(path)
                reach("refresh.switched")
            finally:  # whatever was raised on the way: the file that counts on disk counts here
                if current_file(self.folder) == path:
                    self._leave(path, connection)
                else:
                    connection.close()
            return result

    def _leave(self, path: Path, connection: apsw.Connection) -> None:
        """Everybody uses this file now; the old one is for `tidy`."""
        with self._readers_lock:
            old = [self._connection, *self._readers]
            self._path, self._connection, self._readers = path, connection, []
            self._generation += 1
        for each in old:
            each.close()
        self._tidied = False

    def tidy(self) -> None:
        """Remove what a switch left: giving back a large file takes a while, and nobody should wait for it."""
        with self.lock:
            if not self._tidied:
                remove_others(self._path)
                self._tidied = True

    @contextmanager
    def attached_staging(self) -> Iterator[None]:
        """The staging file as database `staging` beside `main` on the writing connection; afterwards it is gone."""
        with self.attached_beside(STAGING):
            yield
        self.drop_beside(STAGING)

    @contextmanager
    def attached_beside(self, name: str) -> Iterator[None]:
        """A file of the folder as database `staging` beside `main` on the writing connection."""
        path = str(self.folder / name).replace("'", "''")
        with self.lock, refusing_damage():
            self._connection.execute(f"ATTACH '{path}' AS staging KEY '{key_text(self._key)}'")
            self._connection.execute("PRAGMA staging.journal_mode = off; PRAGMA staging.synchronous = off")
        try:
            yield
        finally:
            with self.lock:
                self._connection.execute("DETACH staging")

    def open_beside(self, name: str) -> apsw.Connection:
        """A new, empty file for a download. One thread uses it; nothing in it needs to survive before `keep_beside`."""
        self.drop_beside(name)
        connection = connect(self.folder / name, self._key)
        connection.pragma("journal_mode", "memory")
        connection.pragma("synchronous", "off")
        return connection

    def keep_beside(self, name: str) -> None:
        """What is in the closed file survives power loss from here on."""
        with (self.folder / name).open("rb+") as file:
            os.fsync(file.fileno())

    def has_beside(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.folder / name).exists()

    def drop_beside(self, name: str) -> None:
        """Remove the file with what belongs to it."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)

    def room(self) -> int:
        """Bytes that are free where this folder lies."""
        return shutil.disk_usage(self.folder).free

    def require_room(self, needed: int) -> None:
        """Raises Refused(UNUSABLE) where so many bytes more would leave too few for the rows and everything else."""
        free = self.room()
        if needed and free < needed + limits.ROOM_BYTES:
            reason = f"{needed // 2**20 + 1} MB are needed beside what must stay free, and {free // 2**20} MB are free"
            raise Refused(problem(Code.UNUSABLE, what="The disk of this device", reason=reason))

    @property
    def size(self) -> int:
        """Bytes of the database that people work in; 0 where its disk is none of this machine's."""
        return self._path.stat().st_size if self._path.exists() else 0

    def files(self) -> Files:
        """The files of records, beside the database and under its key. The caller closes it, before the store."""
        return Files(self.folder, self._key)

    def close(self, empty: Callable[[], None] | None = None) -> None:
        """Close the file; others may open it then. `empty` takes the store away before; who still asks it is refused
        with DEVICE_WIPE."""
        with self.lock, self._readers_lock:
            if self._closed:
                return
            self._closed = True
            for reader in self._readers:
                reader.close()
            self._connection.close()
            self.tidy()
            if empty is not None:
                self._emptied = True
                empty()
            self._file_lock.release()

    def _require_open(self) -> None:
        if self._emptied:
            raise Refused(problem(Code.DEVICE_WIPE))
        assert not self._closed, "the store is closed"
