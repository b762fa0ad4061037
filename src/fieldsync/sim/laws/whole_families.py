"""L5: nobody ever sees part of a family transaction: a call has all the details it was made with, or is not there.

Looked at on the server and on every device, at any time; calls whose details somebody added or removed are left out.
Who does that writes another mark into the call by the same save: so a call that still has the mark it was made with has
the details it was made with, whatever its id is by now, also behind a fork.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fieldsync.sim.oracle import held_by
from fieldsync.sim.world import SimWorld

Rows = Mapping[str, Mapping[str, Any]]


def check(world: SimWorld) -> Iterator[str]:
    """A sentence for every call with a part of its details."""
    yield from _incomplete(world, "the server", world.rows("Call"), world.rows("Call_Discussion"))
    for device in world.devices:
        held = held_by(device, "Call"), held_by(device, "Call_Discussion")
        yield from _incomplete(world, f"device {device.ordinal}", *held)


def on_devices(world: SimWorld) -> Iterator[str]:
    """The same on the way, of devices alone.

    Details that a restored server lost are on a device until its next sync (DESIGN 5: it lists what it has from the
    fork on, and what is not there any more is removed); what they were added by may be taken back there before. So
    until then a call may have those or not, and none but those.
    """
    some = any(device.unheard for device in world.devices)
    known = {i for (i,) in world.query(KNOWN)} if some else frozenset[str]()
    for device in world.devices:
        held = held_by(device, "Call"), held_by(device, "Call_Discussion")
        yield from _incomplete(world, f"device {device.ordinal}", *held, device.unheard - known)


KNOWN = """
SELECT "Id" FROM "Call_Discussion"
"""


def _incomplete(
    world: SimWorld, where: str, calls: Rows, lines: Rows, lost: Collection[str] = frozenset()
) -> Iterator[str]:
    details = Counter(str(row["CallId"]) for row in lines.values())
    sure = Counter(str(row["CallId"]) for i, row in lines.items() if i not in lost)
    for call, made in world.families.items():
        if call not in calls:
            if sure[call]:
                yield f"L5: {details[call]} details of {world.name_of(call)} are on {where} without it"
            continue
        whole = _whole(made, calls[call].get("Notes"))
        if whole.isdisjoint((details[call], sure[call])):
            wanted = " or ".join(map(str, sorted(whole)))
            yield f"L5: {world.name_of(call)} has {details[call]} of {wanted} details on {where}"
    for call, row in calls.items():
        made_with = world.lines.get(str(row.get("Notes")))
        if made_with is None or call in world.families or row.get("Original_CallId"):
            continue  # a duplicate has what was edited, and no more
        if made_with not in (details[call], sure[call]):
            yield f"L5: {world.name_of(call)} has {details[call]} of {made_with} details on {where}, by its mark"


def _whole(made: Mapping[str, int], notes: object) -> set[int]:
    """How many details a call has that is whole.

    An older image gives its ids again until it is told; then the call is one of the two, and never of both. Which one
    it is, its mark says, as long as nobody wrote another into it.
    """
    return {made[notes]} if isinstance(notes, str) and notes in made else set(made.values())
