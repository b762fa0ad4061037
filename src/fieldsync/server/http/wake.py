"""Wake-ups: who waits for news of which user, in this process, and what is told him (DESIGN 8).

A save notifies in its own transaction, so the word goes out when it commits, to every server process. A wake-up is
never data, and a lost one costs no more than a poll. Where a device showed its cursor with the request that waits, the
wake-up has its page read, and that request is answered.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fieldsync.base import limits
from fieldsync.protocol.events import HEARTBEAT, NEWS, OPEN
from fieldsync.server.postgres.listen import Named, news_for, news_in

SAID_MAX = 1_000
"""Of so many transactions that were told or heard of the other word is waited for; it may never come, where a
connection broke or another process of the server committed."""


class Waiting:
    """One stream. Waiting is one future and one timer: a task for each of ten thousand streams would be felt."""

    __slots__ = ("_future", "_news", "named")

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None
        self._news = False
        self.named: Named | None = None
        """What the last news are of, where that is known."""

    def set(self, named: Named | None = None) -> None:
        """There may be news."""
        self.named = None if self._news else named
        self._news = True
        self._go_on()

    def is_set(self) -> bool:
        """Whether there may be news nobody was told of."""
        return self._news

    async def news_within(self, seconds: float) -> bool:
        """True as soon as there may be news, False when there were none for so long."""
        if not self._news:
            loop = asyncio.get_running_loop()
            self._future = loop.create_future()
            timer = loop.call_later(seconds, self._go_on)
            try:
                await self._future
            finally:
                timer.cancel()
                self._future = None
        found, self._news = self._news, False
        return found

    def _go_on(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)


class Hub:
    """Waiting streams by user."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[Waiting, str | None]] = defaultdict(dict)
        self._told: dict[tuple[int, str], None] = {}
        self._heard: dict[tuple[int, str], None] = {}
        self.closed = False

    @asynccontextmanager
    async def waiting(self, schema: str, user_id: str, device_id: str | None) -> AsyncIterator[Waiting]:
        """A stream that is told whenever there may be news for the user on this device."""
        key, event = news_for(schema, user_id), Waiting()
        self._waiting[key][event] = device_id
        try:
            yield event
        finally:
            del self._waiting[key][event]
            if not self._waiting[key]:
                del self._waiting[key]

    def tell(self, backend: int, payload: str) -> None:
        """Wake for a transaction of this process that has committed. Its notification comes through another process of
        PostgreSQL, a little later or earlier: the second of the two says nothing new."""
        self._first((backend, payload), self._told, self._heard)

    def hear(self, backend: int, payload: str) -> None:
        """Wake for a notification."""
        self._first((backend, payload), self._heard, self._told)

    def _first(self, word: tuple[int, str], said: dict[tuple[int, str], None], other: dict[tuple[int, str], None]) -> None:
        if word in other:
            del other[word]
            return
        said[word] = None
        while len(said) > SAID_MAX:
            del said[next(iter(said))]
        self.wake(word[1])

    def wake(self, payload: str) -> None:
        """News as `news_for` tells; an empty payload is for everybody, since notifications may have been missed."""
        if not payload:
            for events in self._waiting.values():
                for event in events:
                    event.set()
            return
        news = news_in(payload)
        for event, device_id in self._waiting.get(news.key, {}).items():
            if not news.sender or device_id != news.sender:
                event.set(news.named)

    def close(self) -> None:
        """The server stops: every stream ends."""
        self.closed = True
        self.wake("")

    @property
    def streams(self) -> int:
        """How many streams wait."""
        return sum(len(events) for events in self._waiting.values())


class NextPage(Protocol):
    """Reads a page for a request that waits. `woken`: somebody said that there may be news; `named`: and of what."""

    async def __call__(self, *, woken: bool, named: Named | None = None) -> bytes | None: ...


Told = AbstractAsyncContextManager[Waiting]


async def wake_ups(hub: Hub, told: Told) -> AsyncIterator[bytes]:
    """The events of a stream that only says when there is news, beginning with a word that there may be some."""
    async with told as waiting:
        yield NEWS
        while not hub.closed:
            yield NEWS if await waiting.news_within(limits.HEARTBEAT_SECONDS) else HEARTBEAT


async def answer_when_there_is_one(hub: Hub, told: Told, page: NextPage, *, looked: bool) -> AsyncIterator[bytes]:
    """Those of a stream that ends with a page. It waits before it looks: what comes between is not missed."""
    async with told as waiting:
        yield OPEN
        found = None if looked else await page(woken=False)
        while found is None and not hub.closed:
            woken = await waiting.news_within(limits.HEARTBEAT_SECONDS)
            found = await page(woken=True, named=waiting.named) if woken and not hub.closed else None
            if found is None:
                yield HEARTBEAT
        if found is not None:
            yield found
