"""The background threads of a device: one that steps, one that listens for wake-ups. Everything else is steppable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.base.world import Chance, Clock
from fieldsync.device.transport import NotStreamed, Transport, Unreachable

STOP_SECONDS_MAX = 10.0
RECONNECT_SECONDS = 2.0


class Runner:
    """Runs `step` when it is due or somebody wakes it, until `stop`."""

    def __init__(self, step: Callable[[], float | None], clock: Clock, chance: Chance) -> None:
        self._step, self._clock, self._chance = step, clock, chance
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, listen: Callable[[threading.Event], None]) -> None:
        """Start both threads."""
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, name="fieldsync network", daemon=True),
            threading.Thread(target=listen, args=(self._stop,), name="fieldsync wake-ups", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Started and not stopped."""
        return bool(self._threads)

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def stop(self, hang_up: Callable[[], None]) -> None:
        """Stop both; the piece of work that runs is finished."""
        self._stop.set()
        self._woken.set()
        hang_up()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(STOP_SECONDS_MAX)
        self._threads = []

    def _run(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()
            wait = self._step()
            if wait is None or wait > 0:
                self._woken.wait(wait)


def listen(
    transport: Transport,
    headers: Callable[[], Mapping[str, str]],
    news: Callable[[float], None],
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Follow the event stream until `stop`; `news` is told until when the stream counts as healthy, or 0 when it broke."""
    while not stop.is_set():
        try:
            transport.events(
                "/sync/v1/events", headers(), lambda: news(clock.steady() + limits.STREAM_HEALTHY_SECONDS), stop
            )
        except (Unreachable, NotStreamed, Refused):
            news(0.0)
        stop.wait(RECONNECT_SECONDS)
