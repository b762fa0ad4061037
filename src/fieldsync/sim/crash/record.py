"""One device at work, and everything it asks of its disk: what it promised when, and what it may have let go since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.device.store.fresh import POINTER, current_file
from fieldsync.sim.device import SimDevice
from fieldsync.sim.disk import Op
from fieldsync.sim.ground import HOT
from fieldsync.sim.world import SimWorld

SYNC_EVERY, SEND_EVERY = 12, 4


@dataclass
class Recording:
    """What the folder held at first, and what was done to it since. Moments are counts of operations."""

    key: bytes
    base: dict[str, bytes]
    ops: list[Op] = field(default_factory=list)
    promised: dict[int, int] = field(default_factory=dict)
    """By queue number: when the save had returned."""
    left: dict[int, int] = field(default_factory=dict)
    """By queue number: when the step began after which it was not in the queue any more."""
    families: dict[str, int] = field(default_factory=dict)
    """By call: how many details it was made with."""


def recorded(world: SimWorld, device: SimDevice, saves: int) -> Recording:
    """Let the device's person work: calls with details, edits of the same accounts, uploads, syncs."""
    current = current_file(device.folder).name
    there = [device.folder / name for name in (current, f"{current}-wal", POINTER)]
    recording = Recording(device.key, {path.name: path.read_bytes() for path in there if path.exists()})
    device.disk.record = recording.ops
    for number in range(saves):
        with _noted(recording, device) as numbers:
            made = _call(recording, world, device, number) if number % 2 else _edit(world, device, number)
            numbers.extend(made)
        if number % SEND_EVERY == 0:
            device.engine.wake()
            with _noted(recording, device):
                device.engine.step()
        if number % SYNC_EVERY == SYNC_EVERY - 1:
            with _noted(recording, device):
                device.engine.sync()
    device.disk.record = None
    return recording


@contextmanager
def _noted(recording: Recording, device: SimDevice) -> Iterator[list[int]]:
    """What was promised in the block, and what left the queue in it."""
    began, before = len(recording.ops), _kept(device)
    numbers: list[int] = []
    yield numbers
    recording.promised |= dict.fromkeys(numbers, len(recording.ops))
    recording.left |= dict.fromkeys(before - _kept(device), began)


def _kept(device: SimDevice) -> set[int]:
    return {entry.n for entry in (*device.engine.queue(), *device.engine.errors())}


def _call(recording: Recording, world: SimWorld, device: SimDevice, number: int) -> tuple[int, ...]:
    account = world.accounts[number % HOT]
    with device.engine.edit() as edit:
        when = instant(device.clock.now())
        call: RecordId = edit.create("Call", {"AccountId": account, "Call_Date": when, "Notes": str(number)})
        for line in range(number % 4):
            edit.create("Call_Discussion", {"CallId": call, "Discussion": str(line)})
    recording.families[call] = number % 4
    return tuple(edit.queue_numbers)


def _edit(world: SimWorld, device: SimDevice, number: int) -> tuple[int, ...]:
    with device.engine.edit() as edit:
        edit.update("Account", world.accounts[number % HOT], {"Phone": f"{device.ordinal}-{number}"})
    return tuple(edit.queue_numbers)
