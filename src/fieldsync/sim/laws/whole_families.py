"""L5: nobody ever sees part of a family transaction: a call has all the details it was made with, or is not there.

Looked at on the server and on every device, at any time; calls whose details somebody added or removed are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fieldsync.sim.oracle import held_by
from fieldsync.sim.world import SimWorld


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every call with a part of its details."""
    calls = set(world.rows("Call"))
    details = Counter(str(row["CallId"]) for row in world.rows("Call_Discussion").values())
    yield from _incomplete(world, "the server", calls, details)
    yield from on_devices(world)


def on_devices(world: SimWorld) -> Iterator[str]:
    """The same, of devices alone."""
    for device in world.devices:
        calls = set(held_by(device, "Call"))
        details = Counter(str(row["CallId"]) for row in held_by(device, "Call_Discussion").values())
        yield from _incomplete(world, f"device {device.ordinal}", calls, details)


def _incomplete(world: SimWorld, where: str, calls: set[str], details: Counter[str]) -> Iterator[str]:
    for call, made in world.families.items():
        if call in calls and details[call] not in made:
            wanted = " or ".join(map(str, sorted(made)))
            yield f"L5: {world.name_of(call)} has {details[call]} of {wanted} details on {where}"
        if call not in calls and details[call]:
            yield f"L5: {details[call]} details of {world.name_of(call)} are on {where} without it"
