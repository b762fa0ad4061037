"""A job's work that meets other work, or whose connection is lost, waits and is tried again; it gives up after a while.

What it kept until then, it kept with its note: each try begins behind that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

from fieldsync.base.log import get_logger
from fieldsync.base.problems import Code, Refused
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.work import Busy, Collision, DatabaseError, Gone, Pool, TooLong, transaction
from fieldsync.server.postgres.work.errors import in_our_words

T = TypeVar("T")
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Between two tries. A try waits for a lock itself, so that work may hold one for a minute without ending a job."""
_log = get_logger("fieldsync.server")


class Canceled(Exception):
    """Somebody does not want it any more: what is not committed is taken back, what was kept before stays."""


class HeldUp(Exception):
    """Other work held what this needs for too long."""

    def __str__(self) -> str:
        return "Other work held what this needs for too long. Ask for it again in a while."


async def patiently(pool: Pool, known: int, work: Callable[[], Awaitable[T]]) -> T:
    """What it comes to; `known`: the id of its note, which says meanwhile that it waits. Raises what it raises,
    Canceled, and HeldUp behind the last try."""
    for pause in (*PAUSES_SECONDS, None):
        try:
            return await work()
        except (DatabaseError, DBAPIError, Refused) as failed:
            if not _may_go_on(failed):
                raise
            _log.warning("job held up", note=known, reason=str(failed)[:500], again_seconds=pause)
            if pause is None:
                raise HeldUp from failed
        await _note_that_it_waits(pool, known)
        await asyncio.sleep(pause)
    raise AssertionError("the last pause ends it")


def _may_go_on(failed: BaseException | None) -> bool:
    """Whether the same work may succeed once others are done. A deploy's refusal has what PostgreSQL said behind it."""
    if isinstance(failed, Refused):
        passes = failed.problem.code in (Code.BUSY, Code.ROW_LOCK, Code.DATABASE_UNREACHABLE)
        return passes or _may_go_on(failed.__cause__)
    if isinstance(failed, DBAPIError):
        return isinstance(failed.orig, psycopg.Error) and _may_go_on(in_our_words(failed.orig))
    return isinstance(failed, Busy | Collision | Gone) and not isinstance(failed, TooLong)


async def _note_that_it_waits(pool: Pool, known: int) -> None:
    """Raises Canceled."""
    goes_on = True
    with suppress(DatabaseError):  # where the database itself is away, the next try says so
        async with transaction(pool) as database:
            goes_on = await progress.wait(database, known)
    if not goes_on:
        raise Canceled
