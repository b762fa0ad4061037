"""Actors that reach PostgreSQL only when it is their turn, and the walk through every order of turns.

An actor is a coroutine of the product. Before each of its trips to the database it waits for its turn; who is blocked
there by another's lock has none until PostgreSQL lets it go. The walk is depth first: it plays a schedule, looks where
another actor could have gone on instead, and plays that next, until every order was played.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Connection, Gone, Pool, transaction

Act = Callable[[], Coroutine[Any, Any, object]]
"""What an actor does."""
LOOK_SECONDS = 0.003
"""After so long somebody looks whether a lock holds the actor."""
LOOKS_MAX = 5_000
CUT_MAX = 5
BLOCKED = Statement("SELECT cardinality(pg_blocking_pids(%(pid)s::int)) > 0", frozenset({"pid"}), {})
_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


class Actor:
    """One of those that run at once."""

    def __init__(self, act: Act) -> None:
        self._turn, self._rested = asyncio.Event(), asyncio.Event()
        self.pid = 0
        self.waits = False
        """Whether it waits for its turn."""
        self.task = asyncio.ensure_future(self._play(act))
        self.task.add_done_callback(lambda _: self._rested.set())

    async def _play(self, act: Act) -> object:
        _ACTOR.set(self)
        return await act()

    async def turn(self, pid: int) -> None:
        """Wait for the next turn. Called by the actor, before a trip to the database."""
        self.pid, self.waits = pid, True
        self._rested.set()
        await self._turn.wait()
        self._turn.clear()
        self.waits = False

    def go(self) -> None:
        """It is its turn."""
        self._rested.clear()
        self._turn.set()

    @property
    def is_done(self) -> bool:
        return self.task.done()

    async def rests(self, seconds: float) -> bool:
        """Whether it waits for its turn, or has ended, within the time."""
        try:
            await asyncio.wait_for(self._rested.wait(), seconds)
        except TimeoutError:
            return False
        return True


@contextmanager
def taking_turns(*, by_statement: bool) -> Iterator[None]:
    """Within this, actors wait for their turn before every trip, or before every single statement."""
    right: Any = Connection.trip

    async def trip(self: Any, steps: Sequence[Any], behind: Sequence[Any] = ()) -> Any:
        actor = _ACTOR.get()
        if actor is None:
            return await right(self, steps, behind)
        if not by_statement or len(steps) < 2:
            await actor.turn(self.info.backend_pid)
            return await right(self, steps, behind)
        answers: list[Any] = []
        for step in steps:
            await actor.turn(self.info.backend_pid)
            answers += await right(self, [step])
        return answers

    Connection.trip = trip  # type: ignore[method-assign]
    try:
        yield
    finally:
        Connection.trip = right  # type: ignore[method-assign]


class Stuck(Exception):
    """Nobody can go on, and nobody ends."""


class _Schedule:
    """The choices of one play: those that are given, then always the first; and how many there were at each."""

    def __init__(self, given: Sequence[int]) -> None:
        self._given = given
        self.taken: list[int] = []
        self.choices: list[int] = []

    def choose(self, ready: int) -> int:
        place = len(self.taken)
        chosen = min(self._given[place], ready - 1) if place < len(self._given) else 0
        self.taken.append(chosen)
        self.choices.append(ready)
        return chosen

    def next(self) -> list[int] | None:
        """The schedule to play after this one."""
        for place in reversed(range(len(self.taken))):
            if self.taken[place] + 1 < self.choices[place]:
                return [*self.taken[:place], self.taken[place] + 1]
        return None


Scene = Callable[[int], Awaitable[Sequence[Act]]]
"""Makes the actors of the n-th play, on records that no other play has touched."""


async def every_order(pool: Pool, scene: Scene, plays_max: int) -> AsyncIterator[tuple[int, str, list[object]]]:
    """For each order of turns: which play it was, its name, and what each actor returned or raised. Raises Stuck.

    One in which PostgreSQL ended a session is played again: no order of turns does so, only a machine so slow that the
    product's limits of time struck.
    """
    given: list[int] | None = []
    played = cut = 0
    while given is not None and played < plays_max:
        schedule, number = _Schedule(given), played + cut
        results = await _played(pool, await scene(number), schedule)
        if cut < CUT_MAX and any(isinstance(result, Gone) for result in results):
            cut += 1
            await pool.check()
            continue
        played += 1
        yield number, "".join(map(str, schedule.taken)), results
        given = schedule.next()


async def _played(pool: Pool, acts: Sequence[Act], schedule: _Schedule) -> list[object]:
    actors = [Actor(act) for act in acts]
    for actor in actors:
        await _rests_or_is_held(pool, actor)
    held: set[Actor] = set()
    async with _ended(actors):
        while not all(actor.is_done for actor in actors):
            ready = [actor for actor in actors if actor.waits and actor not in held]
            if not ready:
                await _somebody_let_go(pool, held)
                continue
            chosen = ready[schedule.choose(len(ready))] if len(ready) > 1 else ready[0]
            chosen.go()
            if not await _rests_or_is_held(pool, chosen):
                held.add(chosen)
            held -= {actor for actor in list(held) if actor is not chosen and await _rests_or_is_held(pool, actor)}
    return [actor.task.exception() or actor.task.result() for actor in actors]


@asynccontextmanager
async def _ended(actors: Sequence[Actor]) -> AsyncIterator[None]:
    """Nobody plays on when the play is over, however it ended."""
    try:
        yield
    finally:
        for actor in actors:
            actor.task.cancel()
        await asyncio.wait([actor.task for actor in actors])


async def _rests_or_is_held(pool: Pool, actor: Actor) -> bool:
    """Whether it came to its next turn or its end; False when another's lock holds it."""
    for _ in range(LOOKS_MAX):
        if await actor.rests(LOOK_SECONDS):
            return True
        async with transaction(pool) as work:
            found = await work.one(BLOCKED, pid=actor.pid)
        if found is not None and found[0]:
            return False
    raise Stuck(f"an actor neither ends nor waits for a lock: {actor.task.get_stack()}")


async def _somebody_let_go(pool: Pool, held: set[Actor]) -> None:
    """All wait for each other: PostgreSQL ends one of them."""
    for _ in range(LOOKS_MAX):
        for actor in list(held):
            if await actor.rests(LOOK_SECONDS):
                held.remove(actor)
                return
    raise Stuck("nobody can go on")
