"""L1: a save that returned is on the server, in the device's queue, in its error list, or was undone by the person."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that is nowhere."""
    applied = {
        (number, int(n))
        for number, n in world.query(
            'SELECT "Device_Number", "Queue_Number" FROM "Sync_Transaction" WHERE "Status" = \'Success\''
        )
    }
    for device in world.devices:
        held = {entry.n for entry in device.engine.queue()} | {entry.n for entry in device.engine.errors()}
        undone = set(device.engine.undone()) | device.canceled_out
        for save in device.saves:
            if (save.number, save.n) not in applied and save.n not in held and save.n not in undone:
                yield f"L1: device {device.ordinal} save {save.n} is nowhere"
