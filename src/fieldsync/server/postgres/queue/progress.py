"""Work that takes long enough to be watched: how far it is, and that somebody wants it to stop.

One row a piece of work, in the queue's schema; the job that does it names the row, notes how far it is as it goes, and
asks whether it is to stop. What came of it stays there as JSON until the next of its kind is begun.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection

from fieldsync.server.postgres.compiled import written
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA
from fieldsync.server.postgres.work import Work

_T = f"{QUEUE_SCHEMA}.progress"
_COLUMNS = "id, what, asked_by, status, done, total, canceled, asked_at, begun_at, ended_at, result"


class Stage(StrEnum):
    """Where a piece of work stands; the last four are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    VALID = "valid"
    ERROR = "error"
    CANCELED = "canceled"
    FAILED = "failed"


ENDS = frozenset({Stage.VALID, Stage.ERROR, Stage.CANCELED, Stage.FAILED})


@dataclass(frozen=True)
class Progress:
    """How one stands. `done` of `total` steps; `result` is the JSON of what came of it, empty before."""

    id: int
    what: str
    asked_by: str
    stage: Stage
    done: int
    total: int
    canceled: bool
    asked_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    result: bytes

    @property
    def ended(self) -> bool:
        return self.stage in ENDS


_BEGIN = written(
    f"INSERT INTO {_T} (queue_name, what, asked_by, status)"  # noqa: S608
    " VALUES (%(queue)s, %(what)s, %(by)s, 'waiting') ON CONFLICT DO NOTHING RETURNING id",
    *("queue", "what", "by"),
)
_OPEN = written(
    f"SELECT id FROM {_T} WHERE queue_name = %(queue)s AND what = %(what)s AND ended_at IS NULL",  # noqa: S608
    *("queue", "what"),
)
_DONE = written(
    f"INSERT INTO {_T} (queue_name, what, asked_by, status, done, total, begun_at, ended_at, result)"  # noqa: S608
    " VALUES (%(queue)s, %(what)s, %(by)s, 'valid', 1, 1, now(), now(), %(result)s)",
    *("queue", "what", "by", "result"),
)
_IS_CANCELED = written(f"SELECT canceled FROM {_T} WHERE id = %(id)s", "id")  # noqa: S608
_FORGET = written(
    f"DELETE FROM {_T} WHERE queue_name = %(queue)s AND what = %(what)s AND ended_at IS NOT NULL",  # noqa: S608
    *("queue", "what"),
)
_STEP = written(
    f"UPDATE {_T} SET status = 'running', done = %(done)s, total = %(total)s, begun_at = coalesce(begun_at, now())"  # noqa: S608
    " WHERE id = %(id)s AND ended_at IS NULL RETURNING NOT canceled",
    *("id", "done", "total"),
)
_WAIT = written(
    f"UPDATE {_T} SET status = 'waiting', begun_at = coalesce(begun_at, now())"  # noqa: S608
    " WHERE id = %(id)s AND ended_at IS NULL RETURNING NOT canceled",
    "id",
)
_END = written(
    f"UPDATE {_T} SET status = %(stage)s, ended_at = now(), result = %(result)s"  # noqa: S608
    " WHERE id = %(id)s AND ended_at IS NULL RETURNING id",
    *("id", "stage", "result"),
)
_NOTE = written(
    f"UPDATE {_T} SET status = 'running', done = %(done)s, total = %(total)s, begun_at = coalesce(begun_at, now()),"  # noqa: S608
    " result = %(result)s WHERE id = %(id)s AND ended_at IS NULL RETURNING NOT canceled",
    *("id", "done", "total", "result"),
)
_EXPECT = written(f"UPDATE {_T} SET result = %(result)s WHERE id = %(id)s", "id", "result")  # noqa: S608
_NOTED = written(f"SELECT result FROM {_T} WHERE id = %(id)s AND ended_at IS NULL", "id")  # noqa: S608
_CANCEL = written(
    f"UPDATE {_T} SET canceled = true, status = CASE WHEN canceled THEN 'canceled' ELSE status END,"  # noqa: S608
    " ended_at = CASE WHEN canceled THEN now() END"
    " WHERE id = %(id)s AND queue_name = %(queue)s AND ended_at IS NULL RETURNING id",
    *("id", "queue"),
)
_LISTED = written(
    f"SELECT {_COLUMNS} FROM {_T} WHERE queue_name = %(queue)s ORDER BY asked_at DESC, id DESC LIMIT 20",  # noqa: S608
    "queue",
)

_NEWEST = written(
    f"SELECT {_COLUMNS} FROM {_T} WHERE queue_name = %(queue)s AND what = ANY(%(whats)s) ORDER BY id DESC LIMIT 1",  # noqa: S608
    *("queue", "whats"),
)


