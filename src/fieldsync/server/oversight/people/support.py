"""Support sessions as the console lists them: who looked at whose view, why, from when to when, and what he saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, ClauseElement, MetaData, bindparam, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database

LISTED_MAX = 20


class Stage(StrEnum):
    """Where a session stands."""

    BEGUN = "begun"
    """Its code was not used yet."""
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True)
class SupportSession:
    """One of them. `saves`: how many transactions came from it."""

    id: str
    user_id: str
    person: str
    platform: str
    by: str
    reason: str
    begun_at: str
    opened_at: str
    until: str
    editing: bool
    stage: Stage
    saves: int


async def support_sessions(org: Org, database: Database, user_id: str = "") -> list[SupportSession]:
    """The newest, of one person or of all."""
    rows = await database.rows(_sessions(org.metadata), user=user_id, id="")
    return [_session(row, org.world.clock.now()) for row in rows]


async def support_session(org: Org, database: Database, device_id: str) -> SupportSession:
    """One of them. Raises Refused(NOT_FOUND)."""
    rows = await database.rows(_sessions(org.metadata), user="", id=device_id)
    if not rows:
        raise Refused(problem(Code.NOT_FOUND, object="A support session", id=device_id))
    return _session(rows[0], org.world.clock.now())


def _session(row: tuple[Any, ...], now: datetime) -> SupportSession:
    device, user_id, person, platform, by, reason, begun, opened, until, editing, saves = row
    stage = Stage.ENDED if until is None or until <= now else Stage.OPEN if opened else Stage.BEGUN
    times = (_at(begun), _at(opened), _at(until))
    told = (bool(editing), stage, int(saves))
    return SupportSession(device, user_id, person, platform, by, reason or "", *times, *told)


def _at(moment: datetime | None) -> str:
    return "" if moment is None else instant(moment)


@compiled_once
def _sessions(metadata: MetaData) -> ClauseElement:
    device, user, sent = (metadata.tables[name] for name in ("Device", "User", "Sync_Transaction"))
    admin = user.alias("admin")
    saves = select(func.count()).where(sent.c.DeviceId == device.c.Id).scalar_subquery()
    who = (device.c.Id, user.c.Id, func.coalesce(user.c.Name, user.c.Username), device.c.Platform)
    what = (func.coalesce(admin.c.Name, admin.c.Username), device.c.Support_Reason, device.c.Registered_At)
    how = (device.c.Support_Opened_At, device.c.Support_Until, device.c.Support_Editing, saves)
    joined = device.join(user, user.c.Id == device.c.UserId).join(admin, admin.c.Id == device.c.Support_ById)
    of_user: BindParameter[str] = bindparam("user")
    of_id: BindParameter[str] = bindparam("id")
    chosen = ((of_user == "") | (device.c.UserId == of_user)) & ((of_id == "") | (device.c.Id == of_id))
    query = select(*who, *what, *how).select_from(joined).where(chosen, device.c.IsDeleted.is_(False))
    return query.order_by(device.c.Registered_At.desc(), device.c.Id.desc()).limit(LISTED_MAX)
