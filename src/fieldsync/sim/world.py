"""The simulated world: one org on a real PostgreSQL, its people, and their devices with production engines.

Time stands still but for what the run lets pass, and every random draw comes from the seed: each step of a run has a
chance of its own.
"""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fieldsync.base import faults as points
from fieldsync.base.ids import RecordId
from fieldsync.base.world import Chance, ManualClock, SeededChance, World
from fieldsync.sim.device import SimDevice, Wrote, make_device
from fieldsync.sim.disk import simulated_disks
from fieldsync.sim.faults import Faults
from fieldsync.sim.ground import OWNERS, PEOPLE, START, Databases
from fieldsync.sim.network import SimTransport
from fieldsync.sim.server import SimServer
from fieldsync.sim.trace import Trace

_SUCCESS = """
SELECT "Device_Number", "Queue_Number" FROM "Sync_Transaction"
WHERE "Status" = 'Success' AND "Device_Number" IS NOT NULL
"""


class SimWorld:
    """Everything a run touches. Close it when done."""

    def __init__(self, databases: Databases, folder: Path, seed: int, device_count: int) -> None:
        warnings.simplefilter("ignore", ResourceWarning)
        self.seed, self.folder = seed, folder
        self.marks = 0
        self.clock = ManualClock(START)
        self.chance: Chance = SeededChance(f"{seed}/choices")
        self.faults = Faults(SeededChance(f"{seed}/faults"))
        self.trace = Trace()
        self.found: list[str] = []
        """Laws that were broken while the run went on."""
        self.did: Counter[str] = Counter()
        """How often each action really happened."""
        self._nothing_yet()
        self._stack = ExitStack()
        self._stack.enter_context(simulated_disks())
        name, self.ground = databases.fresh()
        self.server = SimServer(databases, name, self.ground, World(self.clock, SeededChance(f"{seed}/server")))
        self.devices = [self.device(i) for i in range(device_count)]
        points.install(self.faults.plan)
        self._stack.callback(points.install, None)

    def _nothing_yet(self) -> None:
        """What the run will note."""
        self.wrote: dict[tuple[str, str, str], list[Wrote]] = {}
        """By object, id and column: what was written there, in the order of saves."""
        self.deletes: dict[str, set[int]] = {}
        """By stall: which devices deleted it, or tried to."""
        self.seen: dict[tuple[int, str], set[object]] = {}
        """By device and stall: every value its person saw there whenever he changed or deleted it."""
        self.families: dict[str, dict[str, int]] = {}
        """By call, and by the mark it was made with: how many details came with it, while nobody changed which there
        are. Two marks where an older image of the device gave the id once more."""
        self.lines: dict[str, int] = {}
        """By the mark a call was made with: how many details came with it."""
        self.lost_lines: set[str] = set()
        """Ids of details of calls that a restored server had and lost."""
        self.calls_made: set[str] = set()
        self.merged: dict[str, str] = {}
        self.merged_at_backup: dict[str, str] = {}
        self.resent: set[str] = set()
        """Records whose edits were sent anew on the server's present values."""
        self.backed_up: set[tuple[str, int]] = set()
        """Saves of devices that the server's backup has."""
        self.backed_up_at = START
        self.succeeded: set[tuple[str, int]] = set()
        """Saves of devices, by device and queue number, that were a success when the server last forgot old ones."""
        self.succeeded_at_backup: set[tuple[str, int]] = set()
        self.offered_as: dict[tuple[int, str, str, int], object] = {}
        """By device, record, column and queue number of what is offered again to a restored server: what was shown
        there when it was first looked at."""
        self.images: dict[int, int] = {}
        """By device: how many saves it had made when its image was taken."""

    @property
    def accounts(self) -> list[RecordId]:
        """The accounts people work with; some may be gone."""
        return self.ground.accounts

    def begin_step(self, step: int) -> None:
        """From here on everything is drawn for this step alone, so another may be left out."""
        self.chance = SeededChance(f"{self.seed}/choices/{step}")
        self.faults.chance = SeededChance(f"{self.seed}/faults/{step}")

    def query(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        """What the database holds, past the product."""
        return self.server.query(sql, **given)

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records of an object by id, in canonical values."""
        return self.server.rows(object_name)

    def ordinal_of(self, number: str) -> str:
        """Which device has this number, in words that are the same in every run."""
        for device in self.devices:
            if device.number == number or any(save.number == number for save in device.saves):
                return f"device {device.ordinal}"
        return "another device"

    def name_of(self, record_id: str) -> str:
        """A record in words that are the same in every run: the first save about it."""
        if record_id in self.accounts:
            return f"account {self.accounts.index(RecordId(record_id))}"
        for device in self.devices:
            for place, save in enumerate(device.saves):
                if save.record == record_id:
                    return f"the record of save {place} of device {device.ordinal}"
        return f"a record {record_id[:3]}"

    def note_success(self) -> set[tuple[str, int]]:
        """Every save of a device that is a success, also where its transaction is not kept any more."""
        self.succeeded |= {(number, int(n)) for number, n in self.query(_SUCCESS)}
        return self.succeeded

    def broken(self, law: str) -> None:
        """A law was broken just now."""
        self.found.append(law)
        self.trace.add("BROKEN", law)

    def forget_what_was_written(self) -> None:
        """After a restore the server's values are older ones: what stood there then is not known any more."""
        self.wrote.clear()
        self.deletes.clear()
        self.seen.clear()
        self.families.clear()
        self.offered_as.clear()
        self.resent |= set(self.accounts)
        self.merged = dict(self.merged_at_backup)
        self.succeeded = set(self.succeeded_at_backup)
        for device in self.devices:
            device.followed.clear()

    def close(self) -> None:
        """Stop everything."""
        self._stack.close()
        for device in self.devices:
            device.disk.dead = False
            device.engine.close()
        self.server.close()
        self.server.drop()

    def device(self, ordinal: int) -> SimDevice:
        """A device more, signed in and synced."""
        person = self.ground.people[PEOPLE[OWNERS[ordinal % len(OWNERS)]][0]]
        transport = SimTransport(self.server, self.faults, self.clock)
        device = make_device(ordinal, person, self.folder, self.seed, (transport, self.clock, self.faults))
        device.sign_in()
        device.engine.sync()
        return device
