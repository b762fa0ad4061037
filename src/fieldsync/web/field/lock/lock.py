"""Whether the app is locked, and what opens it (FEATURES M04, THREATS T2). Time and the check are passed in.

What runs by itself, live parts and leases, is no sign of a person. From the third on, each wrong answer makes the next
wait longer; after `TRIES_MAX` in a row the app stops, and the store is closed with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from fieldsync.base.world import Clock

TRIES_MAX = 10
FREE_TRIES = 3
"""From this wrong answer on the next has to wait."""
WAIT_SECONDS_MAX = 60.0


class Answered(Enum):
    """What became of a passphrase."""

    OPEN = "open"
    WRONG = "wrong"
    TOO_SOON = "too_soon"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Keeper:
    """What the lock needs of the outside: whether a passphrase opens the store, and how to stop the app."""

    opens: Callable[[str], bool]
    stop: Callable[[], None]


class Lock:
    """One app's lock. `idle_seconds`: 0 never locks by itself."""

    def __init__(self, clock: Clock, keeper: Keeper, idle_seconds: float) -> None:
        self._clock, self._keeper, self._idle = clock, keeper, idle_seconds
        self._guard = threading.Lock()
        self._locked = False
        self._seen = clock.steady()
        self._wrong = 0
        self._not_before = 0.0

    @property
    def locked(self) -> bool:
        """Whether pages show nothing now."""
        if self._idle and self._clock.steady() - self._seen > self._idle:
            self._locked = True
        return self._locked

    @property
    def tries_left(self) -> int:
        return TRIES_MAX - self._wrong

    @property
    def wait_seconds(self) -> float:
        """How long the next answer has to wait."""
        return max(0.0, self._not_before - self._clock.steady())

    def touch(self) -> None:
        """The person did something."""
        if not self.locked:
            self._seen = self._clock.steady()

    def close(self) -> None:
        """Lock now."""
        self._locked = True

    def answer(self, passphrase: str) -> Answered:
        """Try to open it."""
        with self._guard:
            if self.wait_seconds:
                return Answered.TOO_SOON
            if self._keeper.opens(passphrase):
                self._locked, self._wrong, self._seen = False, 0, self._clock.steady()
                return Answered.OPEN
            self._wrong += 1
            if self._wrong >= FREE_TRIES:
                self._not_before = self._clock.steady() + min(2.0 ** (self._wrong - FREE_TRIES), WAIT_SECONDS_MAX)
            if self._wrong < TRIES_MAX:
                return Answered.WRONG
            self._keeper.stop()
            return Answered.STOPPED
