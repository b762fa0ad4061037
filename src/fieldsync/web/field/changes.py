"""What the engine told since the app started, counted, so that no open page misses any of it.

The engine's callbacks come from its own threads; they only count and set events of the server's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fieldsync.device import Device


class Changes:
    """How often the engine told something, and the streams that wait for more. When the app stops, they end."""

    def __init__(self, device: Device) -> None:
        self.count = 0
        self.closed = False
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._stop = device.subscribe(lambda _: self.tell())

    def close(self) -> None:
        """Listen no more, and end every stream."""
        self._stop()
        self.closed = True
        self._wake()

    def tell(self) -> None:
        """Something changed that open pages should look at."""
        self.count += 1
        self._wake()

    def _wake(self) -> None:
        for event, loop in list(self._waiting.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    @contextmanager
    def heard(self, seen: int) -> Iterator[asyncio.Event]:
        """An event of this loop, set at every change, and from the start for who has not seen all of them."""
        event = asyncio.Event()
        self._waiting[event] = asyncio.get_running_loop()
        if self.count != seen:
            event.set()
        try:
            yield event
        finally:
            del self._waiting[event]
