"""One database transaction, and the errors PostgreSQL may answer with, in our own words.

The rooms that decide build SQLAlchemy statements and run them through a `Work`; they never see a driver. Statements are
compiled once and run as text, because that costs less than half of going through an ORM session for each (DESIGN 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait
from psycopg_pool import AsyncConnectionPool

from fieldsync.server.postgres.compiled import Statement

Pool = AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]]
Step = tuple[Statement, Mapping[str, Any]]
"""A statement and its parameters."""
GATHER_SECONDS = 0.0005
"""Rows of a COPY gather for so long before they are looked for again."""


class DatabaseError(Exception):
    """Something PostgreSQL refused; the transaction it happened in is over."""


class Busy(DatabaseError):
    """A lock was not had in time."""


class TooLong(Busy):
    """A statement took longer than it may."""


class Collision(DatabaseError):
    """A deadlock or serialization failure: the same work may succeed when tried again."""


class NotUnique(DatabaseError):
    """A unique index refused a row; `constraint` is its name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class BadRow(DatabaseError):
    """A value that passed our checks and PostgreSQL refuses all the same."""


class Gone(DatabaseError):
    """The connection is lost; what was not committed did not happen."""


def _in_our_words(error: psycopg.Error) -> DatabaseError:
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return Collision(str(error))
    if isinstance(error, errors.QueryCanceled):
        return TooLong(str(error))
    if isinstance(error, errors.LockNotAvailable):
        return Busy(str(error))
    if isinstance(error, errors.UniqueViolation):
        return NotUnique(error.diag.constraint_name or "")
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return BadRow(str(error))
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Gone(str(error))
    return DatabaseError(str(error))


class Work:
    """A transaction in progress. Parameters are always bound, never written into the text."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    async def rows(self, statement: Statement, /, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            cursor = await self._connection.execute(statement.text, statement.bind(params))
            return await cursor.fetchall()
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def one(self, statement: Statement, /, **params: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        try:
            cursor = await self._connection.execute(statement.text, statement.bind(params))
            return await cursor.fetchone()
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def run(self, statement: Statement, /, **params: Any) -> int:
        """The number of rows a statement wrote."""
        try:
            cursor = await self._connection.execute(statement.text, statement.bind(params))
            return cursor.rowcount
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def run_all(self, steps: Sequence[Step]) -> None:
        """Statements whose rows nobody wants, in order, sent together: one wait for all of them."""
        try:
            async with self._connection.pipeline():
                for statement, params in steps:
                    await self._connection.execute(statement.text, statement.bind(params))
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def copy_out(self, statement: Statement, params: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """The rows of a query of one text column, each as bytes, streamed."""
        try:
            async with self._connection.cursor() as cursor:
                async for (text,) in cursor.stream(statement.text, statement.bind(params)):
                    yield text.encode()
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def copy_blocks(self, statement: Statement, block_bytes: int, /, **params: Any) -> AsyncIterator[bytes]:
        """The rows of a query of one JSON column, as JSON with a line end each, in blocks of about `block_bytes`.

        COPY takes no parameters, so the driver writes them into the text as quoted literals.
        """
        connection = self._connection
        text = f"COPY ({statement.text}) TO STDOUT"
        try:
            async with connection.cursor() as cursor, cursor.copy(text, statement.bind(params)):
                rows: list[bytes | memoryview] = []
                state, size = _Copy.STARVED, 0
                while state is not _Copy.ENDED:
                    state, more = await connection.wait(_take_arrived(connection.pgconn, rows, block_bytes - size))
                    size += more
                    if state is _Copy.STARVED:
                        await asyncio.sleep(GATHER_SECONDS)
                    elif rows:
                        # in JSON, COPY changes nothing but that it doubles backslashes
                        yield b"".join(rows).replace(b"\\\\", b"\\")
                        rows, size = [], 0
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def limit(self, seconds: float) -> None:
        """From here to its end, no statement of this transaction may take longer; one that does raises TooLong."""
        try:
            await self._connection.execute(
                "SELECT set_config('statement_timeout', %s, true)", [f"{seconds * 1000:.0f}"]
            )
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    async def wait_for_locks(self, seconds: float) -> None:
        """From here to its end, no statement of this transaction waits longer for a lock; one that does raises Busy."""
        try:
            await self._connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{seconds * 1000:.0f}"])
        except psycopg.Error as error:
            raise _in_our_words(error) from error

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may be rolled back alone."""
        try:
            async with self._connection.transaction():
                yield
        except psycopg.Error as error:
            raise _in_our_words(error) from error


class _Copy(Enum):
    STARVED = auto()
    FULL = auto()
    ENDED = auto()


def _take_arrived(connection: PGconn, rows: list[bytes | memoryview], block_bytes: int) -> PQGen[tuple[_Copy, int]]:
    """Take rows of a running COPY until there are `block_bytes`, or no more have arrived; and how many bytes.

    For `AsyncConnection.wait`, which is gone through only while there is nothing: PostgreSQL sends 8 KiB at a time, and
    a turn of the event loop for each costs more than the rows.
    """
    size, looked = 0, False
    while size < block_bytes:
        count, row = connection.get_copy_data(1)
        if count > 0:
            rows.append(row)
            size += count
            looked = False
        elif count < 0:
            yield from _end_copy(connection)
            return _Copy.ENDED, size
        elif not looked:
            connection.consume_input()
            looked = True
        elif rows:
            return _Copy.STARVED, size
        else:
            yield Wait.R
            looked = False
    return _Copy.FULL, size


def _end_copy(connection: PGconn) -> PQGen[None]:
    """Read what PostgreSQL says of the whole COPY. Raises what it refused."""
    refused: psycopg.Error | None = None
    while True:
        while connection.is_busy():
            yield Wait.R
            connection.consume_input()
        result = connection.get_result()
        if result is None:
            break
        if result.status == ExecStatus.FATAL_ERROR:
            refused = errors.error_from_result(result)
    if refused is not None:
        raise refused


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Work]:
    """A READ COMMITTED transaction; it commits when the block ends and rolls back when it raises."""
    async with _connection(pool) as connection, _mapped(), connection.transaction():
        yield Work(connection)


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Work]:
    """A REPEATABLE READ, read-only transaction: every statement sees the same instant."""
    async with _connection(pool) as connection, _mapped():
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)  # both are said with BEGIN, and cost no round trip
        try:
            async with connection.transaction():
                yield Work(connection)
        finally:
            await connection.set_isolation_level(None)
            await connection.set_read_only(None)


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
    async with _mapped(), pool.connection() as connection:
        yield connection


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _in_our_words(error) from error
