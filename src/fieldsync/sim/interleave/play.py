"""Playing the pairs: every order of turns, each against what the actors leave behind one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import msgspec

from fieldsync.base.world import SystemClock
from fieldsync.sim.interleave.pairs import Facts, Pair, Stage
from fieldsync.sim.interleave.turns import every_order, taking_turns
from fieldsync.sim.server import SimServer

PLAYS_BESIDE = 16
"""Those one after the other, and those that are played again."""


class Played(msgspec.Struct, frozen=True):
    """What became of a pair: orders played, whether that was all there are, and what no serial order explains."""

    name: str
    orders: int
    complete: bool
    seconds: float
    wrong: tuple[str, ...]


def play(server: SimServer, pair: Pair, orders_max: int, *, by_statement: bool = False) -> Played:
    """One pair. `by_statement`: turns change between any two statements, and not only between trips."""
    clock = SystemClock()
    began = clock.steady()
    stage = Stage(server, pair.name, orders_max + PLAYS_BESIDE)
    allowed, plays = _one_after_the_other(stage, pair)
    wrong: list[str] = []
    orders = 0

    async def scene(number: int) -> Any:
        if pair.before is not None:
            await pair.before(stage, plays + number)
        return pair.scene(stage, plays + number)

    with taking_turns(by_statement=by_statement):
        walk = every_order(server.org.pool, scene, orders_max)
        for number, name, results in _pulled(server, walk):
            orders += 1
            facts = pair.look(stage, plays + number, results)
            if facts not in allowed:
                wrong.append(f"{name}: {facts}")
    seconds = round(clock.steady() - began, 1)
    return Played(pair.name, orders, orders < orders_max, seconds, tuple(wrong[:5]))


def _one_after_the_other(stage: Stage, pair: Pair) -> tuple[set[Facts], int]:
    """What the actors leave behind in each order of whole transactions, and how many plays that took."""
    allowed: set[Facts] = set()
    plays = 0
    for order in permutations(range(pair.actors)):
        if pair.before is not None:
            stage.server.run(pair.before(stage, plays))
        acts = pair.scene(stage, plays)
        results: list[object] = [None] * pair.actors
        for place in order:
            results[place] = stage.server.run(acts[place]())
        allowed.add(pair.look(stage, plays, results))
        plays += 1
    return allowed, plays


def _pulled(server: SimServer, walk: Any) -> Iterator[Any]:
    """The walk's plays, on the server's own loop."""
    while True:
        try:
            yield server.run(anext(walk))
        except StopAsyncIteration:
            return
