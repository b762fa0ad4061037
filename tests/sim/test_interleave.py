"""Every order of two transactions' turns on a real PostgreSQL leaves what some order of whole transactions leaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.sim.ground import START, Databases
from fieldsync.sim.interleave.pairs import PAIRS, Pair
from fieldsync.sim.interleave.play import Played, play
from fieldsync.sim.planted.locks import LOCK_BUGS
from fieldsync.sim.planted.patching import planting
from fieldsync.sim.server import SimServer

ORDERS_MAX = 260
"""Of each pair; `python -m fieldsync.sim.proof` plays all there are, between statements too."""
BETWEEN_STATEMENTS = frozenset(
    {"two saves of one record", "two saves of one person", "a save and a poll", "a save that arrives twice"}
)
"""Statements of one trip may be apart too: these are played with a turn for each."""
BY_NAME = {pair.name: pair for pair in PAIRS}


@pytest.fixture(scope="module")
def played() -> list[Played]:
    """The plays of this module, counted by the last test."""
    return []


def server_of(grounds: Databases) -> SimServer:
    name, ground = grounds.fresh()
    return SimServer(grounds, name, ground, World(ManualClock(START), SeededChance("interleaved")))


@pytest.fixture(scope="module")
def server(grounds: Databases) -> Iterator[SimServer]:
    made = server_of(grounds)
    yield made
    made.close()
    made.drop()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_order_is_as_one_after_the_other(server: SimServer, played: list[Played], pair: Pair) -> None:
    found = play(server, pair, ORDERS_MAX, by_statement=pair.name in BETWEEN_STATEMENTS)
    played.append(found)
    assert found.wrong == ()
    assert found.orders > 5


def test_a_thousand_orders_were_played(played: list[Played]) -> None:
    if len(played) < len(PAIRS):
        pytest.skip("not all pairs were played here")
    assert sum(one.orders for one in played) >= 1_000


@pytest.mark.parametrize(
    ("bug", "pair"),
    [("rows are not locked", "two saves of one record"), ("heads are not locked", "two saves of one person")],
)
def test_without_its_lock_some_order_is_wrong(grounds: Databases, bug: str, pair: str) -> None:
    with planting(LOCK_BUGS[bug]):
        server = server_of(grounds)
        try:
            assert play(server, BY_NAME[pair], 150).wrong
        finally:
            server.close()
            server.drop()
