"""One run: draw an action, do it, look; at the end heal everything, let it settle, and ask every law."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.sim import actions
from fieldsync.sim.laws import agreed_digest, convergence, no_double_effect, no_lost_edit
from fieldsync.sim.world import SimDevice, SimWorld

LAWS = (no_lost_edit.check, no_double_effect.check, convergence.check, agreed_digest.check)
SETTLE_ROUNDS_MAX = 200


class Report(msgspec.Struct, frozen=True):
    """What a run found. Equal seeds and steps give equal digests."""

    seed: int
    steps: int
    digest: str
    saves: int
    kills: int
    faults: dict[str, int]
    violations: tuple[str, ...]
    trace: tuple[str, ...]


def run(uri: str, folder: Path, *, seed: int, steps: int, devices: int = 3) -> Report:
    """Simulate `steps` actions on a fresh database at `uri`."""
    world = SimWorld(uri, folder, seed, devices)
    try:
        for _ in range(steps):
            device = world.devices[world.chance.below(len(world.devices))]
            actions.choose(world)(world, device)
        world.faults.heal()
        violations = [*settle(world), *(found for law in LAWS for found in law(world))]
        for found in violations:
            world.trace.add("VIOLATION", found)
        return _report(world, seed, steps, violations)
    finally:
        world.close()


def settle(world: SimWorld) -> Iterator[str]:
    """Network back, queues empty, two polls and an incremental each (law L7: without a restart)."""
    for device in world.devices:
        device.transport.connected = True
    for device in world.devices:
        yield from _drain(world, device)
    for device in (*world.devices, *world.devices):
        try:
            device.engine.sync()
        except Refused as refused:
            yield f"L7: device {device.ordinal} cannot sync although all is well: {refused.problem.message}"


def _drain(world: SimWorld, device: SimDevice) -> Iterator[str]:
    for _ in range(SETTLE_ROUNDS_MAX):
        if not device.engine.queue():
            return
        world.clock.advance(400)
        device.engine.step()
    yield f"L7: device {device.ordinal} still has {len(device.engine.queue())} entries to send although all is well"


def _report(world: SimWorld, seed: int, steps: int, violations: list[str]) -> Report:
    struck = Counter({str(fault): times for fault, times in world.faults.struck.items()})
    return Report(
        seed=seed,
        steps=steps,
        digest=world.trace.digest,
        saves=sum(len(device.saves) for device in world.devices),
        kills=sum(device.kills for device in world.devices),
        faults=dict(sorted(struck.items())),
        violations=tuple(violations),
        trace=tuple(world.trace.lines),
    )
