"""Which faults strike, when: drawn from the seed, counted by name.

Every way in which the world may fail is one named fault. Some are drawn where they happen (a lost request); others doom
a process to die, or PostgreSQL to refuse, at one of the next points of its work. Each step of a run draws from a chance
of its own, so that a step can be left out without changing the others. When faults are healed, nothing is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from fieldsync.base.world import Chance
from fieldsync.server.postgres.work import Busy, Collision, Gone, TooLong


class Fault(StrEnum):
    """What may go wrong, by the name it is counted under."""

    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    REQUEST_TWICE = "request twice"
    REQUEST_AGAIN_LATER = "request delivered again later"
    DELAYED = "answer delayed"
    TRUNCATED = "answer truncated"
    PORTAL = "captive portal"
    TOO_MANY = "429"
    UNAVAILABLE = "503"
    PARTITION_OUT = "partition: nothing leaves"
    PARTITION_IN = "partition: nothing comes back"
    PARTITION_BOTH = "partition: nothing passes"
    SERVER_KILLED = "server killed in a transaction"
    SERVER_RESTARTED = "server restarted"
    LOCK_TIMEOUT = "lock timeout"
    DEADLOCK = "deadlock"
    SERIALIZATION = "serialization failure"
    STATEMENT_TIMEOUT = "statement timeout"
    CONNECTION_LOST = "database connection lost"
    SESSIONS_ENDED = "connections ended by PostgreSQL"
    RESTORED = "server restored from a backup"
    DEVICE_KILLED = "device killed"
    POWER_LOST = "device lost power"
    DISK_FULL = "device disk full"
    CLOCK_JUMP = "device clock jumped"
    TOKEN_EXPIRED = "access token expired"
    OLD_IMAGE = "older image of a device restored"


PER_MILLE: Mapping[Fault, int] = {
    Fault.REQUEST_LOST: 50,
    Fault.REPLY_LOST: 50,
    Fault.REQUEST_TWICE: 40,
    Fault.REQUEST_AGAIN_LATER: 40,
    Fault.DELAYED: 30,
    Fault.TRUNCATED: 25,
    Fault.PORTAL: 15,
    Fault.TOO_MANY: 15,
    Fault.UNAVAILABLE: 15,
    Fault.SERVER_KILLED: 40,
    Fault.LOCK_TIMEOUT: 15,
    Fault.DEADLOCK: 20,
    Fault.SERIALIZATION: 15,
    Fault.STATEMENT_TIMEOUT: 15,
    Fault.CONNECTION_LOST: 15,
    Fault.DEVICE_KILLED: 60,
    Fault.POWER_LOST: 50,
    Fault.DISK_FULL: 25,
}
"""How often each strikes where it can; the others are actions of their own."""

ON_SERVER: Sequence[Fault] = (
    Fault.SERVER_KILLED,
    Fault.LOCK_TIMEOUT,
    Fault.DEADLOCK,
    Fault.SERIALIZATION,
    Fault.STATEMENT_TIMEOUT,
    Fault.CONNECTION_LOST,
)
ON_DEVICE: Sequence[Fault] = (Fault.DEVICE_KILLED, Fault.POWER_LOST, Fault.DISK_FULL)


class Killed(BaseException):
    """The process dies here: no handler of the product may catch it, so it is no Exception."""

    def __init__(self, point: str, fault: Fault) -> None:
        super().__init__(point)
        self.fault = fault


class DiskFull(Exception):
    """The disk takes no more: `disk` says it to SQLite in its words."""


_RAISED: Mapping[Fault, Callable[[str], BaseException]] = {
    Fault.SERVER_KILLED: lambda point: Killed(point, Fault.SERVER_KILLED),
    Fault.LOCK_TIMEOUT: Busy,
    Fault.DEADLOCK: Collision,
    Fault.SERIALIZATION: Collision,
    Fault.STATEMENT_TIMEOUT: TooLong,
    Fault.CONNECTION_LOST: Gone,
    Fault.DEVICE_KILLED: lambda point: Killed(point, Fault.DEVICE_KILLED),
    Fault.POWER_LOST: lambda point: Killed(point, Fault.POWER_LOST),
    Fault.DISK_FULL: DiskFull,
}


class _Doom:
    """A process that is to be struck at one of its next points."""

    def __init__(self, fault: Fault, countdown: int) -> None:
        self.fault, self.countdown = fault, countdown


class Faults:
    """The seed's choice of faults, and how often each struck. `chance` is replaced with every step."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.chosen: frozenset[Fault] = frozenset(Fault)
        self._active: frozenset[Fault] = frozenset()
        self.struck: Counter[Fault] = Counter()
        self.of_device: Counter[int] = Counter()
        """Faults that struck while this device was at work."""
        self.device = 0
        self._device: _Doom | None = None
        self._server: _Doom | None = None
        self.in_server = False

    def begin(self) -> None:
        """From here on, every chosen kind may strike."""
        self._active = self.chosen

    def heal(self) -> None:
        """No fault from here on."""
        self._active = frozenset()
        self._device = self._server = None

    def strikes(self, fault: Fault) -> bool:
        """Whether this fault happens here, now."""
        hit = self._drawn(fault)
        if hit:
            self.count(fault)
        return hit

    def may(self, fault: Fault) -> bool:
        """Whether an action that is a fault itself may happen."""
        return fault in self._active

    def count(self, fault: Fault) -> None:
        """It struck."""
        self.struck[fault] += 1
        self.of_device[self.device] += 1

    def _drawn(self, fault: Fault) -> bool:
        return fault in self._active and self.chance.below(1000) < PER_MILLE[fault]

    def doom_device(self, points_max: int = 8) -> None:
        """Perhaps let the device die, or its disk be full, at one of the next points it reaches."""
        self._device = self._doomed(ON_DEVICE, points_max)

    def doom_server(self) -> None:
        """Perhaps let the server die, or its database refuse, at one of the next points it reaches."""
        self.in_server = True
        self._server = self._doomed(ON_SERVER, 6)

    def _doomed(self, kinds: Sequence[Fault], points_max: int) -> _Doom | None:
        drawn = [kind for kind in kinds if self._drawn(kind)]
        return _Doom(drawn[0], self.chance.below(points_max)) if drawn else None

    def spare_device(self) -> None:
        """The danger is over."""
        self._device = None

    def spare_server(self) -> None:
        """The danger is over."""
        self.in_server, self._server = False, None

    def plan(self, point: str) -> None:
        """For `base.faults.install` and the simulated disk: strikes when the countdown says so."""
        doom = self._server if self.in_server else self._device
        if doom is None:
            return
        if doom.fault is Fault.DISK_FULL and not point.startswith("disk"):
            return
        if doom.countdown > 0:
            doom.countdown -= 1
            return
        if self.in_server:
            self._server = None
        else:
            self._device = None
        self.count(doom.fault)
        raise _RAISED[doom.fault](point)
