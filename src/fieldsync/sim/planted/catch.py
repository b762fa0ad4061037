"""Running with a planted bug until a law catches it, and saying which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import SystemClock
from fieldsync.sim.ground import Databases
from fieldsync.sim.planted.on_device import DEVICE_BUGS
from fieldsync.sim.planted.on_server import SERVER_BUGS
from fieldsync.sim.planted.patching import Planted, planting
from fieldsync.sim.run import BROKEN, Plan, run

BUGS: dict[str, Planted] = {bug.name: bug for bug in (*DEVICE_BUGS, *SERVER_BUGS)}
DAYS_MAX = 200
TRIES = 6


class Caught(msgspec.Struct, frozen=True):
    """What became of one bug. `law`: its short name, `broke down` for a run that did not end in order; empty: none."""

    name: str
    law: str
    found: str
    seed: int
    device_days: int
    seconds: float


def catch_all(databases: Databases, folder: Path, plan: Plan, name: str | None) -> Iterator[Caught]:
    """Each bug, or the one with this name, with its own seed first and then others. Raises Refused(NOT_FOUND)."""
    if name is not None and name not in BUGS:
        raise Refused(problem(Code.NOT_FOUND, object="planted bug", id=name))
    for place, bug in enumerate(BUGS.values() if name is None else (BUGS[name],)):
        yield catch(databases, folder / f"bug{place}", bug, tries=TRIES)


def catch(databases: Databases, folder: Path, bug: Planted, tries: int = 1) -> Caught:
    """Runs with the bug until it is caught: its pinned one, then the seeds behind it."""
    clock, days = SystemClock(), 0
    began = clock.steady()
    for seed in range(bug.seed, bug.seed + tries):
        plan = Plan(seed, bug.steps, bug.devices, focus=bug.focus)
        law, found, more = _run(databases, folder / str(seed), plan, bug)
        days += more
        if law or days > DAYS_MAX:
            return Caught(bug.name, law, found, seed, days, clock.steady() - began)
    return Caught(bug.name, "", "", bug.seed, days, clock.steady() - began)


def _run(databases: Databases, folder: Path, plan: Plan, bug: Planted) -> tuple[str, str, int]:
    with planting(bug):
        try:
            report = run(databases, folder, plan)
        except BROKEN as broke:
            return "broke down", f"{type(broke).__name__}: {broke}"[:200], 0
    if not report.violations:
        return "", "", report.device_days
    return report.violations[0].partition(":")[0], report.violations[0], report.device_days
