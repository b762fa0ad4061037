"""Statements that travel together: their order, what becomes of them when one is refused, and early answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from tests.server.postgres.box import ADD, ALL, BELOW, END_MYSELF, Pool, run, statement, told, told_inside

from fieldsync.server.postgres.work import END, BadRow, Connection, Gone, NotUnique, Work, transaction
from fieldsync.server.postgres.work.foreseen import Foreseen, Unforeseen
from fieldsync.server.postgres.work.trip import Answer, Step


def test_what_nobody_waits_for_is_there_for_the_next_question_and_at_the_end(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.later(ADD, n=2)
            work.later(ADD, n=1)
            assert await work.rows(ALL) == [(1,), (2,)]
            work.later(ADD, n=3)

    assert run(database, act) == [1, 2, 3]


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


def test_a_transaction_ends_with_its_last_questions_and_another_begins_behind_them(database: str) -> None:
    async def twice(work: Work) -> None:
        work.later(ADD, n=1)
        work.ending((BELOW, {"n": 5}))
        assert await work.rows(BELOW, n=5) == [(1,)]
        work.later(ADD, n=2)
        await work.rows(ALL)
        raise KeyError

    async def act(pool: Pool) -> None:
        await told(KeyError, pool, twice)
        async with transaction(pool) as work:
            work.ending((BELOW, {"n": 5}))
            work.later(ADD, n=3)  # it was not the end after all
            assert await work.rows(BELOW, n=5) == [(1,), (3,)]

    assert run(database, act) == [1, 3]


def test_what_is_refused_at_the_end_is_told_with_the_last_answers(database: str) -> None:
    async def twice(work: Work) -> None:
        work.later(ADD, n=1)
        work.later(ADD, n=1)
        work.ending((BELOW, {"n": 5}))
        await work.rows(BELOW, n=5)

    assert run(database, lambda pool: told(NotUnique, pool, twice)) == []


def test_what_is_known_or_goes_anyway_is_not_asked_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    trip = Connection.trip

    async def counted(self: Connection, steps: Sequence[Step], behind: Sequence[Step]) -> list[Answer]:
        sent.append(len(steps))
        return await trip(self, steps, behind)

    async def act(pool: Pool) -> None:
        monkeypatch.setattr(Connection, "trip", counted)
        async with transaction(pool) as work:
            work.ahead((BELOW, {"n": 5}), (BELOW, {"n": 1}))
            work.ahead((BELOW, {"n": 5}))
            await work.rows(ALL)
            work.ahead((BELOW, {"n": 1}))
            assert await work.rows(BELOW, n=1) == []
            async with work.savepoint():
                assert await work.rows(BELOW, n=5) == []
        monkeypatch.undo()
        assert sent == [4, 2, 1], "BEGIN and three questions; a savepoint's beginning and end; COMMIT"

    assert run(database, act) == []


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


def test_what_is_asked_behind_the_end_sees_the_transaction_that_has_ended_and_is_no_part_of_it(database: str) -> None:
    async def act(pool: Pool) -> None:
        for ends_early in (True, False):
            async with transaction(pool) as work:
                work.overheard = lambda news: [(ALL, {}), END] if news == "added" else []
                work.later(ADD, n=7 + ends_early)
                work.say("added")
                if ends_early:
                    work.ending((BELOW, {"n": 5}))
                    assert await work.rows(BELOW, n=5) == []
            told = Foreseen(datetime.now(UTC), work.foreseen)
            assert await told.rows(ALL) == ([(8,)] if ends_early else [(7,), (8,)])
            with pytest.raises(Unforeseen):
                await told.rows(BELOW, n=9)
            with pytest.raises(Unforeseen):
                await told.run(ADD, n=3)

    assert run(database, act) == [7, 8]


def test_what_is_refused_behind_the_end_takes_nothing_back_and_the_connection_goes_on(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.overheard = lambda _: [(statement("SELECT 1 / (n - n) FROM box"), {}), (ALL, {})]
            work.later(ADD, n=1)
            work.say("added")
        assert work.foreseen == []
        async with transaction(pool) as work:
            work.later(ADD, n=2)
            assert await work.rows(ALL) == [(1,), (2,)]

    assert run(database, act, connections=1) == [1, 2]


def test_where_the_end_is_refused_nothing_is_found_behind_it_and_the_connection_goes_on(database: str) -> None:
    works: list[Work] = []

    async def block(work: Work) -> None:
        works.append(work)
        work.overheard = lambda _: [(ALL, {})]
        work.later(ADD, n=0)
        work.say("added")
        work.ending((BELOW, {"n": 5}))
        await work.rows(BELOW, n=5)

    async def act(pool: Pool) -> None:
        await told(BadRow, pool, block)
        assert works[0].foreseen == []
        async with transaction(pool) as work:
            work.later(ADD, n=2)

    assert run(database, act, connections=1) == [2]


def test_who_asks_on_behind_the_end_begins_another_transaction(database: str) -> None:
    async def act(pool: Pool) -> None:
        async with transaction(pool) as work:
            work.overheard = lambda _: [(ALL, {})]
            work.later(ADD, n=1)
            work.say("added")
            work.ending((BELOW, {"n": 5}))
            assert await work.rows(BELOW, n=5) == [(1,)]
            work.later(ADD, n=2)
            assert await work.rows(ALL) == [(1,), (2,)]
        assert await Foreseen(datetime.now(UTC), work.foreseen).rows(ALL) == [(1,)]

    assert run(database, act, connections=1) == [1, 2]
