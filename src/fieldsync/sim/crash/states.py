"""Every state a power loss can leave a device in, opened as the product opens it: nothing saved is missing (I2, L5).

Controls are the same device with settings that are known to lose what they acknowledged: the proof has to see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.base.world import SeededChance, SystemClock
from fieldsync.device.store.connect import connect
from fieldsync.device.store.fresh import current_file
from fieldsync.device.store.work import Work
from fieldsync.sim.crash.image import Files, Pattern
from fieldsync.sim.crash.record import Recording, recorded
from fieldsync.sim.disk import StoreError
from fieldsync.sim.ground import Databases
from fieldsync.sim.planted.patching import Patch, Planted, planting
from fieldsync.sim.world import SimWorld

PATTERNS = (Pattern.NOTHING, Pattern.EVERYTHING, Pattern.SOMETHING, Pattern.SOMETHING)


BLOCK_BYTES = 65_536
WHOLE_EVERY = 5
"""So often every page of a state is read; each page that a question reads is authenticated in all of them."""


class Survived(msgspec.Struct, frozen=True):
    """What became of a device's states. `wrong`: how many lost or tore something; `first`: what the first one did."""

    name: str
    states: int
    operations: int
    wrong: int
    first: str
    seconds: float


def _with(**pragmas: str) -> Any:
    def broken(right: Any) -> Any:
        def make(connection: Any) -> None:
            right(connection)
            for name, value in pragmas.items():
                connection.pragma(name, value)

        return make

    return broken


CONTROLS = tuple(
    Planted(name, (Patch("device.store.store:make_durable", _with(**pragmas)),))
    for name, pragmas in (
        ("WAL, synchronous NORMAL", {"synchronous": "normal"}),
        ("DELETE, synchronous FULL", {"journal_mode": "delete", "synchronous": "full"}),
        ("WAL, synchronous OFF", {"synchronous": "off"}),
    )
)
AS_SHIPPED = "as shipped"


def record_all(databases: Databases, folder: Path, seed: int, saves: int, control_saves: int) -> dict[str, Recording]:
    """The product's device at work, and one for each control, by name."""
    world = SimWorld(databases, folder, seed, 1)
    try:
        found = {AS_SHIPPED: recorded(world, world.devices[0], saves)}
        for place, control in enumerate(CONTROLS, 1) if control_saves else ():
            with planting(control):
                world.devices.append(world.device(place))
                found[control.name] = recorded(world, world.devices[-1], control_saves)
        return found
    finally:
        world.close()


def survive(name: str, recording: Recording, folder: Path, states_max: int) -> Survived:
    """Open states of a recording, evenly chosen where there are more, and say what is wrong with them."""
    clock = SystemClock()
    began = clock.steady()
    folder.mkdir(parents=True, exist_ok=True)
    share = min(1.0, states_max / (len(recording.ops) * len(PATTERNS)))
    wrong: list[str] = []
    states = 0
    there: dict[str, bytes] = {}
    for moment, image in _images(recording, share):
        states += 1
        _put(folder, there, image)
        found = next(_judged(recording, moment, folder, whole=states % WHOLE_EVERY == 0), "")
        if found:
            wrong.append(f"after operation {moment}: {found}")
    seconds = round(clock.steady() - began, 1)
    return Survived(name, states, len(recording.ops), len(wrong), wrong[0] if wrong else "", seconds)


def _images(recording: Recording, share: float) -> Iterator[tuple[int, Mapping[str, bytes]]]:
    """What a power loss leaves after each operation; of all there are this share, evenly chosen."""
    files, chance, places = Files(recording.base), SeededChance("what survives"), count()
    for moment, op in enumerate(recording.ops, 1):
        files.replay(op)
        for pattern in PATTERNS:
            place = next(places)
            if int((place + 1) * share) > int(place * share):
                yield moment, files.image(pattern, chance)


def _put(folder: Path, there: dict[str, bytes], image: Mapping[str, bytes]) -> None:
    """Make the folder hold an image. What is the same stays: who looks writes nothing, but for a journal's sake."""
    if any(name.endswith("-journal") for name in there):
        there.clear()
    for old in folder.iterdir():
        if old.name not in image or old.name not in there:
            old.unlink()
            there.pop(old.name, None)
    for name, content in image.items():
        if there.get(name) == content:
            continue
        start = _same_until(there.get(name, b""), content)
        with (folder / name).open("r+b" if name in there else "wb") as file:
            file.seek(start)
            file.write(content[start:])
            file.truncate()
        there[name] = content


def _same_until(before: bytes, after: bytes) -> int:
    """Up to which block both are the same."""
    for start in range(0, len(after), BLOCK_BYTES):
        if before[start : start + BLOCK_BYTES] != after[start : start + BLOCK_BYTES]:
            return start
    return len(after)


def _judged(recording: Recording, moment: int, folder: Path, *, whole: bool) -> Iterator[str]:
    """A sentence for everything that is missing, torn or damaged. `whole`: every page is looked at."""
    rolls_back = any(folder.glob("*-journal"))
    try:
        connection = connect(current_file(folder), recording.key, read_only=not rolls_back)
    except Refused as refused:
        yield f"it does not open: {refused.problem.message}"
        return
    try:
        connection.pragma("busy_timeout", 0)
        if whole and Work(connection).rows("PRAGMA quick_check") != [("ok",)]:
            yield "the file is damaged"
        yield from _looked_at(recording, moment, Work(connection))
    except StoreError as error:
        yield f"it cannot be read: {type(error).__name__}"
    finally:
        connection.close()


def _looked_at(recording: Recording, moment: int, work: Work) -> Iterator[str]:
    there = {n for (n,) in work.rows("SELECT n FROM _queue")}
    for n, at in recording.promised.items():
        if at <= moment < recording.left.get(n, moment + 1) and n not in there:
            yield f"save {n} is gone"
    made = dict(work.rows('SELECT CallId, count(*) FROM "Call_Discussion" GROUP BY 1'))
    for (call,) in work.rows('SELECT Id FROM "Call"'):
        if made.pop(call, 0) != recording.families.get(call, -1) and call in recording.families:
            yield "a call is there with a part of its details"
    if any(call in recording.families for call in made):
        yield "details are there without their call"
