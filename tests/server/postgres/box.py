"""A table of numbers, and what tests of transactions do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from psycopg_pool import AsyncConnectionPool

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Connection, Work, snapshot, transaction


def statement(text: str, *names: str) -> Statement:
    return Statement(text, frozenset(names), {})


ADD = statement("INSERT INTO box VALUES (%(n)s)", "n")
ALL = statement("SELECT n FROM box ORDER BY n")
BELOW = statement("SELECT n FROM box WHERE n < %(n)s ORDER BY n", "n")
END_MYSELF = statement("SELECT pg_terminate_backend(pg_backend_pid())")

Pool = AsyncConnectionPool[Connection]


def run(uri: str, act: Callable[[Pool], Awaitable[None]], *, connections: int = 2) -> list[int]:
    """What is in the box after `act`."""

    async def whole() -> list[int]:
        async with AsyncConnectionPool(
            uri, min_size=1, max_size=connections, open=False, connection_class=Connection
        ) as pool:
            async with transaction(pool) as work:
                await work.run(statement("CREATE TABLE box (n int PRIMARY KEY CHECK (n > 0))"))
            await act(pool)
            async with snapshot(pool) as work:
                return [n for (n,) in await work.rows(ALL)]

    return asyncio.run(whole())


async def told(kind: type[Exception], pool: Pool, act: Callable[[Work], Awaitable[None]]) -> None:
    """A transaction ends with this error."""

    async def whole() -> None:
        async with transaction(pool) as work:
            await act(work)

    with pytest.raises(kind):
        await whole()


async def told_inside(kind: type[Exception], work: Work, act: Callable[[Work], Awaitable[None]]) -> None:
    """A savepoint ends with this error, and the transaction goes on."""

    async def whole() -> None:
        async with work.savepoint():
            await act(work)

    with pytest.raises(kind):
        await whole()
