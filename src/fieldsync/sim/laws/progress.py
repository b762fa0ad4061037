"""L7: when all is well again, every queue empties and every device syncs, without a restart and by its own schedule.

And at any time: what is refused holds back what depends on it, and nothing else. Depends: what changes a record that
the refused save changes, or refers to one it makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.protocol.upload import Item, Operation
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
    world.clock.advance(limits.VIEW_LEASE_SECONDS)  # a page that was open when its process died
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


WENT_BY = """
SELECT first."Device_Number", first."Queue_Number", later."Queue_Number", a."Record_Id",
  first."CreatedDate" > later."CreatedDate"
FROM "Sync_Transaction" first JOIN "Sync_Transaction_Record" a ON a."Sync_TransactionId" = first."Id"
JOIN "Sync_Transaction_Record" b ON b."Record_Id" = a."Record_Id"
JOIN "Sync_Transaction" later ON later."Id" = b."Sync_TransactionId"
WHERE first."Status" = 'Failed' AND later."Status" = 'Success' AND first."Device_Number" = later."Device_Number"
AND first."Queue_Number" < later."Queue_Number" ORDER BY 1, 2, 3, 4
"""


def held_back(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that was decided though one before it, on which it depends, is refused.

    An older image of a device makes saves under numbers that were never sent: they come behind what the device had sent
    under higher ones.
    """
    if world.faults.struck[Fault.RESTORED]:
        return  # what does not fit after a restore is the admin's, and holds nothing back
    images = {f"device {device.ordinal}" for device in world.devices if device.images_restored}
    for number, n, later, record_id, came_behind in world.query(WENT_BY):
        who = world.ordinal_of(number)
        if came_behind and who in images:
            continue
        yield f"L7: save {later} of {who} went past its refused {n}, which changes {world.name_of(record_id)} too"
    for device in world.devices:
        yield from _refused_alone(device, _ended_since(world, device) if device.images_restored else frozenset())


ENDED = """
SELECT "Queue_Number" FROM "Sync_Transaction" WHERE "Status" IN ('Canceled', 'Manual')
AND "Device_Number" IN (SELECT number FROM _device_number
  WHERE key_hash = (SELECT key_hash FROM _device_number WHERE number = %(number)s))
"""


def _ended_since(world: SimWorld, device: SimDevice) -> frozenset[int]:
    """Refusals its person took back after the image that is there again: it shows them, and they hold back nothing."""
    return frozenset(int(n) for (n,) in world.query(ENDED, number=device.number))


WAITS = """
SELECT "Queue_Number" FROM "Sync_Transaction" WHERE "Device_Number" = %(number)s AND "Queue_Number" = ANY(%(ns)s)
AND "Status" IN ('Failed', 'Waiting', 'Retry') ORDER BY 1
"""


def let_go(world: SimWorld) -> Iterator[str]:
    """A sentence for every save its person took back long ago that the server still keeps for him to decide."""
    for device in world.devices if not world.faults.struck[Fault.RESTORED] else ():
        undone = [] if device.images_restored else device.taken_back()
        for (n,) in world.query(WAITS, number=device.number, ns=undone):
            yield f"L7: save {n} of device {device.ordinal} was taken back, and still waits on the server"


def _refused_alone(device: SimDevice, ended: frozenset[int]) -> Iterator[str]:
    said, refused = device.said(), {entry.n for entry in device.engine.errors() if entry.state == "failed"}
    for n in sorted(refused):
        before = next((m for m in sorted(refused - ended) if m < n and _depends(said[n], said[m])), None)
        if before is not None:
            yield f"L7: save {n} of device {device.ordinal} was refused for itself, and depends on the refused {before}"


def _depends(later: Sequence[Item], earlier: Sequence[Item]) -> bool:
    changed = {item.id for item in earlier}
    made = {item.id for item in earlier if item.operation is Operation.CREATE}
    return any(item.id in changed for item in later) or any(
        isinstance(change.new, str) and change.new in made for item in later for change in item.changes.values()
    )
