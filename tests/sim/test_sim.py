"""The laws under faults: fixed seeds, the same trace twice, and a planted bug that must be caught."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from tests.conftest import Databases

from fieldsync.base.problems import Refused
from fieldsync.server.postgres.work import DatabaseError
from fieldsync.server.save.head import Identified
from fieldsync.sim.run import Report, run

SEEDS = range(20, 32)
STEPS = 250


def simulate(databases: Databases, folder: Path, seed: int, steps: int = STEPS) -> Report:
    name = databases.create()
    try:
        return run(databases.uri(name), folder / f"{seed}-{name}", seed=seed, steps=steps)
    finally:
        databases.drop(name)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_law_is_broken_whatever_is_lost_doubled_or_killed(databases: Databases, tmp_path: Path, seed: int) -> None:
    report = simulate(databases, tmp_path, seed)
    assert report.violations == ()
    assert report.saves > 30


def test_the_same_seed_gives_the_same_trace(databases: Databases, tmp_path: Path) -> None:
    first, second = (simulate(databases, tmp_path / part, 7) for part in ("a", "b"))
    assert first.trace == second.trace
    assert first.faults == second.faults
    assert simulate(databases, tmp_path / "c", 8).digest != first.digest


def test_a_server_that_forgets_its_receipts_is_caught(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug proves the provers: without receipts, a lost answer becomes a doubled save or a false fork."""
    from fieldsync.server.sync import upload

    async def forgetful(*args: object) -> Identified:
        incoming = args[-1]
        assert isinstance(incoming, tuple)
        return Identified(incoming, (), None)

    monkeypatch.setattr(upload, "identify", forgetful)
    broken: list[str] = []
    for seed in range(40, 43):
        with suppress(AssertionError, Refused, DatabaseError):
            broken += simulate(databases, tmp_path, seed).violations
            continue
        broken.append("the run broke down")
    assert broken
