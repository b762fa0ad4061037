"""Fresh seeds for hours, and what they add up to: device-days, steps, faults of each kind, injected and survived.

A run goes on where the last one of the same code stopped, with seeds that were not run before; what other code did
stays beside it and is not added.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import msgspec

from fieldsync.base.world import SystemClock, instant
from fieldsync.sim.faults import Fault
from fieldsync.sim.ground import Databases
from fieldsync.sim.proof.code import commit, digest_of_code
from fieldsync.sim.proof.remembered import remembered_statements
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
    """What runs of one code did so far: of these seeds, each with so many steps and devices."""

    code: str
    """The hash of the product's sources."""
    commit: str
    seeds: tuple[tuple[int, int], ...]
    """First and last of each row of seeds."""
    steps_each: int
    devices: int
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


def begun(plan: Plan) -> Total:
    """Nothing yet, of the code as it is."""
    nothing = dict.fromkeys(map(str, Fault), 0)
    return Total(digest_of_code(), commit(), (), plan.steps, plan.devices, *(0,) * 5, 0.0, nothing, nothing, {}, (), "")


def goes_on(total: Total, plan: Plan) -> bool:
    """Whether what runs under this plan adds up with what is there."""
    return (total.code, total.steps_each, total.devices) == (digest_of_code(), plan.steps, plan.devices)


def upcoming(total: Total, seed: int) -> int:
    """The first seed from this one on that was not run."""
    for first, last in total.seeds:
        if first <= seed <= last:
            seed = last + 1
    return seed


def long_run(databases: Databases, folder: Path, plan: Plan, before: Total, *, seconds: float) -> Iterator[Total]:
    """Run seed after seed, from the plan's on, until the time is over; the total after each, with what was before."""
    clock = SystemClock()
    began, total = clock.steady(), before
    with remembered_statements():
        while total is before or clock.steady() - began < seconds:
            moment = clock.steady()
            one = msgspec.structs.replace(plan, seed=upcoming(total, plan.seed))
            report = attempt(databases, folder / str(one.seed), one)
            if one.seed % TWICE_EVERY == 0:
                report = compared(report, trace_elsewhere(one))
            total = added(total, report, clock.steady() - moment)
            yield total
    missing = [name for name, times in total.injected.items() if not times]
    if missing and total.device_days >= FAULTS_NEEDED_DAYS:
        never = Failed(total.seeds[-1][-1], (f"never injected: {', '.join(missing)}",))
        yield msgspec.structs.replace(total, failed=(*total.failed, never))


def attempt(databases: Databases, folder: Path, plan: Plan) -> Report:
    """A run; one that does not come to its end is a failed one, and the next seed goes on."""
    try:
        return run(databases, folder, plan)
    except BROKEN as broke:
        found = f"broke down: {type(broke).__name__}: {broke}"[:300]
        return Report(plan.seed, plan.steps, "", 0, 0, 0, {}, {}, (found,), ())


def trace_elsewhere(plan: Plan) -> tuple[str, ...]:
    """The trace of the same run in a process of its own, whose hashes are seeded otherwise; empty when it broke."""
    numbers = ("--seed", plan.seed, "--steps", plan.steps, "--devices", plan.devices)
    faults = ("--faults", ",".join(plan.faults) or "none")
    told = subprocess.run(
        [*COMMAND, *map(str, numbers), *faults, "--json", "--trace"],
        env={**os.environ, "PYTHONHASHSEED": str(1 + plan.seed)},
        stdout=subprocess.PIPE,
        check=False,
    ).stdout
    return tuple(msgspec.json.decode(told)["trace"]) if told else ()


def compared(report: Report, other: tuple[str, ...]) -> Report:
    """The report, with a violation where the other run's trace is another: it names the first lines that differ."""
    pairs = zip_longest(report.trace, other, fillvalue="nothing")
    differ = next(((here, there) for here, there in pairs if here != there), None)
    if differ is None:
        return report
    found = f"L11: the same seed gave another trace under another hash seed: {differ[0]!r}, and there {differ[1]!r}"
    return msgspec.structs.replace(report, violations=(*report.violations, found))


def added(total: Total, report: Report, seconds: float) -> Total:
    """A total with one more run. Pure but for the moment."""
    injected, survived, actions = Counter(total.injected), Counter(total.survived), Counter(total.actions)
    injected.update(report.faults)
    actions.update(report.actions)
    failed = total.failed
    if report.violations:
        failed = (*failed, Failed(report.seed, report.violations[:5]))
    else:
        survived.update(report.faults)
    return msgspec.structs.replace(
        total,
        seeds=_with_seed(total.seeds, report.seed),
        runs=total.runs + 1,
        steps=total.steps + report.steps,
        device_days=total.device_days + report.device_days,
        saves=total.saves + report.saves,
        kills=total.kills + report.kills,
        seconds=round(total.seconds + seconds, 1),
        injected=dict(injected),
        survived=dict(survived),
        actions=dict(sorted(actions.items())),
        failed=failed,
        ended_at=instant(SystemClock().now()),
    )


def _with_seed(seeds: tuple[tuple[int, int], ...], seed: int) -> tuple[tuple[int, int], ...]:
    """The rows of seeds with one more, which is in none of them."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((*seeds, (seed, seed))):
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)
