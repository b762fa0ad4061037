"""The provers beside the simulator, each on a PostgreSQL of its own; their numbers are kept as they come."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.sim.crash.states import AS_SHIPPED, record_all, survive
from fieldsync.sim.ground import START, Databases
from fieldsync.sim.interleave.pairs import PAIRS
from fieldsync.sim.interleave.play import play
from fieldsync.sim.planted.catch import catch_all
from fieldsync.sim.planted.locks import LOCK_BUGS
from fieldsync.sim.planted.patching import planting
from fieldsync.sim.proof.numbers import Control, keep, keep_caught, keep_played
from fieldsync.sim.server import SimServer

STATES_OF_A_RUN, CONTROL_STATES = 5_000, 200
SAVES, CONTROL_SAVES = 21, 8
ORDERS_OF_A_CONTROL = 150


@contextmanager
def fresh_databases() -> Iterator[tuple[Databases, Path]]:
    """Databases of a PostgreSQL that ends with the block, and a folder that does."""
    with tempfile.TemporaryDirectory(prefix="fieldsync-proof-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with EmbeddedPostgres.start(folder / "postgres", settings={"autovacuum": "off"}) as postgres:
            yield Databases(postgres.uri), folder


@contextmanager
def fresh_server(databases: Databases) -> Iterator[SimServer]:
    """A server over a fresh copy of the ground."""
    name, ground = databases.fresh()
    server = SimServer(databases, name, ground, World(ManualClock(START), SeededChance("interleaved")))
    try:
        yield server
    finally:
        server.close()
        server.drop()


def run_orders(numbers: Path, orders_max: int, names: Sequence[str] = (), *, by_statement: bool) -> None:
    """Every order of these pairs; or of every one, and then with each lock left out."""
    with fresh_databases() as (databases, _):
        with fresh_server(databases) as server:
            for pair in PAIRS:
                if not names or pair.name in names:
                    keep_played(numbers, play(server, pair, orders_max, by_statement=by_statement))
        if names:
            return
        controls = []
        for bug in LOCK_BUGS.values():
            with planting(bug), fresh_server(databases) as server:
                found = (play(server, pair, ORDERS_OF_A_CONTROL).wrong for pair in PAIRS)
                controls.append(Control(bug.name, next((wrong[0] for wrong in found if wrong), "")))
        keep(numbers, order_controls=tuple(controls))


def run_crashes(numbers: Path, states: int) -> None:
    """So many states of the device as it is shipped, of a run each five thousand; and the controls."""
    with fresh_databases() as (databases, folder):
        found, controls = [], []
        for seed in range(1, 1 + -(-states // STATES_OF_A_RUN)):
            control_saves = CONTROL_SAVES if seed == 1 else 0
            recordings = record_all(databases, folder / f"run{seed}", seed, SAVES, control_saves)
            for name, recording in recordings.items():
                if name == AS_SHIPPED:
                    found.append(survive(name, recording, folder / "image", min(states, STATES_OF_A_RUN)))
                else:
                    controls.append(survive(name, recording, folder / "control", CONTROL_STATES))
            keep(numbers, crashes=tuple(found), crash_controls=tuple(controls))


def run_planted(numbers: Path, names: Sequence[str]) -> None:
    """These planted bugs, or every one, until a law catches it."""
    with fresh_databases() as (databases, folder):
        for caught in catch_all(databases, folder, names):
            keep_caught(numbers, caught)
