"""Wake-ups: who waits for news of which user, in this process (DESIGN 8).

A save notifies in its own transaction, so the word goes out when it commits, to every server process. A wake-up is
never data, and a lost one costs no more than a poll.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fieldsync.server.postgres.listen import news_for


class Hub:
    """Waiting streams by user. One event object a stream: a few hundred bytes."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[asyncio.Event, str | None]] = defaultdict(dict)
        self.closed = False

    @asynccontextmanager
    async def waiting(self, schema: str, user_id: str, device_id: str | None) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever there may be news for the user on this device."""
        key, event = news_for(schema, user_id), asyncio.Event()
        self._waiting[key][event] = device_id
        try:
            yield event
        finally:
            del self._waiting[key][event]
            if not self._waiting[key]:
                del self._waiting[key]

    def wake(self, payload: str) -> None:
        """News as `news_for` tells; an empty payload is for everybody, since notifications may have been missed."""
        if not payload:
            for events in self._waiting.values():
                for event in events:
                    event.set()
            return
        key, _, sender = payload.partition("/")
        for event, device_id in self._waiting.get(key, {}).items():
            if not sender or device_id != sender:
                event.set()

    def close(self) -> None:
        """The server stops: every stream ends."""
        self.closed = True
        self.wake("")

    @property
    def streams(self) -> int:
        """How many streams wait."""
        return sum(len(events) for events in self._waiting.values())
