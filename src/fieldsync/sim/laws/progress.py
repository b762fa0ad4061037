"""L7: when all is well again, every queue empties and every device syncs, without a restart and by its own schedule."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.world import SimWorld

ROUNDS_MAX = 300
SECONDS_MAX = 3_600.0
"""A queue that waits longer than that for its next attempt, with nobody asking it to, does not progress."""


def settle(world: SimWorld) -> Iterator[str]:
    """Network back, clocks right, connections whole, queues empty, every feed read."""
    world.server.mend_connections()
    for device in world.devices:
        device.transport.connected = True
        device.clock.skew_seconds = 0.0
    for device in world.devices:
        yield from drain(world, device)
    for device in world.devices:  # who had nothing to send is told of a restore here, and offers what he has
        poll(world, device)
    if world.faults.struck[Fault.RESTORED]:
        world.clock.advance(limits.RECOVERY_WINDOW_MINUTES * 60.0)
    world.server.do_jobs()
    for device in world.devices:
        poll(world, device)


def sync_all(world: SimWorld) -> Iterator[str]:
    """An incremental each, twice: the first may bring what changes another device's."""
    for device in (*world.devices, *world.devices):
        yield from _synced(device)


def poll(world: SimWorld, device: SimDevice) -> None:
    """Let the device look for news until there are none."""
    device.engine.wake()
    for _ in range(ROUNDS_MAX):
        again = _step(device)
        if again is None or again > 1.0:
            return
        world.clock.advance(again)


def drain(world: SimWorld, device: SimDevice) -> Iterator[str]:
    """Let the device do what it wants to do, when it wants to, until nothing waits."""
    for _ in range(ROUNDS_MAX):
        again = _step(device)
        if not any(entry.state != "accepted" for entry in device.engine.queue()):
            return
        if again is None or again > SECONDS_MAX:
            yield f"L7: device {device.ordinal} has work to do and nothing scheduled"
            return
        world.clock.advance(again)
    waiting = [str(entry.state) for entry in device.engine.queue()]
    yield f"L7: device {device.ordinal} still has {len(waiting)} entries ({waiting[0]} first) although all is well"


def _step(device: SimDevice) -> float | None:
    """A piece of its work; where the server asks who is there, its person gives the password and it goes on."""
    again = device.engine.step()
    if not device.engine.widget().signed_out:
        return again
    device.sign_in()
    return device.engine.step()


def _synced(device: SimDevice) -> Iterator[str]:
    try:
        device.engine.sync()
    except Refused as refused:
        yield f"L7: device {device.ordinal} cannot sync although all is well: {refused.problem.message}"
