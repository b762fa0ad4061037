"""When the app locks by itself, and how long a wrong answer makes the next wait (FEATURES M04, THREATS T2). Pure but
for the clock, which is passed in.

What runs by itself, live parts and leases, is no sign of a person. A machine that slept was idle all that time, which
only the wall clock knows.
"""

from __future__ import annotations

from fieldsync.base.world import Clock

FREE_TRIES = 3
"""From this wrong answer on the next has to wait."""
WAIT_SECONDS_MAX = 60.0


class Idle:
    """Since when nobody touched the app. `minutes`: 0 never locks by itself."""

    def __init__(self, clock: Clock, minutes: float = 0) -> None:
        self._clock = clock
        self.minutes = minutes
        self.touch()

    def touch(self) -> None:
        """The person did something."""
        self._steady, self._wall = self._clock.steady(), self._clock.now()

    @property
    def seconds(self) -> float:
        """For how long nobody touched the app."""
        slept = (self._clock.now() - self._wall).total_seconds()
        return max(self._clock.steady() - self._steady, slept)

    @property
    def due(self) -> bool:
        """Whether the app is to lock now."""
        return bool(self.minutes) and self.seconds > self.minutes * 60


class Waits:
    """How long the next answer has to wait, for each person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._not_before: dict[str, float] = {}

    def seconds(self, person: str) -> float:
        """Until the next answer is looked at."""
        return max(0.0, self._not_before.get(person, 0.0) - self._clock.steady())

    def wrong(self, person: str, tries: int) -> None:
        """This was the so-many-eth wrong answer in a row."""
        if tries >= FREE_TRIES:
            wait = min(2.0 ** (tries - FREE_TRIES), WAIT_SECONDS_MAX)
            self._not_before[person] = self._clock.steady() + wait

    def right(self, person: str) -> None:
        """It is open."""
        self._not_before.pop(person, None)
