"""One database transaction.

The rooms that decide build SQLAlchemy statements and run them through a `Work`; they never see a driver. Statements are
compiled once and run as text, because that costs less than half of going through an ORM session for each (DESIGN 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work.copied import Copied, take_arrived
from fieldsync.server.postgres.work.errors import in_our_words
from fieldsync.server.postgres.work.pipe import COMMIT, END, Pipe, Question, as_step
from fieldsync.server.postgres.work.trip import Answer, Connection, Step

Pool = AsyncConnectionPool[Connection]
Answers = list[tuple[Step, Answer]]
"""What was asked, and what PostgreSQL said."""
GATHER_SECONDS = 0.001
"""Rows of a COPY gather for so long before they are looked for again: the shortest sleep that every event loop has."""


class Work:
    """A transaction in progress. Parameters are always bound, never written into the text."""

    def __init__(self, connection: Connection, *, snapshot: bool = False) -> None:
        self._connection = connection
        self._pipe = Pipe(connection, _BEGIN_SNAPSHOT if snapshot else _BEGIN)
        self._depth = 0
        self.said: list[str] = []
        """What this transaction notifies of, for who waits in this process: he need not hear it from PostgreSQL."""
        self.overheard: Callable[[str], Iterable[Question]] = _nobody
        """Who waits for what it says, and what he will ask."""
        self.foreseen: Answers = []
        """The answers to that, of the instant after this transaction."""

    @property
    def backend(self) -> int:
        """PostgreSQL's process behind it: notifications say from which one they are."""
        return self._connection.pgconn.backend_pid

    async def rows(self, statement: Statement, /, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            return (await self._pipe.ask(Step(statement, params))).rows
        except psycopg.Error as error:
            raise in_our_words(error) from error

    async def one(self, statement: Statement, /, **params: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found = await self.rows(statement, **params)
        return found[0] if found else None

    async def run(self, statement: Statement, /, **params: Any) -> int:
        """The number of rows a statement wrote."""
        try:
            return (await self._pipe.write(Step(statement, params))).count
        except psycopg.Error as error:
            raise in_our_words(error) from error

    def later(self, statement: Statement, /, **params: Any) -> None:
        """Run a statement that nobody waits for, with the next that somebody does: what PostgreSQL refuses of it is
        raised there, or where its savepoint or the transaction ends."""
        try:
            self._pipe.later(Step(statement, params))
        except psycopg.Error as error:
            raise in_our_words(error) from error

    def ahead(self, *questions: Question) -> None:
        """Say which queries are likely to come next, in this order: they travel with whatever is asked first.

        One that is not asked after all did no harm but its locks. A write in between makes them be asked anew.
        """
        self._pipe.ahead(map(as_step, questions))

    def ending(self, *questions: Question) -> None:
        """As `ahead`, of the last questions: the transaction ends with them, and what is asked later begins another."""
        self.ahead(*questions, END)

    def say(self, news: str) -> None:
        """Note what this transaction notifies of. What is asked by who overhears it goes with the transaction's end,
        and is asked in a snapshot of its own behind it."""
        self.said.append(news)
        asked = [as_step(question) for question in self.overheard(news) if question is not END]
        if asked:
            self._pipe.behind([_BEGIN_SNAPSHOT, *asked, COMMIT])

    async def stream(self, statement: Statement, /, **params: Any) -> AsyncIterator[bytes]:
        """The rows of a query of one text column, each as bytes, as they come."""
        try:
            await self._pipe.begin()
            async with aclosing(self._connection.stream(Step(statement, params))) as arriving:
                async for rows in arriving:
                    for row in rows:
                        yield row
        except psycopg.Error as error:
            raise in_our_words(error) from error

    async def copy_blocks(self, statement: Statement, block_bytes: int, /, **params: Any) -> AsyncIterator[bytes]:
        """The rows of a query of one JSON column, as JSON with a line end each, in blocks of about `block_bytes`.

        COPY takes no parameters, so the driver writes them into the text as quoted literals.
        """
        connection = self._connection
        text = f"COPY ({statement.text}) TO STDOUT"
        try:
            await self._pipe.begin()
            async with connection.cursor() as cursor, cursor.copy(text, statement.bind(params)):
                rows: list[bytes | memoryview] = []
                state, size = Copied.STARVED, 0
                while state is not Copied.ENDED:
                    state, more = await connection.wait(take_arrived(connection.pgconn, rows, block_bytes - size))
                    size += more
                    if state is Copied.STARVED:
                        await asyncio.sleep(GATHER_SECONDS)
                    elif rows:
                        # in JSON, COPY changes nothing but that it doubles backslashes
                        yield b"".join(rows).replace(b"\\\\", b"\\")
                        rows, size = [], 0
        except psycopg.Error as error:
            raise in_our_words(error) from error

    async def limit(self, seconds: float) -> None:
        """From here to its end, no statement of this transaction may take longer; one that does raises TooLong."""
        await self.rows(_LIMIT, milliseconds=f"{seconds * 1000:.0f}")

    async def wait_for_locks(self, seconds: float) -> None:
        """From here to its end, no statement of this transaction waits longer for a lock; one that does raises Busy."""
        await self.rows(_WAIT_FOR_LOCKS, milliseconds=f"{seconds * 1000:.0f}")

    async def flush(self) -> None:
        """See what waits to be written in the database."""
        try:
            await self._pipe.flush()
        except psycopg.Error as error:
            raise in_our_words(error) from error

    async def commit(self) -> None:
        """End the transaction; what waits to be written goes with it."""
        try:
            await self._pipe.commit()
            self.foreseen = await self._pipe.answers_behind()
        except psycopg.Error as error:
            raise in_our_words(error) from error

    @asynccontextmanager
    async def savepoint(self, *, settled: bool = True) -> AsyncIterator[None]:
        """A part that may be rolled back alone. It ends when all that was to be written in it is; not `settled`, its
        end goes with what is asked next, and what PostgreSQL refuses of it is raised there, with no way back."""
        self._depth += 1
        name = f"fieldsync_{self._depth}"
        begin = _plain(f"SAVEPOINT {name}")
        self._pipe.beside(begin)
        try:
            yield
            self._pipe.later(_plain(f"RELEASE {name}"))
            if settled:
                await self.flush()
        except BaseException as error:
            await self._roll_back(name, begin)
            if isinstance(error, psycopg.Error):
                raise in_our_words(error) from error
            raise
        finally:
            self._depth -= 1

    async def _roll_back(self, name: str, begin: Step) -> None:
        """To a savepoint; to nowhere if it was never sent, or there is nobody to send to."""
        if self._pipe.is_unsent(begin):
            self._pipe.forget(begin)
            return
        self._pipe.forget()
        try:
            await self._connection.settle()
            await self._connection.trip([_plain(f"ROLLBACK TO {name}"), _plain(f"RELEASE {name}")])
        except psycopg.Error:
            return  # the connection is lost, and the transaction with it


def _nobody(_: str) -> Iterable[Question]:
    return ()


def _plain(text: str) -> Step:
    return Step(Statement(text, frozenset(), {}), {}, keep=False)


_BEGIN, _BEGIN_SNAPSHOT = _plain("BEGIN"), _plain("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


_LIMIT = Statement("SELECT set_config('statement_timeout', %(milliseconds)s, true)", frozenset({"milliseconds"}), {})


_WAIT_FOR_LOCKS = Statement(
    "SELECT set_config('lock_timeout', %(milliseconds)s, true)", frozenset({"milliseconds"}), {}
)


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Work]:
    """A READ COMMITTED transaction; it commits when the block ends and rolls back when it raises."""
    async with _connection(pool) as connection:
        work = Work(connection)
        yield work
        await work.commit()


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Work]:
    """A REPEATABLE READ, read-only transaction: every statement sees the same instant."""
    async with _connection(pool) as connection:
        yield Work(connection, snapshot=True)


@asynccontextmanager
async def _connection(pool: Pool) -> AsyncIterator[Connection]:
    """One of the pool. What begins a transaction goes with its first statement, and costs no round trip."""
    try:
        async with pool.connection() as connection:
            try:
                yield connection
            except Exception:
                await connection.settle()
                raise
            finally:
                connection.abandon()
    except psycopg.Error as error:
        raise in_our_words(error) from error
