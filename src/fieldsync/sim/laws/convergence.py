"""L3: with empty queues, after an incremental, a device holds what its user may see and its rules select, as it is.

Records that are part of an unresolved error are left out: there the device shows what the person did.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.problems import Code
from fieldsync.sim.faults import Fault
from fieldsync.sim.oracle import OBJECTS, Oracle, Row, disputed, held_by
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every record that differs, is missing, or is too much."""
    oracle = Oracle(world)
    for device in world.devices:
        wanted, left_out = oracle.selected(device.person), disputed(device, oracle)
        for name in OBJECTS:
            held = held_by(device, name)
            for record_id in sorted(wanted[name].keys() | held.keys()):
                if record_id in left_out:
                    continue
                difference = _difference(wanted[name].get(record_id), held.get(record_id), oracle.rows[name], record_id)
                if difference:
                    yield f"L3: device {device.ordinal} {name}: {world.name_of(record_id)} {difference}"


def merged(world: SimWorld) -> Iterator[str]:
    """A sentence for every row that names an account whose device was told that it is another one now."""
    for device in world.devices:
        for name in ("Call", "Order") if device.followed else ():
            for record_id, row in held_by(device, name).items():
                if row["AccountId"] in device.followed:
                    what = f"{name}: {world.name_of(record_id)}"
                    yield f"L3: device {device.ordinal} {what} names an account that became another"


def pointed(world: SimWorld) -> Iterator[str]:
    """A sentence for every save that was refused because the account it names is another one now, which its person may
    read: it was to reach that one. Asked as soon as the refusal is seen, and where he could read it before that too:
    who comes to read it later was refused rightly."""
    if not world.merged or world.faults.struck[Fault.RESTORED]:
        return
    oracle = Oracle(world)
    for device in world.devices:
        readable = set(oracle.readable(device.person)["Account"])
        before, device.readable = device.readable & readable, readable
        for entry in device.engine.errors():
            if entry.n in device.refused:
                continue
            device.refused.add(entry.n)
            missing = [one for one in entry.problems if one.code in MISSING]
            named = {str(name) for one in missing for name in (one.id, *one.details.values())}
            if any(winner(world, lost) in before for lost in named & world.merged.keys()):
                yield f"L3: save {entry.n} of device {device.ordinal} was refused: its account became another"


MISSING = (Code.NOT_FOUND, Code.ENTITY_DELETED, Code.INVALID_REF)


def winner(world: SimWorld, account: str) -> str:
    """Which account it is by now."""
    while account in world.merged:
        account = world.merged[account]
    return account


def came_back(world: SimWorld) -> Iterator[str]:
    """A sentence for every call that was saved and has no number on its device: the answer was to bring what the server
    made of it. A family of which it brought a part waits for the next sync as it is."""
    for device in world.devices:
        waiting = {item.id for items in device.said().values() for item in items} | device.partial()
        for call, row in held_by(device, "Call").items():
            if row["Name"] is None and call not in waiting:
                yield f"L3: {world.name_of(call)} was saved, and device {device.ordinal} does not show its number"


def _difference(wanted: Row | None, held: Row | None, rows: dict[str, Row], record_id: str) -> str | None:
    if wanted is None:
        gone = held is not None and record_id not in rows
        return "is on the device and not on the server" if gone else None
    if held is None:
        return "is on the server and not on the device"
    fields = [column for column in held if column in wanted and held[column] != wanted[column]]
    return f"differs in {', '.join(fields)}" if fields else None
