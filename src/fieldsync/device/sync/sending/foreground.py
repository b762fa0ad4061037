"""Whether the app is in front, and over what kind of network: what pages know and tell, and a sync follows.

Behind, what is in flight finishes and the next request waits (FEATURES E27). The time is part of how long the sync
took, and counted by itself too.
"""

from __future__ import annotations

import threading
from enum import StrEnum

from fieldsync.base.world import Clock

MEGABYTE = 1_000_000
LOOK_SECONDS = 1.0
"""So often one who waits looks whether he is to wait no longer."""


class Network(StrEnum):
    """Over what a device reaches the network, as far as it tells (FEATURES I09)."""

    WIFI = "wifi"
    CELLULAR = "cellular"
    """Or any other that may cost by the megabyte."""
    WIRED = "wired"
    NONE = "none"
    UNKNOWN = "unknown"


class Foreground:
    """Any thread may call it. In front until somebody says otherwise."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._front = clock, threading.Event()
        self._front.set()
        self.network = Network.UNKNOWN

    def is_costly(self, size: int, most_megabytes: int) -> bool:
        """Whether so many bytes are asked about first: more than the admin's limit, off Wi-Fi (FEATURES E26)."""
        return self.network is Network.CELLULAR and size > most_megabytes * MEGABYTE

    def leave(self) -> None:
        """No page is visible any more."""
        self._front.clear()

    def come(self) -> None:
        """A page is visible again: who waits goes on at once."""
        self._front.set()

    def wait(self, canceled: threading.Event) -> float:
        """Until the app is in front, or who asks was canceled. How many seconds that took."""
        if self._front.is_set():
            return 0.0
        began = self._clock.steady()
        while not canceled.is_set() and not self._front.wait(LOOK_SECONDS):
            pass
        return self._clock.steady() - began
