"""One trip: what goes both ways in it, what a connection keeps, and what it costs to be left alone."""

from __future__ import annotations

import asyncio

import pytest
from tests.server.postgres.box import ADD, ALL, BELOW, Pool, run, statement, told, told_inside

from fieldsync.base.ids import DeviceNumber, mint
from fieldsync.server.postgres.work import BadRow, NotUnique, Work, snapshot, transaction, trip
from fieldsync.server.postgres.work.pipe import DEPARTS_FROM_BYTES


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


def test_a_list_arrives_as_it_is_whatever_is_in_it(database: str) -> None:
    sent = statement("SELECT CAST(%(texts)s AS text[])", "texts")
    ids = [mint("a00", DeviceNumber("0000A"), counter) for counter in range(3)]
    lists = [
        ids,
        ids[:1],
        [*ids, "NULL"],
        [*ids, None],
        ["a,b", 'c"d', "e\\f", "{}", "", "ü" * 18],
        [f"{ids[0]},{ids[1]}"],
    ]

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            for texts in (*lists, []):
                assert await work.one(sent, texts=texts) == (texts,)

    run(database, act)


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


def test_plans_that_an_interrupted_caller_asked_for_are_made_again(database: str) -> None:
    """He had to go while PostgreSQL was busy with a statement before them; his connection goes on."""
    sleep = statement("SELECT pg_sleep(60)")

    async def interrupted(pool: Pool) -> None:
        async with snapshot(pool) as work:
            work.ahead((sleep, {}), (BELOW, {"n": 5}))
            await work.rows(ALL)

    async def act(pool: Pool) -> None:
        asking = asyncio.create_task(interrupted(pool))
        await asyncio.sleep(0.3)
        asking.cancel()
        await asyncio.wait([asking])
        async with snapshot(pool) as work:
            assert await work.rows(BELOW, n=5) == await work.rows(ALL) == []

    run(database, act, connections=1)


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


MANY = statement("INSERT INTO box SELECT value::int FROM json_array_elements_text(%(rows)s::json)", "rows")


def many(*numbers: int) -> str:
    """Numbers as rows of a write so large that it leaves at once."""
    return f"[{', '.join(str(n) for n in numbers)}{' ' * DEPARTS_FROM_BYTES}]"


def test_a_large_write_leaves_at_once_and_is_there_for_the_next_question(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(MANY, rows=many(3, 1))
            assert await work.rows(ALL) == [(1,), (3,)]
            work.later(ADD, n=2)
            work.later(MANY, rows=many(5))
            work.later(ADD, n=4)

    assert run(database, act) == [1, 2, 3, 4, 5]


def test_what_left_and_is_refused_is_told_where_its_savepoint_ends(database: str) -> None:
    async def twice(work: Work) -> None:
        work.later(ADD, n=5)
        work.later(MANY, rows=many(1))
        work.later(MANY, rows=many(6))

    async def thought_better(work: Work) -> None:
        work.later(MANY, rows=many(7))
        raise KeyError

    async def unsendable(work: Work) -> None:
        work.later(MANY, rows=many(8))
        work.later(MANY, rows=many(9) + "\0")

    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(MANY, rows=many(1, 2))
            await told_inside(NotUnique, work, twice)
            await told_inside(KeyError, work, thought_better)
            await told_inside(BadRow, work, unsendable)
            work.later(ADD, n=3)

    assert run(database, act) == [1, 2, 3]


def test_a_transaction_that_ends_with_something_under_way_writes_nothing(database: str) -> None:
    async def refused(work: Work) -> None:
        work.later(MANY, rows=many(1))
        work.later(MANY, rows=many(1))
        raise KeyError

    async def left(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(MANY, rows=many(2))
            await asyncio.sleep(60)

    async def act(pool: Pool) -> None:
        await told(KeyError, pool, refused)
        leaving = asyncio.create_task(left(pool))
        await asyncio.sleep(0.1)
        leaving.cancel()
        await asyncio.wait([leaving])
        async with transaction(pool) as work:
            work.later(MANY, rows=many(9))

    assert run(database, act) == [9]


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
