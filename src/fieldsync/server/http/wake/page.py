"""The page of the feed that a waiting request is answered with, read as for any request.

Where the save that wakes it was made in this process, what the page asks is known before it commits. PostgreSQL is
asked that right behind the commit, in a snapshot of its own and in the same trip: the page costs no way there and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import msgspec

from fieldsync.base.problems import Refused
from fieldsync.protocol.events import page_event
from fieldsync.protocol.feed import FeedPage
from fieldsync.server.http.context import Served, ahead_of, foreseen, reading
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.listen import Named
from fieldsync.server.postgres.work import DatabaseError, Question
from fieldsync.server.postgres.work.foreseen import Foreseen, Unforeseen
from fieldsync.server.sync.feed import Elsewhere, foresee, read_feed
from fieldsync.server.sync.session import org_of


async def feed_page(org: Org, token: str, cursor: str, named: Named | None = None) -> FeedPage:
    """The page behind the cursor, for whoever holds the token now. `named`: what it is likely to be of."""
    with suppress(Elsewhere):
        async with reading(org, token, lambda caller: foresee(org, caller, cursor, named)) as (work, caller):
            return await read_feed(org, work, caller, cursor)
    async with reading(org, token) as (work, caller):
        return await read_feed(org, work, caller, cursor, everywhere=True)


class NextPage:
    """The page behind a cursor, for a request that waits for it."""

    __slots__ = ("_cursor", "_served", "_token")

    def __init__(self, served: Served, token: str, cursor: str) -> None:
        self._served, self._token, self._cursor = served, token, cursor

    def questions(self, named: Named, at: datetime) -> Iterator[Question]:
        """All that reading it asks, where it is of these records alone; nothing where that cannot be known."""
        org = self._served.org(org_of(self._token))
        yield from ahead_of(org, self._token, lambda caller: foresee(org, caller, self._cursor, named), at)

    async def read(self, *, woken: bool, named: Named | None = None, behind: Foreseen | None = None) -> bytes | None:
        """The event with the page, if there is something on it; one to ask for where this is refused. `woken`: somebody
        said that there may be news; `named`: and of what; `behind`: what was asked behind the save that said so."""
        try:
            page = await self._page(named, behind)
        except (Refused, DatabaseError):
            return page_event()
        if page.cursor == self._cursor and not (woken and page.orders):
            return None
        return page_event(msgspec.json.encode(page))

    async def _page(self, named: Named | None, behind: Foreseen | None) -> FeedPage:
        org = self._served.org(org_of(self._token))
        if behind is not None:
            try:
                caller = await foreseen(org, self._token, behind)
                return await read_feed(org, behind, caller, self._cursor)
            except (Unforeseen, Elsewhere):
                pass  # it is read as if nobody had guessed
        return await feed_page(org, self._token, self._cursor, named)
