"""Runs that fail are made short, and no longer than there is time for."""

from __future__ import annotations

from pathlib import Path

from fieldsync.sim.ground import Databases
from fieldsync.sim.proof.shrink import shortened, shrink
from fieldsync.sim.run import Plan, Report


def test_of_many_steps_those_are_left_that_it_takes() -> None:
    needed = {3, 17, 29}
    assert shortened(list(range(40)), lambda kept: needed <= set(kept)) == sorted(needed)


def test_without_time_the_run_stays_as_it_was_and_says_so(grounds: Databases, tmp_path: Path) -> None:
    plan = Plan(1, 500, devices=2)
    report = Report(1, 500, "", 0, 0, 0, {}, {}, ("L1: a save is nowhere",), ())
    assert shrink(grounds, tmp_path, plan, report, minutes=0.0) == (plan, report, False)
    assert list(tmp_path.iterdir()) == [], "no run was begun"
