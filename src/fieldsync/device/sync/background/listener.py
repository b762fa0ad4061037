"""Hearing of news: a feed request that the server answers when there is something to answer (`protocol/events.py`).

What comes is a page of the feed behind the cursor that was shown. It is handed to the engine, which takes it only while
it still stands there; then the next request shows the cursor it has by then.
"""

from __future__ import annotations

import threading

from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.sync.calls import with_query
from fieldsync.device.sync.engine import Engine
from fieldsync.device.sync.feed import Brought
from fieldsync.protocol.events import NEWS_EVENT, OPEN_EVENT, PAGE_EVENT

EVENTS_PATH = "/sync/v1/events"
TAKEN_SECONDS = 30.0
"""So long a page waits for the engine, which may be busy, before somebody listens again."""


class Listener:
    """Listens for one engine. One thread uses it."""

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine, self._stop = engine, stop
        self._shown: str | None = None

    def hear(self) -> bool:
        """One request, until it ends. True where it ended with an answer: the next may follow at once.

        A cursor that was shown before did not move on with the last answer, for whatever reason: the engine asks by
        itself then, in its own time, and nothing goes round and round. Raises Unreachable, NotStreamed, Refused.
        """
        engine = self._engine
        with engine.store.read() as work:
            cursor = meta.get(work, Key.FEED_CURSOR)
        looked = not engine.stream_open or cursor == self._shown
        self._shown, answered = cursor, False

        def heard(name: str, data: bytes) -> None:
            nonlocal answered
            if name == PAGE_EVENT:
                answered = True
                engine.brings(Brought(cursor, data) if cursor is not None and data else None)
            elif name in (NEWS_EVENT, OPEN_EVENT):
                engine.hears(news=name == NEWS_EVENT or looked)

        path = with_query(EVENTS_PATH, {"cursor": cursor, "looked": "true" if looked and cursor else None})
        engine.calls.transport.events(path, engine.calls.headers(), heard, self._stop)
        if answered:
            engine.taken.wait(TAKEN_SECONDS)
        return answered
