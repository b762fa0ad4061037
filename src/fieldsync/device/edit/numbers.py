"""Ids and numbers this device gives: record ids, queue numbers, transaction ids. Guarded by the store's lock.

They move in memory and are kept with the save that uses them, in its own transaction; one that is given and not kept
was never seen outside.
"""

from __future__ import annotations

import json

from fieldsync.base import ids
from fieldsync.base.ids import DeviceNumber, RecordId, TransactionId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.device.store import meta
from fieldsync.device.store.work import Work


def earlier_numbers(work: Work) -> list[tuple[DeviceNumber, int]]:
    """Device numbers that were given up after a fork, in order, each with the queue number at which that was."""
    return [(number, fork_at) for number, fork_at in json.loads(meta.get(work, meta.Key.EARLIER_NUMBERS) or "[]")]


class Numbers:
    """The device's number and its counters."""

    def __init__(self, work: Work, world: World) -> None:
        self._world = world
        self.device: DeviceNumber | None = meta.get(work, meta.Key.DEVICE_NUMBER)
        self._counter: int = meta.get(work, meta.Key.COUNTER) or 0
        self._n: int = meta.get(work, meta.Key.NEXT_N) or 1
        self._opened_at = self._n

    def mint(self, prefix: str) -> RecordId:
        """A fresh record id. Raises Refused(AUTH) before the first sign-in."""
        if self.device is None:
            raise Refused(problem(Code.AUTH))
        self._counter += 1
        return ids.mint(prefix, self.device, self._counter)

    def next_n(self) -> int:
        """The next queue number."""
        self._n += 1
        return self._n - 1

    @property
    def upcoming_n(self) -> int:
        """The queue number that comes next."""
        return self._n

    def is_of_this_opening(self, n: int) -> bool:
        """Whether this process gave the number. Of others nobody can tell here what became of them: the file may be an
        older image, and what it says was never sent may have been sent since."""
        return n >= self._opened_at

    def transaction_id(self) -> TransactionId:
        """A fresh transaction id."""
        return ids.uuid7(self.now_ms(), self._world.chance.bytes(10))

    def now(self) -> str:
        """This device's time, as text."""
        return instant(self._world.clock.now())

    def now_ms(self) -> int:
        """This device's time in milliseconds."""
        return unix_ms(self._world.clock.now())

    def keep(self, work: Work) -> None:
        """Write the counters, in the transaction that uses what they gave."""
        meta.put(work, meta.Key.COUNTER, self._counter)
        meta.put(work, meta.Key.NEXT_N, self._n)

    def keep_device(self, work: Work, number: DeviceNumber) -> None:
        """Write the device's number; take it with `took_device` after commit."""
        meta.put(work, meta.Key.DEVICE_NUMBER, number)

    def keep_fork(self, work: Work, before: DeviceNumber, number: DeviceNumber, fork_at: int) -> None:
        """Write the number that comes behind another from this queue number on."""
        self.keep_device(work, number)
        earlier = json.dumps([*earlier_numbers(work), (before, fork_at)])
        meta.put(work, meta.Key.EARLIER_NUMBERS, earlier)

    def took_device(self, number: DeviceNumber) -> None:
        """Ids are minted under this number from here on."""
        self.device = number