async def begin(
    database: Work, queue: str, what: str, by: str, *, takes: Callable[[int], Awaitable[None]] | None = None
) -> int | None:
    """Note that somebody wants it; None while one of its kind is under way. Its id goes into the job's arguments.
    `takes`, called with that, takes over what it needs of the last one, before that is forgotten."""
    row = await database.one(_BEGIN, queue=queue, what=what, by=by)
    if row is not None and takes is not None:
        await takes(int(row[0]))
    await database.run(_FORGET, queue=queue, what=what)
    return None if row is None else int(row[0])


async def begin_or_join(database: Work, queue: str, what: str, by: str) -> int | None:
    """As `begin`; where one of its kind is open, as one is whose process died, its id. None where that just ended."""
    known = await begin(database, queue, what, by)
    if known is not None:
        return known
    row = await database.one(_OPEN, queue=queue, what=what)
    return None if row is None else int(row[0])


async def is_canceled(database: Work, progress: int) -> bool:
    """Whether somebody wants it to stop."""
    row = await database.one(_IS_CANCELED, id=progress)
    return row is not None and bool(row[0])


async def step(database: Work, progress: int, done: int, total: int) -> bool:
    """So far it is. False where it is to stop: somebody canceled it, or it has ended."""
    row = await database.one(_STEP, id=progress, done=done, total=total)
    return row is not None and bool(row[0])


async def wait(database: Work, progress: int) -> bool:
    """It has begun, and waits for what other work holds. False where it is to stop, as `step`."""
    row = await database.one(_WAIT, id=progress)
    return row is not None and bool(row[0])


async def note(database: Work, progress: int, place: tuple[int, int], result: msgspec.Struct) -> bool:
    """As `step`, and this came of it until here: in the transaction of that effect, one that is begun again goes on
    from it. `place`: done, total. False where it is to stop: somebody canceled it, or it has ended."""
    told = msgspec.json.encode(result).decode()
    row = await database.one(_NOTE, id=progress, done=place[0], total=place[1], result=told)
    return row is not None and bool(row[0])


def note_within(connection: Connection, progress: int, place: tuple[int, int], result: msgspec.Struct) -> bool:
    """As `note`, in the transaction of a deploy."""
    values = {"id": progress, "done": place[0], "total": place[1], "result": msgspec.json.encode(result).decode()}
    row = connection.exec_driver_sql(_NOTE.text, values).one_or_none()
    return row is not None and bool(row[0])


def done_within(connection: Connection, queue: str, what: str, by: str, result: msgspec.Struct) -> None:
    """Note work of this kind that nobody watched, and that all of it is done, in the transaction that does it."""
    connection.exec_driver_sql(_FORGET.text, {"queue": queue, "what": what})
    told = msgspec.json.encode(result).decode()
    connection.exec_driver_sql(_DONE.text, {"queue": queue, "what": what, "by": by, "result": told})


async def expect(database: Work, progress: int, result: msgspec.Struct) -> None:
    """What its job begins with."""
    await database.run(_EXPECT, id=progress, result=msgspec.json.encode(result).decode())


async def noted(database: Work, progress: int) -> bytes | None:
    """What came of it until now, empty for nothing yet; None where it has ended."""
    row = await database.one(_NOTED, id=progress)
    return None if row is None else (row[0] or "").encode()


async def end(database: Work, progress: int, stage: Stage, result: msgspec.Struct | None = None) -> bool:
    """It ended so, and this came of it. False where it had ended before, which stays as it is."""
    told: Any = None if result is None else msgspec.json.encode(result).decode()
    return await database.one(_END, id=progress, stage=stage.value, result=told) is not None


async def cancel(database: Work, queue: str, progress: int) -> bool:
    """Have it stop at its next step; asked again it has ended, whatever became of its job. False where it has ended
    before, or is another org's."""
    return await database.one(_CANCEL, id=progress, queue=queue) is not None


async def newest(database: Work, queue: str, whats: Sequence[str]) -> Progress | None:
    """The last one of these kinds; None where there was none."""
    row = await database.one(_NEWEST, queue=queue, whats=list(whats))
    return None if row is None else _progress(row)


async def listed(database: Work, queue: str) -> list[Progress]:
    """All that is known, newest first."""
    rows = await database.rows(_LISTED, queue=queue)
    return [_progress(row) for row in rows]


def _progress(row: tuple[Any, ...]) -> Progress:
    known, what, by, stage, done, total, canceled, asked, begun, ended, result = row
    return Progress(known, what, by, Stage(stage), done, total, canceled, asked, begun, ended, (result or "").encode())
