"""One run: draw an action, do it, look; at the end heal everything, let it settle, and ask every law."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.server.postgres.work import DatabaseError
from fieldsync.sim.actions.days import Days
from fieldsync.sim.actions.table import act, act_offline
from fieldsync.sim.actions.workloads import FIELD_DAY, MONTH_END, WORKLOADS
from fieldsync.sim.disk import StoreError
from fieldsync.sim.faults import Fault
from fieldsync.sim.ground import Databases
from fieldsync.sim.laws import (
    agreed_digest,
    convergence,
    exact_feed,
    first_save_wins,
    honest_status,
    isolation,
    no_double_effect,
    no_lost_edit,
    open_record,
    progress,
    whole_families,
)
from fieldsync.sim.world import SimWorld

LAWS = (
    no_lost_edit.check,
    no_lost_edit.told,
    no_lost_edit.effective,
    no_lost_edit.together,
    no_double_effect.check,
    no_double_effect.duplicated,
    convergence.check,
    convergence.pointed,
    convergence.came_back,
    isolation.check,
    whole_families.check,
    first_save_wins.check,
    first_save_wins.deletes,
    progress.held_back,
    progress.let_go,
    exact_feed.check,
    honest_status.check,
    agreed_digest.check,
)
"""Asked when all is well again; those of `ON_THE_WAY` after every so many steps too."""
ON_THE_WAY = (
    *(whole_families.on_devices, honest_status.check, open_record.pending, convergence.merged),
    *(no_lost_edit.together, progress.held_back, no_double_effect.duplicated),
    *(convergence.pointed, convergence.came_back),
)
LOOK_EVERY_STEPS = 10
JOBS_EVERY_STEPS = 4
BROKEN: tuple[type[Exception], ...] = (
    *(AssertionError, Refused, LookupError, TypeError, ValueError, RuntimeError),
    *(ExceptionGroup, DatabaseError, StoreError),
)
"""What a run that does not end in order ends with."""


class Plan(msgspec.Struct, frozen=True):
    """What to run. `without`: steps that are left out, for a trace that is as short as it can be."""

    seed: int
    steps: int
    devices: int = 4
    faults: tuple[Fault, ...] = tuple(Fault)
    without: frozenset[int] = frozenset()
    focus: tuple[str, ...] = ()
    """Actions that are chosen more often than people would."""
    workload: str = FIELD_DAY
    """One of `actions/workloads.py`."""


class Report(msgspec.Struct, frozen=True):
    """What a run found. Equal plans give equal digests."""

    seed: int
    steps: int
    digest: str
    saves: int
    kills: int
    device_days: int
    """Days of a device with at least 30 saves, an incremental and 5 faults."""
    faults: dict[str, int]
    actions: dict[str, int]
    violations: tuple[str, ...]
    trace: tuple[str, ...]


def run(databases: Databases, folder: Path, plan: Plan) -> Report:
    """Simulate a plan on a fresh database."""
    world = SimWorld(databases, folder, plan.seed, plan.devices)
    try:
        world.faults.chosen = frozenset(plan.faults)
        world.faults.begin()
        days = Days(world)
        for step in range(plan.steps):
            if step not in plan.without:
                _step(world, step, days, plan)
            if world.found:
                break
        days.end()
        world.faults.heal()
        violations = world.found or list(_at_the_end(world))
        for found in violations:
            world.trace.add("VIOLATION", found)
        return _report(world, plan, violations, days.counted)
    finally:
        world.close()


def _step(world: SimWorld, step: int, days: Days, plan: Plan) -> None:
    world.begin_step(step)
    if plan.workload == MONTH_END:
        act_offline(world, days)
    else:
        act(world, days, plan.focus or WORKLOADS[plan.workload])
    days.look()
    if step % JOBS_EVERY_STEPS == 0:
        world.server.do_jobs()
    if step % LOOK_EVERY_STEPS == 0:
        for law in ON_THE_WAY:
            for found in law(world):
                world.broken(found)


def _at_the_end(world: SimWorld) -> Iterator[str]:
    yield from progress.settle(world)
    yield from exact_feed.delivered(world)
    yield from progress.sync_all(world)
    for law in LAWS:
        yield from law(world)


def settle(world: SimWorld) -> Iterator[str]:
    """All is well again, and every device has synced: see `laws.progress`."""
    yield from progress.settle(world)
    yield from progress.sync_all(world)


def _report(world: SimWorld, plan: Plan, violations: list[str], days: int) -> Report:
    return Report(
        seed=plan.seed,
        steps=plan.steps,
        digest=world.trace.digest,
        saves=sum(len(device.saves) for device in world.devices),
        kills=sum(device.kills for device in world.devices),
        device_days=days,
        faults={str(fault): world.faults.struck[fault] for fault in Fault},
        actions=dict(sorted(world.did.items())),
        violations=tuple(violations),
        trace=tuple(world.trace.lines),
    )
