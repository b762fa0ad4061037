"""What watched work is about, where that is too long for a job's arguments, and its report: kept piece by piece.

It goes with the note of the work, which the next of its kind takes the place of.
"""

from __future__ import annotations

from fieldsync.server.postgres.compiled import written
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA
from fieldsync.server.postgres.work import Work

PIECE_BYTES = 1024 * 1024
_T = f"{QUEUE_SCHEMA}.brought"


_PUT = written(
    f"INSERT INTO {_T} (progress, kind, part, content) VALUES (%(id)s, %(kind)s, %(part)s, %(content)s)"  # noqa: S608
    " ON CONFLICT (progress, kind, part) DO UPDATE SET content = excluded.content",
    *("id", "kind", "part", "content"),
)
_GET = written(
    f"SELECT content FROM {_T} WHERE progress = %(id)s AND kind = %(kind)s AND part = %(part)s",  # noqa: S608
    *("id", "kind", "part"),
)
_NEXT = written(
    f"SELECT part, content FROM {_T} WHERE progress = %(id)s AND kind = %(kind)s AND part > %(part)s"  # noqa: S608
    " ORDER BY part LIMIT 1",
    *("id", "kind", "part"),
)
_MOVE = written(
    f"UPDATE {_T} SET progress = %(to)s WHERE progress = %(id)s AND kind = %(kind)s",  # noqa: S608
    *("id", "to", "kind"),
)
_FORGET = written(f"DELETE FROM {_T} WHERE progress = %(id)s AND kind = %(kind)s", "id", "kind")  # noqa: S608


async def put(database: Work, progress: int, kind: str, part: int, content: bytes) -> None:
    """Keep one piece."""
    await database.run(_PUT, id=progress, kind=kind, part=part, content=content)


async def get(database: Work, progress: int, kind: str, part: int) -> bytes | None:
    """One piece; None where there is none."""
    row = await database.one(_GET, id=progress, kind=kind, part=part)
    return None if row is None else bytes(row[0])


async def after(database: Work, progress: int, kind: str, part: int) -> tuple[int, bytes] | None:
    """The next piece behind this one, and its place; None behind the last."""
    row = await database.one(_NEXT, id=progress, kind=kind, part=part)
    return None if row is None else (int(row[0]), bytes(row[1]))


async def move(database: Work, progress: int, to: int, kind: str) -> None:
    """What was brought with one is about another now."""
    await database.run(_MOVE, id=progress, to=to, kind=kind)


async def forget(database: Work, progress: int, kind: str) -> None:
    """It is needed no more."""
    await database.run(_FORGET, id=progress, kind=kind)
