"""What a device's process does: opens the store, keeps in touch, and saves as its person would, until told to stop.

The parent speaks to it over a pipe. When the parent is gone, however it went, the process goes too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.base.world import Chance, SeededChance, World, instant, system_world
from fieldsync.device import Device, Edit, Unreachable
from fieldsync.device.transport import HttpTransport
from fieldsync.protocol.session import DeviceDescription
from fieldsync.server.postgres.embedded.child import end_with
from fieldsync.sim.device import PLATFORMS
from fieldsync.sim.ground import HOT, ORG, PASSWORD, Person
from fieldsync.sim.reality.ledger import Family, Ledger, Promised, Touched, Wrote

DEADLINE_SECONDS = 4.0
"""A request that takes longer is given up: shorter than in the product, so that a run has many of them."""
FIRST_TRIES = 10
FIELDS = ("Phone", "Fax", "BillingCity", "AccountNumber")


class Say(StrEnum):
    """What the parent says."""

    STATUS = "status"
    QUIET = "quiet"
    END = "end"


@dataclass(frozen=True)
class Status:
    """How a device stands. `attempts`, `next_attempt_at`: of what it would send next."""

    pending: int
    errors: int
    attempts: int = 0
    next_attempt_at: str | None = None

    def __str__(self) -> str:
        return f"{self.pending} entries pending, tried {self.attempts} times, next at {self.next_attempt_at}"


@dataclass(frozen=True)
class Part:
    """What one device is in a run."""

    ordinal: int
    person: Person
    folder: Path
    key: bytes
    accounts: tuple[RecordId, ...]
    pause_ms: int
    """Between two saves."""

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def log(self) -> Path:
        """What its processes say."""
        return self.folder / "log"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    def description(self) -> DeviceDescription:
        """What it says of itself when its person signs in."""
        platform = PLATFORMS[self.ordinal % len(PLATFORMS)]
        secret = f"device-{self.ordinal}-".ljust(43, "k")
        return DeviceDescription(secret, f"{self.person.name}'s {platform}", platform, "1", "1")


def live(part: Part, address: str, seed: str, line: Connection) -> None:
    """The process's main function. `seed` is another for each process of the device."""
    alone(part.log)
    device = Device.open(
        part.store, part.key, world=system_world(), transport=HttpTransport(address, silent_seconds=DEADLINE_SECONDS)
    )
    _sign_in(device, part)
    device.start()
    hand = Hand(part, device, World(system_world().clock, SeededChance(seed)), seed)
    line.send(_status(device))
    try:
        _until_told(part, device, hand, line)
    except EOFError:
        leave()
    hand.stop()
    device.close()
    line.send(None)


def _sign_in(device: Device, part: Part) -> None:
    """Its person gives the password and gets the first download, and tries again while the server has much to do."""
    for left in reversed(range(FIRST_TRIES)):
        try:
            if device.account is None:
                device.sign_in(ORG, part.person.username, PASSWORD, part.description())
            if device.widget().as_of is None:
                device.sync()
        except (Refused, Unreachable):
            if not left:
                raise
        else:
            return


def alone(log: Path) -> None:
    """Say everything into a log, and end with the process that started this one, even paused."""
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    if sys.platform == "linux":
        end_with(os.getppid(), signal.SIGKILL)


def leave() -> NoReturn:
    """The parent is gone."""
    os._exit(1)


def _until_told(part: Part, device: Device, hand: Hand, line: Connection) -> None:
    saving = True
    while True:
        if line.poll(part.pause_ms * (50 + hand.chance.below(100)) / 100_000 if saving else 0.2):
            said = line.recv()
            if said == Say.END:
                return
            saving = saving and said != Say.QUIET
            line.send(_status(device))
        elif saving:
            hand.act()


def _status(device: Device) -> Status:
    queue = device.queue()
    first = next((entry for entry in queue if entry.state != "accepted"), None)
    tried = (first.attempts, first.next_attempt_at) if first else (0, None)
    return Status(len(queue), len(device.errors()), *tried)


