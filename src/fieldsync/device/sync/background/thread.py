"""The background: one thread that steps the engine when something is due, one that listens for wake-ups.

The only place of the engine that starts threads. Work is begun at once when woken; nothing polls with short sleeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from fieldsync.base.log import get_logger
from fieldsync.base.problems import Refused
from fieldsync.device.sync.background.listener import Listener
from fieldsync.device.sync.engine import Engine
from fieldsync.device.transport import NotStreamed, Unreachable

AFTER_BUG_SECONDS = 5.0
STREAM_RETRY_SECONDS = 5.0
JOIN_SECONDS = 10.0

_log = get_logger("fieldsync.device")


class Background:
    """Runs `step` until stopped. `step` returns seconds until it wants to be called again; None: when woken."""

    def __init__(self, engine: Engine, step: Callable[[], float | None]) -> None:
        self._engine, self._step = engine, step
        self._woken = engine.woken
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name="fieldsync network", daemon=True),
            threading.Thread(target=self._listen, name="fieldsync events", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; work that is running is finished first."""
        self._stop.set()
        self._woken.set()
        self._engine.calls.transport.hang_up()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(JOIN_SECONDS)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._woken.clear()
            try:
                again = self._step()
            except Exception as error:  # noqa: BLE001 the outermost loop, which reports it
                self._engine.log.bug(error)
                _log.exception("a step of the sync engine failed")
                again = AFTER_BUG_SECONDS
            self._engine.taken.set()
            if not self._stop.is_set() and again != 0.0:
                self._woken.wait(again)

    def _listen(self) -> None:
        """While the stream is open nothing is polled; when it ends, the next poll is due at once."""
        listener = Listener(self._engine, self._stop)
        while not self._stop.is_set():
            answered = False
            if self._engine.ready:
                with suppress(Unreachable, NotStreamed, Refused):
                    answered = listener.hear()
            if not answered:
                self._engine.hears_nothing()
                self._stop.wait(STREAM_RETRY_SECONDS)
