"""What devices log of their own work: kept by device and number, so that a line that comes again is the same.

It is no record: nobody saves it, no rule selects it, and it is on no feed. Admins read it on the device's page.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, DateTime, Text, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.protocol.tracking import LogLine
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import legible

_LOG = system_table("_device_log")
_COLUMNS = ("number", "at", "level", "text")


class Line(NamedTuple):
    """One line as an admin reads it."""

    at: str
    level: str
    text: str


def keep_log(database: Database, device_id: RecordId, lines: Iterable[LogLine], now: datetime) -> int:
    """Keep what comes; the number of the last one, 0 where there is none."""
    rows = sorted(lines, key=lambda line: line.number)
    if not rows:
        return 0
    given: dict[str, Any] = {f"{name}s": [getattr(row, name) for row in rows] for name in _COLUMNS}
    given["texts"] = [legible(text, len(text)) for text in given["texts"]]
    database.later(_statements()[0], device=device_id, now=now, **given)
    return rows[-1].number


async def log_of(database: Database, device_id: str, most: int, levels: Iterable[str] = ()) -> list[Line]:
    """The newest lines of a device, the newest first; of these levels, or of all."""
    chosen = list(levels)
    rows = await database.rows(_statements()[1], device=device_id, most=most, all=not chosen, levels=chosen)
    return [Line(instant(at), level, text) for at, level, text in rows]


@cache
def _statements() -> tuple[Statement, Statement]:
    """What keeps lines, and what reads them."""
    kinds: dict[str, Any] = {"number": BigInteger, "at": DateTime(timezone=True), "level": Text, "text": Text}
    lists = [cast(bindparam(f"{name}s"), ARRAY(kind)) for name, kind in kinds.items()]
    sent = func.unnest(*lists).table_valued(*_COLUMNS).render_derived(name="sent")
    columns = [sent.c[name] for name in _COLUMNS]
    rows = select(bindparam("device"), *columns, cast(bindparam("now"), DateTime(timezone=True)))
    kept = insert(_LOG).from_select(["device_id", *_COLUMNS, "received_at"], rows).on_conflict_do_nothing()
    c = _LOG.c
    asked = bindparam("all").is_(True) | (c.level == any_(cast(bindparam("levels"), ARRAY(Text))))
    read = select(c.at, c.level, c.text).where(c.device_id == bindparam("device"), asked)
    newest = read.order_by(c.at.desc(), c.number.desc()).limit(bindparam("most"))
    return compile_statement(kept), compile_statement(newest)