class Hand:
    """The person at the device."""

    def __init__(self, part: Part, device: Device, world: World, life: str) -> None:
        self._part, self._device, self._world, self._life = part, device, world, life
        self._ledger = part.ledger
        self.chance: Chance = world.chance
        self._marks = 0
        self._syncing = threading.Thread()

    def act(self) -> None:
        """One thing people do, or nothing where there is nothing to do it with."""
        acts = (*[self._new_call] * 4, *[self._edit_account] * 5, self._edit_call, self._edit_family)
        acts += (self._submit_call, self._delete_call, self._new_account, self._sync)
        try:
            acts[self.chance.below(len(acts))]()
        except (Refused, Unreachable):
            return  # e.g. the record is locked: nothing was saved

    def _mark(self) -> str:
        self._marks += 1
        return f"mark-{self._part.ordinal}-{self._life}-{self._marks}"

    def _kept(self, edit: Edit, record: str) -> None:
        account = self._device.account
        if account is not None and edit.queue_numbers:
            self._ledger.add(Promised(account.device_number, edit.queue_numbers, record))

    def _new_call(self) -> None:
        """A family in one transaction."""
        account, mark, details = self._one_of("Account"), self._mark(), self.chance.below(4)
        if account is None:
            return
        with self._device.edit() as edit:
            day = instant(self._world.clock.now())
            call = edit.create("Call", {"AccountId": account, "Call_Date": day, "Notes": mark})
            for _ in range(details):
                edit.create("Call_Discussion", {"CallId": call, "Discussion": mark})
        self._kept(edit, call)
        self._ledger.add(Family(call, mark, details))

    def _edit_account(self) -> None:
        """One field of the accounts that everybody edits."""
        account = self._part.accounts[self.chance.below(HOT)]
        column, mark = FIELDS[self.chance.below(len(FIELDS))], self._mark()
        if self._device.get("Account", account) is None:
            return
        with self._device.view("Account", account):  # what he sees is what his edit is about, whatever arrives
            shown = self._device.get("Account", account)
            before = None if shown is None else shown.values.get(column)
            self._ledger.add(Wrote("Account", account, column, None if before is None else str(before), mark))
            self._update("Account", account, {column: mark})

    def _edit_call(self) -> None:
        call = self._one_of("Call")
        if call is not None:
            self._update("Call", call, {"Notes": self._mark()})

    def _submit_call(self) -> None:
        call = self._one_of("Call")
        if call is not None:
            self._update("Call", call, {"Status": "Submitted"})

    def _update(self, name: str, record: RecordId, values: Mapping[str, str]) -> None:
        with self._device.edit() as edit:
            edit.update(name, record, values)
        self._kept(edit, record)

    def _edit_family(self) -> None:
        """A detail more."""
        call, mark = self._one_of("Call"), self._mark()
        if call is None:
            return
        self._ledger.add(Touched(call))
        with self._device.edit() as edit:
            edit.update("Call", call, {"Notes": mark})
            edit.create("Call_Discussion", {"CallId": call, "Discussion": mark})
        self._kept(edit, call)

    def _delete_call(self) -> None:
        call = self._one_of("Call")
        if call is None:
            return
        self._ledger.add(Touched(call))
        with self._device.edit() as edit:
            edit.delete("Call", call)
        self._kept(edit, call)

    def _new_account(self) -> None:
        """What refers travels behind what it refers to."""
        mark = self._mark()
        with self._device.edit() as edit:
            account = edit.create("Account", {"Name": mark, "Phone": mark})
            edit.create("Address", {"Name": mark, "AccountId": account})
        self._kept(edit, account)

    def _sync(self) -> None:
        """The person presses Sync, whatever the network is like, and goes on."""
        if not self._syncing.is_alive():
            self._syncing = threading.Thread(target=self._press_sync, daemon=True)
            self._syncing.start()

    def _press_sync(self) -> None:
        with suppress(Refused, Unreachable):
            self._device.sync()

    def stop(self) -> None:
        """Take the hands off."""
        self._device.cancel_sync()
        if self._syncing.is_alive():
            self._syncing.join()

    def _one_of(self, name: str) -> RecordId | None:
        found = self._device.find(name, order_by="Id", limit=200)
        return found[self.chance.below(len(found))].id if found else None
