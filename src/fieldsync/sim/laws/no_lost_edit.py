"""L1: a save that returned is on the server, in the device's queue, in its error list, or was undone by the person.

What the server had and lost, because its backup is older, devices offer again. What a device lost, because an older
image of it was put back, no part of the product could keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.sim.actions.saving import FIELDS
from fieldsync.sim.device import SimDevice
from fieldsync.sim.ground import REFUSED_PHONE
from fieldsync.sim.world import SimWorld

WRITTEN = """
SELECT t."Device_Number", r."Record_Id", f.key, f.value ->> 'new'
FROM "Sync_Transaction_Record" r JOIN "Sync_Transaction" t ON t."Id" = r."Sync_TransactionId",
LATERAL jsonb_each(r."Field_Values"::jsonb) f
WHERE t."Status" = 'Success' AND t."Device_Number" IS NOT NULL AND r."Object_Name" = 'Account'
AND r."Operation" = 'update' AND f.key = ANY(%(columns)s) AND f.value ->> 'new' LIKE 'mark-%%'
AND t."CreatedDate" > (SELECT max("CreatedDate") FROM "Sync_Transaction") - interval '30 days'
ORDER BY 4
"""
IN_RECOVERY = """
SELECT "Device_Number", "Queue_Number" FROM "Sync_Transaction"
WHERE "Offered_Again" IS NOT NULL AND "Device_Number" IS NOT NULL
"""
"""Saves that a restored server was offered again: those that did not fit any more, an admin has in his list."""
HAD = "SELECT old ->> %(column)s FROM _change WHERE id = ANY(%(ids)s) AND jsonb_exists(old, %(column)s)"
JOURNALED = """
SELECT t."Device_Number", t."Queue_Number", r."Operation", f.key, f.value ->> 'new'
FROM "Sync_Transaction" t JOIN "Sync_Transaction_Record" r ON t."Id" = r."Sync_TransactionId"
LEFT JOIN LATERAL jsonb_each(r."Field_Values"::jsonb) f ON TRUE
WHERE t."Status" = 'Success' AND t."Device_Number" IS NOT NULL ORDER BY 1, 2, 3, 4, 5
"""
OF_ONE_KEY = """
SELECT number FROM _device_number
WHERE key_hash = (SELECT key_hash FROM _device_number WHERE number = %(number)s)
"""


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that is nowhere."""
    on_server = world.note_success() | {(number, int(n)) for number, n in world.query(IN_RECOVERY)}
    for device in world.devices:
        numbers = _numbers(world, device)
        kept = {entry.n for entry in device.engine.queue()} | {entry.n for entry in device.engine.errors()}
        kept |= set(device.engine.undone()) | device.canceled_out
        for save in device.saves:
            if save.serial in device.lost or save.n in kept:
                continue
            if not any((number, save.n) in on_server for number in numbers):
                yield f"L1: device {device.ordinal} save {save.n} is nowhere"


def told(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that waits, or is called a success, without a value its person wrote.

    A save in which the device died may be there all the same, folded into the one before it: a later mark of the same
    person in the same field is as good. What was deleted behind it says nothing any more.
    """
    journaled: dict[tuple[str, int], list[Said]] = {}
    for number, n, operation, column, value in world.query(JOURNALED):
        journaled.setdefault((number, int(n)), []).append((operation, column, value))
    for device in world.devices:
        numbers, here = _numbers(world, device), device.said()
        taken_back = set(device.engine.undone()) | device.canceled_out
        for n, values in _written(device).items():
            if n in taken_back:
                continue
            kept = _content(here.get(n, ()))
            if n not in here:
                kept = [said for number in sorted(numbers) for said in journaled.get((number, n), ())]
            if not kept or any(operation == Operation.DELETE for operation, _, _ in kept):
                continue
            for (record, column), value in values.items():
                if not any(c == column and _as_late(x, value) for _, c, x in kept):
                    yield f"L1: {value} of device {device.ordinal} in {world.name_of(record)} is kept without its value"


def together(world: SimWorld) -> Iterator[str]:
    """A sentence for every record that a device shows otherwise than the server, with nothing in its queue that says so
    and nobody who has it open: it would never be sent."""
    for device in world.devices:
        for record_id in device.changed_for_nothing():
            yield f"L1: {world.name_of(record_id)} is changed on device {device.ordinal}, and no entry says so"


Said = tuple[str, str | None, object]
NOTHING: Mapping[str, Change] = {"": Change(None, None)}
"""Of an item that says nothing: it is there all the same."""


def _content(items: Iterable[Item]) -> list[Said]:
    return [(i.operation, column, change.new) for i in items for column, change in (i.changes or NOTHING).items()]


def _written(device: SimDevice) -> dict[int, dict[tuple[str, str], str]]:
    """By queue number, record and column: the mark that was written last."""
    found: dict[int, dict[tuple[str, str], str]] = {}
    for save in device.saves:
        values = found.setdefault(save.n, {})
        if save.values is None:
            for place in [place for place in values if place[0] == save.record]:
                del values[place]
        elif save.serial not in device.lost:
            values |= {(save.record, column): value for column, value in save.values.items()}
    return {n: {p: v for p, v in values.items() if v.startswith(MARK)} for n, values in found.items()}


MARK = "mark-"


def _as_late(value: object, mark: str) -> bool:
    """Whether a value is this mark or a later one of the same device."""
    if not isinstance(value, str) or not value.startswith(MARK):
        return value == REFUSED_PHONE  # it is written again and again, and has no place among the others
    (_, device, place), (_, of, at) = value.split("-"), mark.split("-")
    return device == of and int(place) >= int(at)


def effective(world: SimWorld) -> Iterator[str]:
    """A sentence for every value of a save that is called a success and that its field never had."""
    for number, record, column, value in world.query(WRITTEN, columns=list(FIELDS)):
        account = world.merged.get(record, record)
        had = {old for (old,) in world.query(HAD, column=column, ids=[record, account])}
        now = world.rows("Account").get(account, {}).get(column)
        if record == account and value not in had and value != now:
            yield f"L1: {value} of {world.ordinal_of(number)} was saved, and {world.name_of(record)} never had it"


def _numbers(world: SimWorld, device: SimDevice) -> set[str]:
    """Every number the device ever had: after a fork it goes on under another."""
    found = world.query(OF_ONE_KEY, number=device.number)
    return {number for (number,) in found} | {save.number for save in device.saves}
