"""L1: a save that returned is on the server, in the device's queue, in its error list, or was undone by the person.

What the server had and lost, because its backup is older, or a device because an older image of it was put back, no
part of the product could keep.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.device import SimDevice
from fieldsync.sim.world import SimWorld

APPLIED = """
SELECT "Device_Number", "Queue_Number" FROM "Sync_Transaction"
WHERE "Status" = 'Success' AND "Device_Number" IS NOT NULL
"""
OF_ONE_KEY = """
SELECT number FROM _device_number
WHERE key_hash = (SELECT key_hash FROM _device_number WHERE number = %(number)s)
"""


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that is nowhere."""
    applied = {(number, int(n)) for number, n in world.query(APPLIED)}
    for device in world.devices:
        numbers = _numbers(world, device)
        kept = {entry.n for entry in device.engine.queue()} | {entry.n for entry in device.engine.errors()}
        kept |= set(device.engine.undone()) | device.canceled_out
        for save in device.saves:
            if save.serial in device.lost or save.n in kept:
                continue
            if not any((number, save.n) in applied for number in numbers):
                yield f"L1: device {device.ordinal} save {save.n} is nowhere"


def _numbers(world: SimWorld, device: SimDevice) -> set[str]:
    """Every number the device ever had: after a fork it goes on under another."""
    found = world.query(OF_ONE_KEY, number=device.number)
    return {number for (number,) in found} | {save.number for save in device.saves}
