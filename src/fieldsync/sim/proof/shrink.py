"""Making a failing run as short as it can be: steps are left out, as many at once as possible, while it still fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from fieldsync.base.world import SystemClock
from fieldsync.sim.ground import Databases
from fieldsync.sim.run import Plan, Report, run

SECONDS_MAX = 600.0


def shrink(databases: Databases, folder: Path, plan: Plan, report: Report) -> tuple[Plan, Report]:
    """The shortest plan found in the time, and its report, which breaks a law that the first one broke."""
    laws = laws_of(report)
    shortest = report
    clock = SystemClock()
    deadline = clock.steady() + SECONDS_MAX
    tries = 0

    def fails(kept: list[int]) -> bool:
        nonlocal shortest, tries
        tries += 1
        if clock.steady() > deadline:
            return False
        found = run(databases, folder / f"shrink{tries}", _with(plan, kept))
        if laws & laws_of(found):
            shortest = found
            return True
        return False

    kept = shortened(list(range(plan.steps)), fails)
    return _with(plan, kept), shortest


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
