"""L3: with empty queues, after an incremental, a device holds what the server holds, field by field.

Records that are part of an unresolved error are left out: there the device shows what the person did.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.ids import RecordId
from fieldsync.sim.world import SimDevice, SimWorld

OBJECTS = ("Account", "Call", "Call_Discussion")


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every record that differs, is missing, or is too much."""
    for device in world.devices:
        disputed = _disputed(device)
        for object_name in OBJECTS:
            server = world.rows(object_name)
            local = {record.id: record for record in device.engine.find(object_name, order_by="Id", limit=1_000_000)}
            for record_id in sorted(server.keys() | local.keys()):
                if record_id in disputed:
                    continue
                difference = _difference(server.get(record_id), local.get(RecordId(record_id)))
                if difference:
                    yield f"L3: device {device.ordinal} {object_name} {difference}"


def _disputed(device: SimDevice) -> set[str]:
    """Every record of a family with an unresolved error."""
    roots = {record for entry in device.engine.errors() for record in entry.records}
    details = device.engine.find("Call_Discussion", order_by="Id", limit=1_000_000)
    return (
        roots
        | {d.id for d in details if d.values["CallId"] in roots}
        | {str(d.values["CallId"]) for d in details if d.id in roots}
    )


def _difference(server: dict[str, object] | None, local: object) -> str | None:
    if server is None:
        return "is on the device and not on the server" if local is not None else None
    if local is None:
        return "is on the server and not on the device"
    values = local.values  # type: ignore[attr-defined]
    fields = [name for name in values if values[name] != server[name]]
    return f"differs in {', '.join(fields)}" if fields else None
