"""Wake-ups between processes: LISTEN and NOTIFY of PostgreSQL, on a connection of their own.

A notification says that there is news and may name a record or two; what it is, is read from the tables. A connection
that broke may have missed some, so each channel gets one with an empty payload after every reconnection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import NamedTuple

import psycopg

from fieldsync.server.postgres.names import quoted

CHANNEL = "fieldsync"
RECONNECT_SECONDS = 1.0
NOTIFY_SQL = "SELECT pg_notify(%(channel)s, %(payload)s)"
"""Run inside a transaction: the notification leaves when it commits."""


class Named(NamedTuple):
    """The few records of one object that news are of: a hint at what to read, and nothing to answer with."""

    object: str
    ids: tuple[str, ...]


def news_for(
    schema: str, user_id: str, sender: str | None = None, position: int = 0, named: Named | None = None
) -> str:
    """What is said on `CHANNEL` of news for a user. `sender`: the device it came from, which has it already;
    `position`: the last one on his feed, so that no two sound alike."""
    if not sender:
        return f"{schema}:{user_id}"
    of = f"/{named.object}/{','.join(named.ids)}" if named else ""
    return f"{schema}:{user_id}/{sender}/{position}{of}"


class News(NamedTuple):
    """What `news_for` made: for whom, from which device ("" for none), and of what."""

    key: str
    sender: str
    named: Named | None


def news_in(payload: str) -> News:
    """What was said. Pure."""
    key, sender, _, name, ids = [*payload.split("/"), "", "", "", ""][:5]
    return News(key, sender, Named(name, tuple(ids.split(","))) if ids else None)


class Notification(NamedTuple):
    """News on a channel, and from which process of PostgreSQL. An empty payload means: anything may have happened."""

    channel: str
    payload: str
    backend: int = 0


async def listen(uri: str, channels: Sequence[str]) -> AsyncGenerator[Notification, None]:
    """Notifications of these channels, for ever. Reconnects by itself; close the iterator (or cancel) to stop."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                uri, autocommit=True, application_name="fieldsync listener"
            )
        except psycopg.OperationalError:
            await asyncio.sleep(RECONNECT_SECONDS)
            continue
        async with connection:
            try:
                for channel in channels:
                    await connection.execute(f"LISTEN {quoted(channel)}")
                for channel in channels:
                    yield Notification(channel, "")
                async with aclosing(connection.notifies()) as arriving:
                    async for notice in arriving:
                        yield Notification(notice.channel, notice.payload, notice.pid)
            except psycopg.OperationalError:
                await asyncio.sleep(RECONNECT_SECONDS)
