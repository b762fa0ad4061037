"""Databases for simulated runs: the ground is made once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.sim.ground import Databases
from fieldsync.sim.run import Plan, Report, run

Simulate = Callable[[Plan], Report]


@pytest.fixture(scope="session")
def grounds(postgres: EmbeddedPostgres) -> Databases:
    """Copies of the org that runs begin with."""
    return Databases(postgres.uri)


@pytest.fixture
def simulate(grounds: Databases, tmp_path: Path) -> Simulate:
    """`simulate(plan)`: a run in a folder and a database of its own."""
    runs: list[int] = []

    def one(plan: Plan) -> Report:
        runs.append(plan.seed)
        return run(grounds, tmp_path / str(len(runs)), plan)

    return one
