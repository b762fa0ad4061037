"""Making a failing run short: steps are left out, as many at once as possible, while it fails and time is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from fieldsync.base.world import SystemClock
from fieldsync.sim.ground import Databases
from fieldsync.sim.run import Plan, Report, run


class OutOfTime(Exception):
    """The time for shorter runs is over."""


class Shrunk(NamedTuple):
    """The shortest plan that was found, its report, and whether nothing shorter was left to try."""

    plan: Plan
    report: Report
    complete: bool


def shrink(databases: Databases, folder: Path, plan: Plan, report: Report, *, minutes: float) -> Shrunk:
    """The shortest plan found in the time; its report breaks a law that the first one broke. The run that is going on
    when the time is over comes to its end."""
    laws = laws_of(report)
    shortest, kept = report, list(range(plan.steps))
    clock = SystemClock()
    deadline = clock.steady() + minutes * 60
    tries = 0

    def fails(fewer: list[int]) -> bool:
        nonlocal shortest, tries, kept
        if clock.steady() >= deadline:
            raise OutOfTime
        tries += 1
        found = run(databases, folder / f"shrink{tries}", _with(plan, fewer))
        if laws & laws_of(found):
            shortest, kept = found, fewer
            return True
        return False

    try:
        shortened(kept, fails)
    except OutOfTime:
        return Shrunk(_with(plan, kept), shortest, complete=False)
    return Shrunk(_with(plan, kept), shortest, complete=True)


def laws_of(report: Report) -> set[str]:
    """The laws a run broke, by their short names."""
    return {found.partition(":")[0] for found in report.violations}


def _with(plan: Plan, kept: list[int]) -> Plan:
    return msgspec.structs.replace(plan, without=frozenset(range(plan.steps)) - frozenset(kept))


def shortened(steps: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """Steps that are enough to fail: pieces are left out, in halves first, then smaller. Pure but for `fails`."""
    size = max(1, len(steps) // 2)
    while True:
        smaller = False
        start = 0
        while start < len(steps):
            rest = steps[:start] + steps[start + size :]
            if rest and fails(rest):
                steps, smaller = rest, True
            else:
                start += size
        if size == 1 and not smaller:
            return steps
        if not smaller:
            size = max(1, size // 2)
