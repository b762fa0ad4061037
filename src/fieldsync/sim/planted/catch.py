"""Running with a planted bug until a law catches it, and saying which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
TRIES = 40
BROKE_DOWN = "broke down"


class Caught(msgspec.Struct, frozen=True):
    """What became of one bug. `law`: its short name; `broke down` where no run broke a law and one did not end in
    order; empty where nothing was found. `device_days`: of all runs until then."""

    name: str
    law: str
    found: str
    seed: int
    device_days: int
    seconds: float

    @property
    def by_law(self) -> bool:
        """Whether a law caught it, in time."""
        return self.law not in ("", BROKE_DOWN) and self.device_days <= DAYS_MAX


def catch_all(databases: Databases, folder: Path, names: Sequence[str]) -> Iterator[Caught]:
    """Each of these bugs, or every one, with its own seed first and then others. Raises Refused(NOT_FOUND)."""
    for name in names:
        if name not in BUGS:
            raise Refused(problem(Code.NOT_FOUND, object="planted bug", id=name))
    for place, name in enumerate(names or BUGS):
        yield catch(databases, folder / f"bug{place}", BUGS[name], tries=TRIES)


def catch(databases: Databases, folder: Path, bug: Planted, tries: int = 1) -> Caught:
    """Runs with the bug until a law catches it: its pinned one, then the seeds behind it, for so many device-days."""
    clock, days = SystemClock(), 0
    began = clock.steady()
    found = Caught(bug.name, "", "", bug.seed, 0, 0.0)
    for seed in range(bug.seed, bug.seed + tries):
        plan = Plan(seed, bug.steps, bug.devices, focus=bug.focus)
        law, told, more = _run(databases, folder / str(seed), plan, bug)
        days += more
        if (law and not found.law) or law not in ("", BROKE_DOWN):
            found = Caught(bug.name, law, told, seed, days, 0.0)
        if found.by_law or days > DAYS_MAX:
            break
    return msgspec.structs.replace(found, device_days=days, seconds=round(clock.steady() - began, 1))


def _run(databases: Databases, folder: Path, plan: Plan, bug: Planted) -> tuple[str, str, int]:
    with planting(bug):
        try:
            report = run(databases, folder, plan)
        except BROKEN as broke:
            return BROKE_DOWN, f"{type(broke).__name__}: {broke}"[:200], 0
    if not report.violations:
        return "", "", report.device_days
    return report.violations[0].partition(":")[0], report.violations[0], report.device_days


def verdict(caught: Sequence[Caught]) -> str:
    """One sentence of them all. Pure."""
    by_law = sum(one.by_law for one in caught)
    return f"{by_law} of {len(caught)} planted bugs were caught by a law within {DAYS_MAX} device-days"
