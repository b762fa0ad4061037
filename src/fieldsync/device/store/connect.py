"""Opening an encrypted connection: cipher, key, and the settings that keep a save through power loss.

AEGIS-256 with a raw 256-bit key encrypts and authenticates every page, so a flipped bit is noticed when its page is
read. WAL with `synchronous=FULL` is the weakest setting that keeps acknowledged saves (DESIGN 10).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import apsw

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.store.values import stored_value
from fieldsync.soql.sqlite import functions

KEY_BYTES = 32
CIPHER = "aegis"
ALGORITHM = "aegis-256"
PAGE_BYTES = 8192
"""Of a file that is made here; one that is there keeps its own. A row of a CRM is some hundred bytes: with more of them
to a page a database refresh writes a seventh faster, and a save still writes few pages."""
_PLAIN_HEADER = b"SQLite format 3\x00"


def connect(path: Path, key: bytes, *, read_only: bool = False) -> apsw.Connection:
    """A connection that reads and writes pages with `key` (32 bytes).

    Raises Refused: WRONG_KEY, or STORE_DAMAGED for a file that is not an encrypted database.
    """
    assert len(key) == KEY_BYTES
    refuse_plain(path)
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags)
    try:
        unlock(connection, key)
    except apsw.NotADBError:
        connection.close()
        raise Refused(problem(Code.WRONG_KEY)) from None
    except apsw.Error as error:
        connection.close()
        raise _damaged(error) from None
    connection.convert_binding = _bind
    functions.register(connection)
    return connection


def unlock(connection: apsw.Connection, key: bytes) -> None:
    """Give the key, and read one page to see that it fits."""
    assert connection.pragma("cipher", CIPHER) == CIPHER, "this SQLite cannot encrypt"
    connection.pragma("algorithm", ALGORITHM)
    connection.execute(f"PRAGMA key='{key_text(key)}'")
    connection.pragma("page_size", PAGE_BYTES)
    connection.pragma("busy_timeout", 10_000)
    connection.pragma("temp_store", 2)
    connection.pragma("trusted_schema", 0)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()


def key_text(key: bytes) -> str:
    """The key as the PRAGMA and ATTACH take it: used as it is, without derivation."""
    return f"raw:{key.hex()}"


def make_durable(connection: apsw.Connection) -> None:
    """A commit that returned survives power loss, and deleted content is overwritten."""
    assert connection.pragma("journal_mode", "wal") == "wal"
    connection.pragma("synchronous", "full")
    connection.pragma("secure_delete", 1)
    if sys.platform == "darwin":
        connection.pragma("fullfsync", 1)
        connection.pragma("checkpoint_fullfsync", 1)


@contextmanager
def not_waiting_for_the_disk(connection: apsw.Connection) -> Iterator[None]:
    """Commits in this block go to disk with the next one behind it, or when the system writes them."""
    waits = connection.pragma("synchronous")
    connection.pragma("synchronous", "normal")
    try:
        yield
    finally:
        connection.pragma("synchronous", waits)


def refuse_plain(path: Path) -> None:
    """An unencrypted database is never taken over: somebody put it there."""
    if not path.exists():
        return
    with path.open("rb") as file:
        if file.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER:
            raise Refused(problem(Code.STORE_DAMAGED, reason="it is not encrypted"))


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Failures of the file itself as what they mean for the person."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
        raise _damaged(error) from error
    except apsw.FullError as error:
        raise Refused(problem(Code.UNUSABLE, what="The disk of this device", reason="it is full")) from error


@contextmanager
def if_there_is_room() -> Iterator[None]:
    """What is written here is not there yet where the disk is full: for what is written again later, or found anew."""
    try:
        yield
    except Refused as refused:
        if refused.problem.code is not Code.UNUSABLE:
            raise


@contextmanager
def committed(connection: apsw.Connection) -> Iterator[None]:
    """One transaction: durable when the block ends; an exception takes everything back, and comes out as it was, also
    where SQLite, its disk full, has taken everything back before."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _damaged(error: apsw.Error) -> Refused:
    return Refused(problem(Code.STORE_DAMAGED, reason=str(error)))


def _bind(_cursor: object, _place: int, value: object) -> str | int | float | None:
    """Numbers that SQLite does not know."""
    assert isinstance(value, Decimal), f"a {type(value).__name__} is no field value"
    return stored_value(value)
