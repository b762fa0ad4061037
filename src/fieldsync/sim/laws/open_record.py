"""L8: a record that somebody has open, or that has a pending or failed edit, never changes under him."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device import Record
from fieldsync.protocol.upload import Operation
from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.world import SimWorld


def check(device: SimDevice, before: Record, during: Record | None) -> Iterator[str]:
    """A sentence where an open record is not as it was when it was opened."""
    if during is None or before.values != during.values:
        yield f"L8: a record changed under its person on device {device.ordinal}"


def pending(world: SimWorld) -> Iterator[str]:
    """A sentence for every account and call that does not show what its person wrote and nobody has decided yet.

    What was written later, or deleted, and was taken away by an admin since, is shown on while the edit before it
    waits: a decision in the office changes nothing under a person. What is offered again to a restored server was
    decided before that: others may have written behind it, or the record left the route. That stays as it is.
    """
    for device in world.devices:
        offered = device.offered()
        for (name, record_id, column), (n, value) in _waiting(device).items():
            record = device.engine.get(name, record_id)
            shown = GONE if record is None else record.values.get(column)
            if n in offered:
                place = (device.ordinal, record_id, column, n)
                if world.offered_as.setdefault(place, shown) in (shown, GONE):
                    continue
            if shown != value and shown not in _decided_behind(world, device, (record_id, column, n)):
                what = "is gone under" if record is None else "does not show"
                yield f"L8: {world.name_of(record_id)} {what} its pending {column} on device {device.ordinal}"


GONE = object()


def _waiting(device: SimDevice) -> dict[tuple[str, RecordId, str], tuple[int, object]]:
    """What was written last and is not decided: by object, record and column, its queue number and the value."""
    found: dict[tuple[str, RecordId, str], tuple[int, object]] = {}
    for n, items in device.said().items():
        for item in items:
            if item.operation is Operation.DELETE:
                found = {place: what for place, what in found.items() if place[1] != item.id}
            elif item.object in ASKED:
                found |= {(item.object, item.id, c): (n, x.new) for c, x in item.changes.items() if c in ASKED_FIELDS}
    return found


ASKED, ASKED_FIELDS = ("Account", "Call"), (*FIELDS, "Notes")
DECIDED = """
SELECT r."Operation", r."Field_Values"::jsonb -> %(column)s ->> 'new'
FROM "Sync_Transaction_Record" r JOIN "Sync_Transaction" t ON t."Id" = r."Sync_TransactionId"
WHERE r."Record_Id" = %(id)s AND t."Queue_Number" > %(n)s AND t."Status" IN ('Canceled', 'Manual')
AND t."Device_Number" IN (SELECT number FROM _device_number
  WHERE key_hash = (SELECT key_hash FROM _device_number WHERE number = %(number)s))
"""


def _decided_behind(world: SimWorld, device: SimDevice, place: tuple[RecordId, str, int]) -> list[object]:
    """What its person wrote there later and somebody decided. A server that was restored has forgotten what: then it
    is everything of his that is neither waiting nor taken back by himself."""
    record_id, column, n = place
    rows = world.query(DECIDED, id=record_id, column=column, n=n, number=device.number)
    found = [GONE if operation == Operation.DELETE else value for operation, value in rows]
    if world.faults.struck[Fault.RESTORED]:
        behind = [save for save in device.saves if save.record == record_id and save.n > n]
        found += [(save.values or {}).get(column, GONE) for save in behind]
    return found
