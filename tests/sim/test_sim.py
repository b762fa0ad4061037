"""The laws under faults: pinned seeds, and the same trace twice, also under another hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.sim.conftest import Simulate

from fieldsync.sim.run import Plan

SEEDS = (30, 32)
STEPS = 100
COMMAND = [sys.executable, "-c", "from fieldsync.cli.main import main; main()", "sim"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_law_is_broken_whatever_is_lost_doubled_or_killed(simulate: Simulate, seed: int) -> None:
    report = simulate(Plan(seed, STEPS, devices=3))
    assert report.violations == ()
    assert report.saves > 50
    assert sum(report.faults.values()) > 15


def test_the_same_seed_gives_the_same_trace(simulate: Simulate) -> None:
    first, second = (simulate(Plan(7, 40, devices=2)) for _ in range(2))
    assert first.trace == second.trace
    assert first.faults == second.faults


def test_the_trace_does_not_depend_on_how_the_process_hashes() -> None:
    digests = [
        json.loads(
            subprocess.run(
                [*COMMAND, "--seed", "3", "--steps", "15", "--devices", "1", "--json"],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
        )["digest"]
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]
