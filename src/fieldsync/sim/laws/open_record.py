"""L8: a record that somebody has open, or that has a pending or failed edit, never changes under him."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.ids import RecordId
from fieldsync.device import Record
from fieldsync.sim.device import SimDevice
from fieldsync.sim.world import SimWorld


def check(device: SimDevice, before: Record, during: Record | None) -> Iterator[str]:
    """A sentence where an open record is not as it was when it was opened."""
    if during is None or before.values != during.values:
        yield f"L8: a record changed under its person on device {device.ordinal}"


def pending(world: SimWorld) -> Iterator[str]:
    """A sentence for every account that does not show what its person wrote and nobody has decided yet."""
    for device in world.devices:
        wrote: dict[tuple[str, str], object] = {}
        for entry in (*device.engine.queue(), *device.engine.errors()):
            if entry.object == "Account" and len(entry.records) == 1:
                wrote |= {(entry.record_id, c.column): c.new for c in entry.content if c.operation == "update"}
        for (account, column), value in wrote.items():
            shown = device.engine.get("Account", RecordId(account))
            if shown is None or shown.values.get(column) in (
                value,
                *_written_behind(world, device, (account, column), value),
            ):
                continue
            if not _later(device, account, column, value):
                yield f"L8: {world.name_of(account)} does not show its pending {column} on device {device.ordinal}"


def _written_behind(world: SimWorld, device: SimDevice, place: tuple[str, str], value: object) -> list[object]:
    """What its person wrote there later. An admin may have decided that since: while an edit before it waits, the
    record shows it on, and is not changed under its person."""
    own = [one.after for one in world.wrote.get(("Account", *place), []) if one.device == device.ordinal]
    return own[own.index(value) + 1 :] if value in own else []


def _later(device: SimDevice, account: str, column: str, value: object) -> bool:
    """Whether another entry that waits has another value for it: the list of errors is not in the order of saves."""
    entries = (*device.engine.queue(), *device.engine.errors())
    return any(
        change.column == column and change.new != value
        for entry in entries
        if account in entry.records
        for change in entry.content
    )
