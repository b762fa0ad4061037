"""Fresh seeds for hours, and what they add up to: device-days, steps, faults of each kind, injected and survived."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fieldsync.base.world import SystemClock, instant
from fieldsync.sim.faults import Fault
from fieldsync.sim.ground import Databases
from fieldsync.sim.run import BROKEN, Plan, Report, run

TWICE_EVERY = 20
"""Every so many seeds a run is made twice, under two hash seeds: the traces have to be equal (law L11)."""
COMMAND = (sys.executable, "-c", "from fieldsync.cli.main import main; main()", "sim")
FAULTS_NEEDED_DAYS = 100
"""In a run of so many device-days every fault has to have struck."""


class Failed(msgspec.Struct, frozen=True):
    """A seed that broke a law."""

    seed: int
    violations: tuple[str, ...]


class Total(msgspec.Struct, frozen=True):
    """What a long run did so far."""

    first_seed: int
    last_seed: int
    runs: int
    steps: int
    device_days: int
    saves: int
    kills: int
    seconds: float
    injected: dict[str, int]
    survived: dict[str, int]
    """Faults of the runs that broke no law."""
    actions: dict[str, int]
    failed: tuple[Failed, ...]
    ended_at: str


def long_run(databases: Databases, folder: Path, plan: Plan, *, seconds: float) -> Iterator[Total]:
    """Run seed after seed, from the plan's on, until the time is over; the total after each."""
    clock = SystemClock()
    began = clock.steady()
    total: Total | None = None
    seed = plan.seed
    while total is None or clock.steady() - began < seconds:
        one = msgspec.structs.replace(plan, seed=seed)
        report = attempt(databases, folder / str(seed), one)
        if seed % TWICE_EVERY == 0:
            report = compared(report, digest_elsewhere(one))
        total = added(total, report, clock.steady() - began)
        yield total
        seed += 1
    missing = [name for name, times in total.injected.items() if not times]
    if missing and total.device_days >= FAULTS_NEEDED_DAYS:
        never = Failed(total.last_seed, (f"never injected: {', '.join(missing)}",))
        yield msgspec.structs.replace(total, failed=(*total.failed, never))


def attempt(databases: Databases, folder: Path, plan: Plan) -> Report:
    """A run; one that does not come to its end is a failed one, and the next seed goes on."""
    try:
        return run(databases, folder, plan)
    except BROKEN as broke:
        found = f"broke down: {type(broke).__name__}: {broke}"[:300]
        return Report(plan.seed, plan.steps, "", 0, 0, 0, {}, {}, (found,), ())


def digest_elsewhere(plan: Plan) -> str:
    """The digest of the same run in a process of its own, whose hashes are seeded otherwise; empty when it broke."""
    numbers = ("--seed", plan.seed, "--steps", plan.steps, "--devices", plan.devices)
    faults = ("--faults", ",".join(plan.faults) or "none")
    told = subprocess.run(
        [*COMMAND, *map(str, numbers), *faults, "--json"],
        env={**os.environ, "PYTHONHASHSEED": str(1 + plan.seed)},
        stdout=subprocess.PIPE,
        check=False,
    ).stdout
    return str(msgspec.json.decode(told)["digest"]) if told else ""


def compared(report: Report, digest: str) -> Report:
    """The report, with a violation where the other run's trace is another."""
    if report.digest == digest:
        return report
    found = "L11: the same seed gave another trace under another hash seed"
    return msgspec.structs.replace(report, violations=(*report.violations, found))


def added(total: Total | None, report: Report, seconds: float) -> Total:
    """A total with one more run. Pure but for the moment."""
    injected, survived, actions = (
        Counter({str(f): 0 for f in Fault}),
        Counter({str(f): 0 for f in Fault}),
        Counter[str](),
    )
    before = total or Total(report.seed, report.seed, 0, 0, 0, 0, 0, 0.0, {}, {}, {}, (), "")
    for counter, known in ((injected, before.injected), (survived, before.survived), (actions, before.actions)):
        counter.update(known)
    injected.update(report.faults)
    actions.update(report.actions)
    failed = before.failed
    if report.violations:
        failed = (*failed, Failed(report.seed, report.violations[:5]))
    else:
        survived.update(report.faults)
    return Total(
        first_seed=before.first_seed,
        last_seed=report.seed,
        runs=before.runs + 1,
        steps=before.steps + report.steps,
        device_days=before.device_days + report.device_days,
        saves=before.saves + report.saves,
        kills=before.kills + report.kills,
        seconds=round(seconds, 1),
        injected=dict(injected),
        survived=dict(survived),
        actions=dict(sorted(actions.items())),
        failed=failed,
        ended_at=instant(SystemClock().now()),
    )
