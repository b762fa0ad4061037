"""The feed, the device's half: one page of the user's own news, merged or parked, the cursor moving with it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fieldsync.base import limits
from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused
from fieldsync.device.merge.image import images_of, is_ahead
from fieldsync.device.queue.states import REFUSED, State
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.sync.settle import Settled, settle
from fieldsync.protocol.feed import FeedPage, OpenSaves, Outcomes
from fieldsync.protocol.upload import decode_answer


@dataclass(frozen=True)
class Fed:
    """What came of one page. `more`: there is more right now."""

    settled: Settled
    more: bool
    poll_seconds: float
    orders: bool = False
    """Whether an admin wants something of this device."""


@dataclass(frozen=True)
class Brought:
    """A page that came by itself, encoded, and the cursor it is behind."""

    cursor: str
    content: bytes

    def behind(self, cursor: str) -> FeedPage | None:
        """The page, where it is the one behind this cursor and can be read."""
        if self.cursor != cursor:
            return None
        try:
            return decode_answer(self.content, FeedPage)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


_OPEN = ", ".join(f"'{state}'" for state in (State.ACCEPTED, *REFUSED))
LOST = frozenset({Code.INCREMENTAL_REQUIRED, Code.BAD_CURSOR})
"""The cursor leads nowhere any more: only a download finds the way again."""


def read_page(
    store: Store, calls: Calls, now: str, *, anyway: bool = False, brought: Brought | None = None
) -> Fed | None:
    """Take the next page: the one that was brought, where the cursor still is what it is behind, or one that is asked
    for. None when there is no cursor yet, or the cursor is lost (then the store
    remembers that an incremental sync is due). Raises Unreachable, Refused, and CatalogMoved for a page of a newer
    data model, which is not taken; `anyway`: then as far as this one goes."""
    with store.read() as work:
        cursor = meta.get(work, Key.FEED_CURSOR)
    if cursor is None:
        return None
    try:
        page = brought.behind(cursor) if brought is not None else None
        if page is None:
            page = calls.get("/sync/v1/feed", FeedPage, cursor=cursor)
    except Refused as refused:
        if refused.problem.code not in LOST:
            raise
        _lose_cursor(store, now)
        return None
    if not anyway and is_ahead(store.tables, page.rows):
        raise CatalogMoved
    reach("feed.answered")
    settled = take_page(store, page, now)
    reach("feed.stored")
    return Fed(settled, page.more, page.poll_seconds, page.orders)


def ask_outcomes(store: Store, calls: Calls, now: str, *, anyway: bool = False) -> Settled | None:
    """Ask what became of saves that are refused, held or not decided here: a download moves the cursor past what the
    feed would tell of them. None when there are none. Raises Unreachable, Refused, and CatalogMoved as `read_page`."""
    with store.read() as work:
        found = work.rows(
            f"SELECT n, id FROM _queue WHERE sealed = 1 AND state IN ({_OPEN}) ORDER BY n LIMIT ?",
            limits.OPEN_SAVES_MAX,
        )
    if not found:
        return None
    asked = OpenSaves(tuple((n, transaction_id) for n, transaction_id in found))
    answer = calls.post("/sync/v1/feed/outcomes", asked, Outcomes)
    if not anyway and is_ahead(store.tables, answer.rows):
        raise CatalogMoved
    images = images_of(store.tables, answer.rows, answer.gone)
    with store.write() as work:
        return settle(work, store.tables, answer.results, images, now=now)


def take_page(store: Store, page: FeedPage, now: str) -> Settled:
    """Merge or park what a page brings, and move the cursor, in one transaction.

    The page comes again where power is lost before it is on disk: the server forgets nothing on account of a cursor,
    and what is confirmed of outcomes goes with an upload, which is written before it leaves.
    """
    images = images_of(store.tables, page.rows, page.gone)
    with store.write_again() as work:
        settled = settle(work, store.tables, page.results, images, manifests=page.families, now=now)
        move_cursor(work, page.cursor)
        reach("feed.before_store")
    return settled


def move_cursor(work: Work, cursor: str) -> None:
    """Stand here on the feed. Where it led is told to the next download, also when it leads nowhere any more."""
    meta.put(work, Key.FEED_CURSOR, cursor)
    meta.put(work, Key.FEED_READ, cursor)


def _lose_cursor(store: Store, now: str) -> None:
    with store.write() as work:
        meta.put(work, Key.FEED_CURSOR, None)
        meta.put(work, Key.INCREMENTAL_REQUIRED, now)
