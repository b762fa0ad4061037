"""One trip: what goes both ways in it, what a connection keeps, and what it costs to be left alone."""

from __future__ import annotations

import asyncio

import pytest
from tests.server.postgres.box import ADD, BELOW, Pool, run, statement, told, told_inside

from fieldsync.server.postgres.work import BadRow, Work, snapshot, transaction, trip


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
