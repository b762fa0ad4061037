"""A simulated device: the production engine on a simulated disk, its person, and what the person was promised."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import Chance, ManualClock, SeededChance, World
from fieldsync.device import Device
from fieldsync.device.queue import journal
from fieldsync.device.queue.entry import decode_outcome
from fieldsync.protocol.session import DeviceDescription, Platform
from fieldsync.protocol.upload import Canceled, Item
from fieldsync.sim.disk import Disk
from fieldsync.sim.faults import Fault, Faults, Killed
from fieldsync.sim.ground import ORG, PASSWORD, Person
from fieldsync.sim.network import SimTransport

PLATFORMS = (Platform.IPAD, Platform.IPHONE, Platform.WINDOWS, Platform.ANDROID)


class DeviceClock:
    """The world's time as this device shows it: somebody may have set it wrong."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.skew_seconds = 0.0

    def now(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self.skew_seconds)

    def steady(self) -> float:
        return self._clock.steady()


@dataclass(frozen=True)
class Save:
    """A save a device returned for: who, its queue number, and what it was about."""

    device: int
    number: str
    n: int
    record: str
    """The record a person would name: the call or account."""
    serial: int
    values: Mapping[str, str] | None = None
    """What it wrote into that record; None where the run does not say."""


@dataclass(frozen=True)
class Wrote:
    """One value a save put into a field: what stood there before the person's eyes, and what he wrote."""

    device: int
    before: object
    after: object


@dataclass
class SimDevice:
    """One device: its engine now, and what it takes to open it again after a kill."""

    ordinal: int
    person: Person
    folder: Path
    key: bytes
    world: World
    clock: DeviceClock
    disk: Disk
    transport: SimTransport
    engine: Device
    saves: list[Save] = field(default_factory=list)
    canceled_out: set[int] = field(default_factory=set)
    """Queue numbers of records made and deleted again before anything was sent (FEATURES B11)."""
    lost: set[int] = field(default_factory=set)
    """Serials of saves that are not in an older image of this device."""
    images_restored: int = 0
    refused: set[int] = field(default_factory=set)
    """Queue numbers of refusals that were looked at."""
    readable: set[str] = field(default_factory=set)
    """Accounts its person could read when that was looked at last."""
    unaware: set[str] = field(default_factory=set)
    """Marks it wrote into calls that were submitted elsewhere just before."""
    unheard: set[str] = field(default_factory=set)
    """Ids of details that a restored server lost, of which this device was told by no sync yet."""
    followed: set[str] = field(default_factory=set)
    """Accounts it held that became others, and that a download took away."""
    kills: int = 0
    incrementals: int = 0

    @property
    def number(self) -> str:
        """The number it goes by now."""
        account = self.engine.account
        assert account is not None
        return account.device_number

    def said(self) -> dict[int, tuple[Item, ...]]:
        """What every entry of the queue and of the error list says, by queue number. Read past the engine, which tells
        it of errors alone."""
        with self.engine._store.read() as work:
            rows = work.rows(f"SELECT {journal.COLUMNS} FROM _queue ORDER BY n")  # noqa: S608 - names of its own
        return {entry.n: entry.decoded() for entry in map(journal.entry_of, rows)}

    def taken_back(self) -> list[int]:
        """Queue numbers of what its person took back. What somebody else canceled is another matter: an admin may run
        that again (FEATURES J09)."""
        with self.engine._store.read() as work:
            rows = work.rows("SELECT n, outcome FROM _undone ORDER BY number")
        return [n for n, outcome in rows if not isinstance(decode_outcome(outcome), Canceled)]

    def offered(self) -> set[int]:
        """Queue numbers of entries that were acknowledged once, and that a restored server gets again."""
        with self.engine._store.read() as work:
            return {n for (n,) in work.rows("SELECT n FROM _acknowledged WHERE offered = 1")}

    def changed_for_nothing(self) -> list[str]:
        """Records that a person changed, in families that no entry of the queue and no open page is about, and that are
        complete: there is a base image of them, and it is no news. Where there is neither a record here nor one on the
        server, nothing is changed."""
        busy = "SELECT root FROM _queue UNION SELECT root FROM _lease UNION SELECT root FROM _partial"
        free = f"SELECT id, object, state, stamp FROM _base WHERE root NOT IN ({busy}) ORDER BY id"  # noqa: S608
        with self.engine._store.read() as work:
            shown = 'SELECT _stamp FROM "{}" WHERE Id = ?'
            found = [(i, state, stamp, work.value(shown.format(name), i)) for i, name, state, stamp in work.rows(free)]
        return [i for i, state, stamp, held in found if (state == "row" if held is None else held >= stamp)]

    def partial(self) -> set[str]:
        """Roots of families of which it was told a part, and waits for the rest."""
        with self.engine._store.read() as work:
            return {root for (root,) in work.rows("SELECT root FROM _partial")}

    def description(self) -> DeviceDescription:
        """What it says of itself when its person signs in."""
        platform = PLATFORMS[self.ordinal % len(PLATFORMS)]
        secret = f"device-{self.ordinal}-".ljust(43, "k")
        return DeviceDescription(secret, f"{self.person.name}'s {platform}", platform, "1", str(1 + self.ordinal % 2))

    def sign_in(self) -> None:
        """Its person gives the password."""
        self.engine.sign_in(ORG, self.person.username, PASSWORD, self.description())

    def died(self, killed: Killed, chance: Chance) -> None:
        """The process is gone, perhaps the power too; another one opens the same file."""
        self.kills += 1
        self.disk.dead = True
        self._close()
        if killed.fault is Fault.POWER_LOST:
            self.disk.lose_power(chance)
        self._open()

    def reopen(self) -> None:
        """The process ended in order; another one opens the same file."""
        self.kills += 1
        self._close()
        self._open()

    def image(self, place: Path) -> None:
        """Copy its folder, as a backup of the device does."""
        self._close()
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder, place)
        self._open()

    def restore(self, place: Path) -> None:
        """Put an older image of the folder in its place."""
        self._close()
        shutil.rmtree(self.folder)
        shutil.copytree(place, self.folder)
        self._open()

    def _close(self) -> None:
        try:
            self.engine.close()
        except Refused as refused:
            if refused.problem.code is not Code.STORE_DAMAGED:
                raise

    def _open(self) -> None:
        self.disk.revive()
        self.engine = Device.open(self.folder, self.key, world=self.world, transport=self.transport)
        self.listen()

    def listen(self) -> None:
        """Every second device's saves go at once, as where a stream of events is open."""
        engine = self.engine._engine
        if self.ordinal % 2:
            engine.at_once.may = lambda: engine.online


def make_device(
    ordinal: int, person: Person, folder: Path, seed: int, parts: tuple[SimTransport, ManualClock, Faults]
) -> SimDevice:
    """A device that has nothing yet."""
    transport, clock, faults = parts
    skewed = DeviceClock(clock)
    world = World(skewed, SeededChance(f"{seed}/device{ordinal}"))
    place = folder / f"device{ordinal}"
    disk = Disk(place, faults.plan)
    key = world.chance.bytes(32)
    engine = Device.open(place, key, world=world, transport=transport)
    made = SimDevice(ordinal, person, place, key, world, skewed, disk, transport, engine)
    made.listen()
    return made


def promise(device: SimDevice, numbers: Sequence[int], record: str, values: Mapping[str, str] | None = None) -> None:
    """These queue numbers are owed to the person from here on, with what he wrote. What went as more than one
    transaction is not told apart."""
    told = values if len(numbers) == 1 else None
    for n in numbers:
        device.saves.append(Save(device.ordinal, device.number, n, record, len(device.saves), told))
