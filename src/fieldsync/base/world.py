"""Time and chance, passed in (law L11). The only place of the product that reads a clock or a random source.

Everything else takes a `Clock` and a `Chance`; the simulator passes virtual ones, so one seed gives one trace.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, and a steady time for waiting."""

    def now(self) -> datetime:
        """The present instant, with time zone UTC."""

    def steady(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""


class Chance(Protocol):
    """A source of randomness."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""

    def below(self, limit: int) -> int:
        """A whole number, 0 <= n < limit."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return time.monotonic()


class SystemChance:
    """The operating system's cryptographic random source."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)


class ManualClock:
    """A clock that moves only when told: for the simulator and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._steady = 0.0

    def now(self) -> datetime:
        return self._now

    def steady(self) -> float:
        return self._steady

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._steady += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; the steady clock does not notice."""
        self._now += timedelta(seconds=seconds)


class SeededChance:
    """Reproducible randomness: for the simulator, tests and demo data. Never for secrets."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)


@dataclass(frozen=True)
class World:
    """What a part of the system may know of the outside: the time and chance."""

    clock: Clock
    chance: Chance


def system_world() -> World:
    """The real clock and the real random source."""
    return World(SystemClock(), SystemChance())


def instant(moment: datetime) -> str:
    """`moment` in the one text form instants have everywhere: UTC, whole seconds, `2026-11-21T03:31:00+00:00`."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def unix_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
