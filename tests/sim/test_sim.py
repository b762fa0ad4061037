"""The laws under faults: pinned seeds, and the same trace twice, also under another hash seed."""

from __future__ import annotations

import pytest
from tests.sim.conftest import Simulate

from fieldsync.sim.actions.workloads import MONTH_END
from fieldsync.sim.proof.long_run import compared, trace_elsewhere
from fieldsync.sim.run import Plan, Report

SEEDS = (30, 32)
STEPS = 100


@pytest.mark.parametrize("seed", SEEDS)
def test_no_law_is_broken_whatever_is_lost_doubled_or_killed(simulate: Simulate, seed: int) -> None:
    report = simulate(Plan(seed, STEPS, devices=3))
    assert report.violations == ()
    assert report.saves > 50
    assert sum(report.faults.values()) > 15


def test_a_queue_of_the_months_end_goes_up_when_everybody_is_online_again(simulate: Simulate) -> None:
    report = simulate(Plan(3, 40, devices=2, workload=MONTH_END))
    assert report.violations == ()
    assert report.saves > 100


def test_the_same_seed_gives_the_same_trace_whatever_process_runs_it(simulate: Simulate) -> None:
    """The other has done nothing before, and seeds its hashes otherwise."""
    plan = Plan(7, 40, devices=2)
    assert simulate(plan).trace == trace_elsewhere(plan)


def test_another_trace_is_told_by_the_first_lines_that_differ() -> None:
    report = Report(7, 2, "", 0, 0, 0, {}, {}, (), ("000000 call 1", "000001 step 1"))
    assert compared(report, report.trace) == report
    for other, there in ((("000000 call 1", "000001 step 0"), "000001 step 0"), (("000000 call 1",), "nothing")):
        [found] = compared(report, other).violations
        assert found.endswith(f"'000001 step 1', and there '{there}'")
