"""Statements that travel together: their order, what becomes of them when one is refused, and early answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from psycopg_pool import AsyncConnectionPool

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import BadRow, Connection, Gone, NotUnique, Work, snapshot, transaction, trip


def statement(text: str, *names: str) -> Statement:
    return Statement(text, frozenset(names), {})


ADD = statement("INSERT INTO box VALUES (%(n)s)", "n")
ALL = statement("SELECT n FROM box ORDER BY n")
BELOW = statement("SELECT n FROM box WHERE n < %(n)s ORDER BY n", "n")
END_MYSELF = statement("SELECT pg_terminate_backend(pg_backend_pid())")

Pool = AsyncConnectionPool[Connection]


def run(uri: str, act: Callable[[Pool], Awaitable[None]]) -> list[int]:
    """What is in the box after `act`."""

    async def whole() -> list[int]:
        async with AsyncConnectionPool(uri, min_size=1, max_size=2, open=False, connection_class=Connection) as pool:
            async with transaction(pool) as work:
                await work.run(statement("CREATE TABLE box (n int PRIMARY KEY CHECK (n > 0))"))
            await act(pool)
            async with snapshot(pool) as work:
                return [n for (n,) in await work.rows(ALL)]

    return asyncio.run(whole())


def test_what_nobody_waits_for_is_there_for_the_next_question_and_at_the_end(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(ADD, n=2)
            work.later(ADD, n=1)
            assert await work.rows(ALL) == [(1,), (2,)]
            work.later(ADD, n=3)

    assert run(database, act) == [1, 2, 3]


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


def test_a_block_that_raises_writes_nothing(database: str) -> None:
    async def block(work: Work) -> None:
        work.later(ADD, n=1)
        await work.rows(ALL)
        work.later(ADD, n=2)
        raise KeyError

    assert run(database, lambda pool: told(KeyError, pool, block)) == []


def test_what_is_refused_is_told_where_its_savepoint_ends_and_takes_only_that_back(database: str) -> None:
    async def twice(work: Work) -> None:
        work.later(ADD, n=5)
        work.later(ADD, n=1)

    async def bad(work: Work) -> None:
        work.later(ADD, n=5)
        work.later(ADD, n=0)

    async def unsent(work: Work) -> None:
        work.later(ADD, n=6)
        raise KeyError

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(ADD, n=1)
            await told_inside(NotUnique, work, twice)
            await told_inside(BadRow, work, bad)
            async with work.savepoint():
                work.later(ADD, n=2)
                await told_inside(KeyError, work, unsent)

    assert run(database, act) == [1, 2]


def test_what_is_refused_at_the_end_takes_all_back(database: str) -> None:
    async def twice(work: Work) -> None:
        work.later(ADD, n=1)
        work.later(ADD, n=1)

    assert run(database, lambda pool: told(NotUnique, pool, twice)) == []


def test_a_question_asked_ahead_is_answered_without_asking(database: str) -> None:
    async def ask(work: Work) -> None:
        work.later(ADD, n=1)
        work.ahead((BELOW, {"n": 5}), (BELOW, {"n": 1}))
        assert await work.rows(ALL) == [(1,)]
        with pytest.raises(Gone):
            await work.rows(END_MYSELF)
        assert await work.rows(BELOW, n=1) == []
        assert await work.rows(BELOW, n=5) == [(1,)]
        await work.rows(BELOW, n=5)  # an answer is given once

    assert run(database, lambda pool: told(Gone, pool, ask)) == []


def test_a_write_makes_what_was_asked_ahead_be_asked_anew(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.ahead((ALL, {}))
            assert await work.rows(BELOW, n=100) == []
            work.later(ADD, n=1)
            assert await work.rows(ALL) == [(1,)]
            work.ahead((ALL, {}))
            assert await work.rows(BELOW, n=100) == [(1,)]
            assert await work.run(ADD, n=2) == 1
            assert await work.rows(ALL) == [(1,), (2,)]

    assert run(database, act) == [1, 2]


def test_a_savepoint_that_is_rolled_back_forgets_what_was_asked_in_it(database: str) -> None:
    async def ask(work: Work) -> None:
        work.later(ADD, n=1)
        work.ahead((ALL, {}))
        assert await work.rows(BELOW, n=9) == [(1,)]
        raise KeyError

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            await told_inside(KeyError, work, ask)
            assert await work.rows(ALL) == []

    assert run(database, act) == []


def test_what_was_asked_behind_a_refusal_can_be_asked_again(database: str) -> None:
    """Also what the driver would have prepared in just that trip."""

    async def refused_alone(work: Work) -> None:
        await work.run(statement("INSERT INTO box VALUES (0)"))

    async def refused_before_others(work: Work) -> None:
        work.later(statement("INSERT INTO box VALUES (-1)"))
        work.ahead((BELOW, {"n": 2}))
        await work.rows(ALL)

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            assert await work.rows(ALL) == await work.rows(BELOW, n=2) == []
            await told_inside(BadRow, work, refused_alone)
            await told_inside(BadRow, work, refused_before_others)
            assert await work.rows(ALL) == await work.rows(BELOW, n=2) == []

    assert run(database, act) == []


def test_a_lost_connection_is_said_so_and_the_pool_goes_on(database: str) -> None:
    async def within(work: Work) -> None:
        async with work.savepoint():
            work.later(ADD, n=1)
            await work.rows(END_MYSELF)

    async def at_the_end(work: Work) -> None:
        work.later(ADD, n=1)
        work.later(END_MYSELF)

    async def act(pool: Pool) -> None:
        for lose in (within, at_the_end):
            await told(Gone, pool, lose)

    assert run(database, act) == []


def test_what_cannot_be_sent_is_refused_alone(database: str) -> None:
    """Its savepoint was on the same trip."""
    note = statement("INSERT INTO box SELECT length(%(text)s)", "text")

    async def unsendable(work: Work) -> None:
        work.later(ADD, n=1)
        work.later(note, text="a\0b")

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            await told_inside(BadRow, work, unsendable)
            work.later(note, text="abc")

    assert run(database, act) == [3]


def test_more_than_fits_into_the_socket_goes_both_ways(database: str) -> None:
    echo = statement("SELECT %(text)s::text", "text")
    long = "x" * 3_000_000

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.ahead(*((echo, {"text": long + str(i)}) for i in range(9)))
            for i in range(9):
                assert await work.one(echo, text=long + str(i)) == (long + str(i),)

    run(database, act)


def test_a_connection_keeps_so_many_plans_and_no_more(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trip, "PLANS_MAX", 5)
    kept = statement("SELECT count(*) FROM pg_prepared_statements")

    async def act(pool: Pool) -> None:
        for again in range(2):
            async with transaction(pool) as work:
                for i in range(20):
                    assert await work.one(statement(f"SELECT {i}")) == (i,)
                assert await work.one(kept) == (5,), again

    run(database, act)


def test_a_caller_that_hangs_up_costs_no_more_than_his_connection(database: str) -> None:
    sleep = statement("SELECT pg_sleep(60)")

    async def slow(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(ADD, n=1)
            await work.rows(sleep)

    async def act(pool: Pool) -> None:
        hanging = [asyncio.create_task(slow(pool)) for _ in range(2)]
        await asyncio.sleep(0.3)
        for task in hanging:
            task.cancel()
        assert [type(ended) for ended in await asyncio.gather(*hanging, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        async with transaction(pool) as work:
            await work.run(ADD, n=2)

    assert run(database, act) == [2]


NUMBERS = statement("SELECT n::text FROM generate_series(1, %(n)s) AS n", "n")


def test_a_stream_brings_all_rows_and_its_connection_goes_on(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with snapshot(pool) as work:
            for count in (0, 1, 70_000, 0):
                assert [row async for row in work.stream(NUMBERS, n=count)] == [b"%d" % (i + 1) for i in range(count)]
                assert await work.rows(BELOW, n=5) == []
                assert await work.rows(statement("VALUES (1), (2)")) == [(1,), (2,)], "not the last alone"

    run(database, act)


def test_a_stream_that_is_refused_or_left_is_told_and_the_pool_goes_on(database: str) -> None:
    by_zero = statement("SELECT (1 / (n - 40000))::text FROM generate_series(1, %(n)s) AS n", "n")

    async def left(work: Work) -> None:
        async for row in work.stream(NUMBERS, n=70_000):
            if row == b"60000":
                raise KeyError

    async def refused(work: Work) -> None:
        async for row in work.stream(by_zero, n=70_000):
            assert row == b"0" or row == b"-1" or row == b"1"

    async def act(pool: Pool) -> None:
        for again in range(3):
            await told(KeyError, pool, left)
            await told(BadRow, pool, refused)
            async with transaction(pool) as work:
                await work.run(ADD, n=again + 1)

    assert run(database, act) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "numbered"),
    [
        ("SELECT %(a)s, %(b)s, %(a)s", (b"SELECT $1, $2, $1", ("a", "b"))),
        ("SELECT 5 %% 3", (b"SELECT 5 % 3", ())),
        ("SELECT %(a)s %% 3 LIKE '%%(b)s'", (b"SELECT $1 % 3 LIKE '%(b)s'", ("a",))),
    ],
)
def test_places_are_numbered(text: str, numbered: tuple[bytes, tuple[str, ...]]) -> None:
    assert statement(text).numbered == numbered
