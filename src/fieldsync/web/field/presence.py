"""Whether the app is in front: only while a page of it is visible the engine talks to the network by itself.

Hidden, what is in flight finishes and then nothing is sent, polled or streamed; visible, it goes on at once (FEATURES
E34, B06). Pages say how they are; one that says nothing for long has crashed. Until the first page was open nothing
rests.
"""

from __future__ import annotations

import threading

from fieldsync.base.world import Clock
from fieldsync.device import Device

GRACE_SECONDS = 5.0
"""From one page to the next nothing is visible for a moment."""
SILENT_SECONDS = 75.0
"""A visible page says so every 30 seconds."""
TABS_MAX = 50


class Presence:
    """The visible pages of one app. Any thread may call it."""

    def __init__(self, device: Device, clock: Clock, grace_seconds: float = GRACE_SECONDS) -> None:
        self._device, self._clock, self._grace = device, clock, grace_seconds
        self._guard = threading.Lock()
        self._visible: dict[str, float] = {}
        self._timer: threading.Timer | None = None
        self.resting = False

    def tell(self, tab: str, *, visible: bool) -> None:
        """How a page is now."""
        if visible:
            self._device.foreground.come()  # a sync that waits does not wait for the background to end, too
        with self._guard:
            self._visible.pop(tab, None)
            if visible and len(self._visible) < TABS_MAX:
                self._visible[tab] = self._clock.steady() + SILENT_SECONDS
            if visible and self.resting:
                self.resting = False
                self._device.foreground.come()
                self._device.start()
                self._device.wake()
            self._look_in(SILENT_SECONDS if self._visible else self._grace)

    def close(self) -> None:
        """Look no more."""
        with self._guard:
            self._look_in(None)

    def _look_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else threading.Timer(seconds, self._look)
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        with self._guard:
            now = self._clock.steady()
            self._visible = {tab: until for tab, until in self._visible.items() if until > now}
            if self._visible:
                self._look_in(SILENT_SECONDS)
            elif not self.resting:
                self._device.foreground.leave()
                self._device.stop()
                self.resting = True
