"""The recovery list: after a restore, what devices offered again, what of it came back, and what an admin has to look
at; and which devices nobody has heard of since (DESIGN 5)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import ClauseElement, ColumnElement, MetaData, bindparam, case, func, or_, select

from fieldsync.base.world import instant
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.transactions import TransactionLine
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database

LINES_MAX = 200
BACK, GATHERED = ("Success", "Manual"), ("New", "Retry", "InProgress")


class Unheard(msgspec.Struct, frozen=True):
    """A device that has not asked for anything since the server's history began anew."""

    user: str
    name: str
    platform: str | None
    last_seen: str | None


class Recovery(msgspec.Struct, frozen=True):
    """`since`: when the server's present history began; None where it is the first. The lists are cut; counts not."""

    since: str | None
    back: int
    gathered: int
    open: int
    lines: tuple[TransactionLine, ...]
    """Those that did not fit first, then those that gather, then those that are back."""
    unheard: tuple[Unheard, ...]


async def recovery(org: Org, database: Database) -> Recovery:
    """The recovery list as it is now."""
    row = await database.one(_began(org.metadata))
    assert row is not None, "an org has an epoch before it serves"
    number, begun = row
    counted = dict(await database.rows(_counted(org.metadata)))
    rows = await database.rows(_lines(org.metadata), limit=LINES_MAX)
    lines = [TransactionLine(r[0], r[1], _text(r[2]), r[3], r[4], int(r[5] or 0), *r[6:]) for r in rows]
    unheard = await database.rows(_unheard(org.metadata), begun=begun, limit=LINES_MAX) if number > 1 else []
    return Recovery(
        instant(begun) if number > 1 else None,
        sum(counted.get(status, 0) for status in BACK),
        sum(counted.get(status, 0) for status in GATHERED),
        sum(count for status, count in counted.items() if status not in (*BACK, *GATHERED)),
        tuple(lines),
        tuple(Unheard(user, name, platform, _text(seen)) for user, name, platform, seen in unheard),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


@compiled_once
def _began(metadata: MetaData) -> ClauseElement:
    epoch = metadata.tables["_epoch"]
    return select(epoch.c.number, epoch.c.begun_at).order_by(epoch.c.number.desc()).limit(1)


@compiled_once
def _counted(metadata: MetaData) -> ClauseElement:
    t = metadata.tables["Sync_Transaction"]
    return select(t.c.Status, func.count()).where(_offered(metadata)).group_by(t.c.Status)


@compiled_once
def _lines(metadata: MetaData) -> ClauseElement:
    t, user = metadata.tables["Sync_Transaction"], metadata.tables["User"]
    place = case((or_(*(t.c.Status == s for s in BACK)), 2), (or_(*(t.c.Status == s for s in GATHERED)), 1), else_=0)
    columns = (t.c.Id, t.c.Status, t.c.Received_At, func.coalesce(user.c.Name, t.c.UserId), t.c.Root_Object)
    query = select(*columns, t.c.Expected_Records, t.c.Last_Log, t.c.Name)
    joined = query.select_from(t.outerjoin(user, user.c.Id == t.c.UserId)).where(_offered(metadata))
    return joined.order_by(place, t.c.Offered_Again.desc(), t.c.Id).limit(bindparam("limit"))


def _offered(metadata: MetaData) -> ColumnElement[bool]:
    t = metadata.tables["Sync_Transaction"]
    found: ColumnElement[bool] = t.c.Offered_Again.is_not(None) & t.c.IsDeleted.is_(False)
    return found


@compiled_once
def _unheard(metadata: MetaData) -> ClauseElement:
    device, user = metadata.tables["Device"], metadata.tables["User"]
    begun = func.date_trunc("second", bindparam("begun"))  # as when a device was seen is kept by the second
    silent = or_(device.c.Last_Seen_At.is_(None), device.c.Last_Seen_At < begun)
    query = select(user.c.Name, device.c.Name, device.c.Platform, device.c.Last_Seen_At)
    joined = query.select_from(device.join(user, user.c.Id == device.c.UserId))
    there = device.c.Active.is_(True) & device.c.IsDeleted.is_(False)
    return joined.where(there, silent).order_by(user.c.Name, device.c.Name).limit(bindparam("limit"))
