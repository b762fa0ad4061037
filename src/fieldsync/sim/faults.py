"""Which faults strike, when: drawn from the seed, counted by name.

A fault is a request lost before it arrives, an answer lost after it had its effect, a request delivered twice, a kill
of the server at a named point of a save, or a kill of a device at a named point of its own work. When faults are
healed, nothing is drawn any more.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from fieldsync.base.world import Chance


class Fault(StrEnum):
    """What may go wrong, by the name it is counted under."""

    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    REQUEST_TWICE = "request twice"
    SERVER_KILLED = "server killed"
    DEVICE_KILLED = "device killed"


PER_MILLE = {
    Fault.REQUEST_LOST: 60,
    Fault.REPLY_LOST: 60,
    Fault.REQUEST_TWICE: 60,
    Fault.SERVER_KILLED: 60,
    Fault.DEVICE_KILLED: 80,
}
"""How often each strikes where it can."""


class Killed(BaseException):
    """The process dies here: no handler of the product may catch it, so it is no Exception."""


class Faults:
    """The seed's choice of faults, and how often each struck."""

    def __init__(self, chance: Chance, *, active: frozenset[Fault] = frozenset(Fault)) -> None:
        self._chance = chance
        self._active = active
        self.struck: Counter[Fault] = Counter()
        self._countdown: int | None = None
        self._doom = Fault.DEVICE_KILLED

    def begin(self) -> None:
        """From here on, every kind may strike."""
        self._active = frozenset(Fault)

    def heal(self) -> None:
        """No fault from here on."""
        self._active = frozenset()
        self._countdown = None

    def strikes(self, fault: Fault) -> bool:
        """Whether this fault happens here, now."""
        hit = self._drawn(fault)
        if hit:
            self.struck[fault] += 1
        return hit

    def _drawn(self, fault: Fault) -> bool:
        return fault in self._active and self._chance.below(1000) < PER_MILLE[fault]

    def doom(self, fault: Fault, points_max: int = 6) -> None:
        """Perhaps let the process die at one of the next points it reaches. It strikes only if it gets there."""
        self._doom = fault
        self._countdown = self._chance.below(points_max) if self._drawn(fault) else None

    def spare(self) -> None:
        """The danger is over."""
        self._countdown = None

    def plan(self, point: str) -> None:
        """For `base.faults.install`: dies when the countdown says so."""
        if self._countdown is None:
            return
        if self._countdown == 0:
            self._countdown = None
            self.struck[self._doom] += 1
            raise Killed(point)
        self._countdown -= 1
