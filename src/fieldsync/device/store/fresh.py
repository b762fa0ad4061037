"""The database file that a refresh fills beside the one people work in, and the file that says which of them counts.

`store.current` names the database; without it, it is `store.db`. A new database is loaded as `fresh.db`: its rows
first, in order of ids, its indexes when all are there. It is an ordinary transaction that keeps them, together with the
place to go on from, so a process that was killed, or a power loss, costs no more than the rows behind that place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.store.connect import committed, connect, key_text, refusing_damage
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.tables import make_internal
from fieldsync.device.store.work import Work

FRESH, POINTER, FIRST = "fresh.db", "store.current", "store.db"
CACHE_KIB = 16 * 1024
_NAME = re.compile(r"store(?:-(\d+))?\.db")
_PROGRESS = "version TEXT NOT NULL, checkpoint TEXT, token TEXT, rows INTEGER NOT NULL, complete INTEGER NOT NULL"


def current_file(folder: Path) -> Path:
    """The database of this folder. Raises Refused(STORE_DAMAGED) when nobody can say which it is."""
    pointer = folder / POINTER
    name = pointer.read_text(encoding="ascii", errors="replace") if pointer.exists() else FIRST
    is_new = not pointer.exists() and not any(_databases(folder))
    if not _NAME.fullmatch(name) or not (is_new or (folder / name).exists()):
        raise Refused(problem(Code.STORE_DAMAGED, reason=f"{POINTER} does not say which file counts"))
    return folder / name


def next_file(current: Path) -> Path:
    """What the database that takes this one's place is called."""
    found = _NAME.fullmatch(current.name)
    assert found is not None
    return current.with_name(f"store-{int(found[1] or 1) + 1}.db")


def point_to(path: Path) -> None:
    """From here on this database counts: written beside, then put in place, so there is no moment without an answer."""
    written = path.with_name(f"{POINTER}.new")
    with written.open("w", encoding="ascii") as file:
        file.write(path.name)
        file.flush()
        os.fsync(file.fileno())
    written.replace(path.with_name(POINTER))
    _keep_names(path.parent)


def remove_others(current: Path) -> None:
    """Databases that do not count any more. One that a program still has open goes another time."""
    for path in _databases(current.parent):
        if not path.name.startswith(current.name):
            with suppress(OSError):
                path.unlink()


def _databases(folder: Path) -> Iterator[Path]:
    """Every `store*.db` with what belongs to it."""
    return (path for path in folder.glob("store*.db*") if _NAME.match(path.name))


def _keep_names(folder: Path) -> None:
    """What files are called survives power loss, where folders can be synced."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


class Fresh:
    """A database that is being loaded. Use on one thread; `close` keeps what is complete for another time."""

    def __init__(self, folder: Path, key: bytes, tables: ObjectTables, version: str) -> None:
        """Go on with the one in this folder, if it was begun for this catalog and can be read."""
        self._path, self._key, self._tables, self._version = folder / FRESH, key, tables, version
        try:
            self._connection = self._opened()
        except Refused:
            self._drop()
            self._connection = self._opened()
        if self._progress() is None:
            self.restart()

    @property
    def token(self) -> str | None:
        """Where the stream goes on; None at its beginning."""
        token: str | None = self._work.value("SELECT token FROM _fresh")
        return token

    @property
    def checkpoint(self) -> str | None:
        """Where the server stood when the first row was read."""
        checkpoint: str | None = self._work.value("SELECT checkpoint FROM _fresh")
        return checkpoint

    @property
    def rows(self) -> int:
        """How many rows are here."""
        rows: int = self._work.value("SELECT rows FROM _fresh")
        return rows

    @property
    def complete(self) -> bool:
        """Whether the stream came to its end."""
        return bool(self._work.value("SELECT complete FROM _fresh"))

    def restart(self) -> None:
        """Throw away what is here and begin with empty tables."""
        self._connection.close()
        self._drop()
        self._connection = self._opened()
        with refusing_damage(), committed(self._connection):
            make_internal(self._work)
            for table in self._tables:
                self._work.run(table.create)
            self._work.run(f"CREATE TABLE _fresh ({_PROGRESS})")
            self._work.run("INSERT INTO _fresh VALUES (?, NULL, NULL, 0, 0)", self._version)

    def begin(self, checkpoint: str) -> None:
        """The stream begins here."""
        with refusing_damage(), committed(self._connection):
            self._work.run("UPDATE _fresh SET checkpoint = ?", checkpoint)

    def add(self, table: ObjectTable, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str) -> None:
        """Rows in the order of `columns`, and where the stream goes on behind them."""
        with refusing_damage():
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._work.many(table.insert_columns(columns), rows)
            self._work.run("UPDATE _fresh SET token = ?, rows = rows + ?", token, len(rows))

    def keep(self, *, complete: bool = False) -> None:
        """Write what came so far to disk. `complete`: the stream is at its end."""
        with refusing_damage():
            if complete:
                self._work.run("UPDATE _fresh SET complete = 1")
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def make_indexes(self) -> None:
        """Made when the rows are there: faster than keeping them up row by row."""
        with refusing_damage(), committed(self._connection):
            for table in self._tables:
                for statement in table.indexes():
                    self._work.run(statement)

    @contextmanager
    def write(self) -> Iterator[Work]:
        """One transaction in the new file."""
        with refusing_damage(), committed(self._connection):
            yield self._work

    @contextmanager
    def beside(self, old: Path) -> Iterator[Work]:
        """One transaction in the new file, with the database `old` attached as `old`."""
        with refusing_damage():
            path = str(old).replace("'", "''")
            self._connection.execute(f"ATTACH '{path}' AS old KEY '{key_text(self._key)}'")
            try:
                with committed(self._connection):
                    yield self._work
            finally:
                self._connection.execute("DETACH old")

    def take_place(self, path: Path) -> None:
        """Finish the file, and give it this name. It is whole on disk then, and nobody has it open."""
        with refusing_damage():
            self._work.run("DROP TABLE _fresh")
            self._connection.pragma("journal_mode", "wal")
            self._connection.close()
            reach("refresh.closed")
            if os.name == "posix":
                self._path.chmod(0o600)
            self._path.replace(path)
            _keep_names(path.parent)

    def close(self) -> None:
        """Let go of the file. What was not kept goes."""
        self._connection.close()

    @property
    def _work(self) -> Work:
        return Work(self._connection)

    def _opened(self) -> apsw.Connection:
        connection = connect(self._path, self._key)
        connection.pragma("synchronous", "full")
        connection.pragma("cache_size", -CACHE_KIB)
        return connection

    def _progress(self) -> tuple[Any, ...] | None:
        if not self._work.one("SELECT 1 FROM sqlite_master WHERE name = '_fresh'"):
            return None
        return self._work.one("SELECT 1 FROM _fresh WHERE version = ?", self._version)

    def _drop(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(f"{FRESH}{suffix}").unlink(missing_ok=True)
