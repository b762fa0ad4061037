"""Wake-ups: who waits for news of which user, in this process, and what is told him (DESIGN 8).

A save notifies in its own transaction, so the word goes out when it commits, to every server process. A wake-up is
never data, and a lost one costs no more than a poll. Where a device showed its cursor with the request that waits, the
wake-up has its page read, and that request is answered. Where the save is made in this process, what the page asks goes
with its end, behind the commit: the rows may be there with the word that there are news.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Protocol

from fieldsync.base import limits
from fieldsync.protocol.events import HEARTBEAT, NEWS, OPEN
from fieldsync.server.postgres.listen import Named, news_for, news_in
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work.foreseen import Foreseen

SAID_MAX = 1_000
"""Of so many transactions that were told or heard of the other word is waited for; it may never come, where a
connection broke or another process of the server committed."""


PAGES_BEHIND_MAX = 2
"""So many pages are read behind the save that they bring: those of a person's other devices."""


class Page(Protocol):
    """The page of a request that waits."""

    def questions(self, named: Named, at: datetime) -> Iterable[Question]:
        """All that reading it asks, where the news are of these records alone."""

    async def read(self, *, woken: bool, named: Named | None = None, behind: Foreseen | None = None) -> bytes | None:
        """`woken`: somebody said that there may be news; `named`: and of what; `behind`: with what was asked."""


class Waiting:
    """One stream, and the page it waits for. Waiting is one future and one timer: a task for each of ten thousand
    streams would be felt."""

    __slots__ = ("_future", "_news", "behind", "named", "page")

    def __init__(self, page: Page | None = None) -> None:
        self.page = page
        self._future: asyncio.Future[None] | None = None
        self._news = False
        self.named: Named | None = None
        """What the last news are of, where that is known."""
        self.behind: Foreseen | None = None
        """What was asked of them already."""

    def set(self, named: Named | None = None, behind: Foreseen | None = None) -> None:
        """There may be news."""
        self.named, self.behind = (None, None) if self._news else (named, behind)
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
        self._expected: set[tuple[int, str]] = set()
        self.closed = False

    @asynccontextmanager
    async def waiting(
        self, schema: str, user_id: str, device_id: str | None, page: Page | None = None
    ) -> AsyncIterator[Waiting]:
        """A stream that is told whenever there may be news for the user on this device."""
        key, event = news_for(schema, user_id), Waiting(page)
        self._waiting[key][event] = device_id
        try:
            yield event
        finally:
            del self._waiting[key][event]
            if not self._waiting[key]:
                del self._waiting[key]

    def asked(self, backend: int, payload: str, at: datetime) -> Iterator[Question]:
        """What those ask who wait here for the page of these news; they wait for `tell` then, and not for the
        notification. `at`: the instant to ask with."""
        news = news_in(payload)
        if news.named is None:
            return
        pages = (each.page for each in self._others(news.key, news.sender) if each.page and not each.is_set())
        for page in islice(pages, PAGES_BEHIND_MAX):
            self._expected.add((backend, payload))
            self._keep(self._told, (backend, payload))
            yield from page.questions(news.named, at)

    def tell(self, backend: int, payload: str, behind: Foreseen | None = None) -> None:
        """Wake for a transaction of this process that has committed. Its notification comes through another process of
        PostgreSQL, a little later or earlier: the second of the two says nothing new. `behind`: the answers to what
        `asked` gave."""
        if (backend, payload) in self._expected:
            self._expected.remove((backend, payload))
            self.wake(payload, behind)
        else:
            self._first((backend, payload), self._told, self._heard)

    def hear(self, backend: int, payload: str) -> None:
        """Wake for a notification."""
        self._first((backend, payload), self._heard, self._told)

    def _first(
        self, word: tuple[int, str], said: dict[tuple[int, str], None], other: dict[tuple[int, str], None]
    ) -> None:
        if word in other:
            del other[word]
            return
        self._keep(said, word)
        self.wake(word[1])

    def _keep(self, said: dict[tuple[int, str], None], word: tuple[int, str]) -> None:
        said[word] = None
        while len(said) > SAID_MAX:
            del said[next(iter(said))]

    def wake(self, payload: str, behind: Foreseen | None = None) -> None:
        """News as `news_for` tells; an empty payload is for everybody, since notifications may have been missed."""
        if not payload:
            for events in self._waiting.values():
                for event in events:
                    event.set()
            return
        news = news_in(payload)
        for event in self._others(news.key, news.sender):
            event.set(news.named, behind)

    def _others(self, key: str, sender: str) -> Iterator[Waiting]:
        """The streams of a person, without those of the device the news come from."""
        for event, device_id in self._waiting.get(key, {}).items():
            if not sender or device_id != sender:
                yield event

    def close(self) -> None:
        """The server stops: every stream ends."""
        self.closed = True
        self.wake("")

    @property
    def streams(self) -> int:
        """How many streams wait."""
        return sum(len(events) for events in self._waiting.values())


Told = AbstractAsyncContextManager[Waiting]


async def wake_ups(hub: Hub, told: Told) -> AsyncGenerator[bytes, None]:
    """The events of a stream that only says when there is news, beginning with a word that there may be some."""
    async with told as waiting:
        yield NEWS
        while not hub.closed:
            yield NEWS if await waiting.news_within(limits.HEARTBEAT_SECONDS) else HEARTBEAT


async def answer_when_there_is_one(hub: Hub, told: Told, page: Page, *, looked: bool) -> AsyncGenerator[bytes, None]:
    """Those of a stream that ends with a page. It waits before it looks: what comes between is not missed."""
    async with told as waiting:
        yield OPEN
        found = None if looked else await page.read(woken=False)
        while found is None and not hub.closed:
            woken = await waiting.news_within(limits.HEARTBEAT_SECONDS)
            if woken and not hub.closed:
                found = await page.read(woken=True, named=waiting.named, behind=waiting.behind)
            if found is None:
                yield HEARTBEAT
        if found is not None:
            yield found
