"""How long each person's feed is, and how old its oldest entry (FEATURES C14): of who has one, the longest first.

A feed's length is the distance between two numbers of its head row, so asking costs nothing that grows with the feeds.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import ClauseElement, bindparam, func, select, true

from fieldsync.base.world import instant
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

FEEDS_TOLD_MAX = 200


class FeedLength(msgspec.Struct, frozen=True):
    """One person's feed: entries that his devices may still get, and since when the oldest of them waits."""

    user_id: str
    user: str
    length: int
    oldest_at: str | None


class Feeds(msgspec.Struct, frozen=True):
    """All feeds together, and the longest of them."""

    people: int
    entries: int
    longest: tuple[FeedLength, ...]


async def feeds(org: Org, database: Database) -> Feeds:
    """The feeds of an org as they are now."""
    totals = await database.one(compile_statement(_totals(org)))
    rows = await database.rows(compile_statement(_longest(org)), limit=FEEDS_TOLD_MAX)
    longest = tuple(FeedLength(i, name, length, instant(at) if at else None) for i, name, length, at in rows)
    people, entries = totals or (0, 0)
    return Feeds(people, int(entries or 0), longest)


def _totals(org: Org) -> ClauseElement:
    head = org.metadata.tables["_user_head"]
    length = head.c.position - head.c.floor
    return select(func.count(), func.sum(length)).select_from(head).where(length > 0)


def _longest(org: Org) -> ClauseElement:
    head, user, change = (org.metadata.tables[name] for name in ("_user_head", "User", "_change"))
    length = (head.c.position - head.c.floor).label("length")
    found = (
        select(head.c.user_id, user.c.Username, length, head.c.floor)
        .join_from(head, user, user.c.Id == head.c.user_id)
        .where(length > 0)
        .order_by(length.desc(), user.c.Username)
        .limit(bindparam("limit"))
        .subquery("longest")
    )
    is_first = (change.c.feed_user == found.c.user_id) & (change.c.feed_position == found.c.floor + 1)
    oldest = select(change.c.at).where(is_first).limit(1).lateral("oldest")
    columns = (found.c.user_id, found.c.Username, found.c.length, oldest.c.at)
    ordered = select(*columns).select_from(found.outerjoin(oldest, true()))
    return ordered.order_by(found.c.length.desc(), found.c.Username)
