"""Doing something on a device that may be killed, lose its power or have a full disk while it does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device import Device
from fieldsync.sim.device import SimDevice, promise
from fieldsync.sim.faults import Killed
from fieldsync.sim.world import SimWorld

Numbers = Sequence[int]
POINTS_OF_A_SAVE = (8, 8, 60)
"""A device that is struck in a save is so at one of so many next points: mostly before it commits, sometimes while or
after."""
Action = Callable[[SimWorld, SimDevice], None]


class Attempt:
    """Whether what was tried came to its end."""

    def __init__(self) -> None:
        self.done = False


@contextmanager
def danger(world: SimWorld, device: SimDevice, what: str, points_max: int = 8) -> Iterator[Attempt]:
    """The device may be struck in here. What is refused, or killed, says so in the trace and ends the block."""
    attempt = Attempt()
    world.faults.doom_device(points_max)
    try:
        yield attempt
        attempt.done = True
    except Killed as killed:
        world.faults.spare_device()
        world.trace.add("killed", device.ordinal, what, killed.fault)
        device.died(killed, world.chance)
    except Refused as refused:
        world.trace.add("refused-here", device.ordinal, what, refused.problem.code)
    finally:
        world.faults.spare_device()


def promised(
    world: SimWorld,
    device: SimDevice,
    kind: str,
    save: Callable[[], tuple[str, Numbers]],
    values: Mapping[str, str] | None = None,
) -> bool:
    """Run a save the device may die in. Only one that returned is owed to the person, with these values."""
    with danger(world, device, kind, POINTS_OF_A_SAVE[world.chance.below(len(POINTS_OF_A_SAVE))]) as attempt:
        record, numbers = save()
    if not attempt.done:
        return False
    promise(device, numbers, record, values)
    world.trace.add(kind, device.ordinal, len(numbers))
    return True


def new_mark(world: SimWorld, device: SimDevice) -> str:
    """A text that no other save carries."""
    world.marks += 1
    return f"mark-{device.ordinal}-{world.marks}"


def one_of(world: SimWorld, engine: Device, object_name: str) -> RecordId | None:
    """One of the records a device holds, in an order that is the same in every run."""
    found = engine.find(object_name, order_by="Id", limit=500)
    return found[world.chance.below(len(found))].id if found else None
