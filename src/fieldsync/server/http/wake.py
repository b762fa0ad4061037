"""Wake-ups: who waits for news of which user, in this process (DESIGN 8).

A save notifies in its own transaction, so the word goes out when it commits, to every server process. A wake-up is
never data, and a lost one costs no more than a poll.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHANNEL = "fieldsync"


class Hub:
    """Waiting streams by user. One event object a stream: a few hundred bytes."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.closed = False

    @asynccontextmanager
    async def waiting(self, schema: str, user_id: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever there may be news for the user."""
        key, event = f"{schema}:{user_id}", asyncio.Event()
        self._waiting[key].add(event)
        try:
            yield event
        finally:
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]

    def wake(self, payload: str) -> None:
        """News for `schema:user`; an empty payload is for everybody, since notifications may have been missed."""
        chosen = [payload] if payload else list(self._waiting)
        for key in chosen:
            for event in self._waiting.get(key, ()):
                event.set()

    def close(self) -> None:
        """The server stops: every stream ends."""
        self.closed = True
        self.wake("")

    @property
    def streams(self) -> int:
        """How many streams wait."""
        return sum(len(events) for events in self._waiting.values())
