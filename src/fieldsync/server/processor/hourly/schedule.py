"""The schedules of an org: records that say at which hour transactions which are not decided are run again (J04, J05).

The queue gives every org one job an hour, however many servers run. It marks what a schedule of that hour takes up as
due, in one transaction, and defers a job for each device concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, MetaData, any_, bindparam, cast, func, or_, select, update

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.log import get_logger
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.begin.schedules import OBJECT
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.deferred import run_soon
from fieldsync.server.processor.states import Act, Status, move

RETRIES = "Processor_Retries_Max"
COLUMNS = ("Id", "Name", "Template", "Active", "Hour", "Look_Back_Days", "Last_Run_At", "Description")
_log = get_logger("fieldsync.server")


@dataclass(frozen=True)
class Schedule:
    """One record."""

    id: RecordId
    name: str
    template: bool
    active: bool
    hour: int
    look_back_days: int
    last_run_at: datetime | None = None
    description: str | None = None


async def schedules(org: Org, database: Database) -> list[Schedule]:
    """Every schedule, the template first."""
    if OBJECT not in org.catalog:
        return []
    table = org.metadata.tables[OBJECT]
    query = select(*(table.c[name] for name in COLUMNS)).where(table.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(query.order_by(table.c.Template.desc(), table.c.Name, table.c.Id)))
    return [Schedule(r[0], r[1] or "", r[2], r[3], int(r[4]), int(r[5]), r[6], r[7]) for r in rows]


def cloned(schedule: Schedule, new_id: RecordId, name: str) -> Item:
    """The save that makes a copy, not active yet. Pure."""
    values = {"Name": name, "Hour": schedule.hour, "Look_Back_Days": schedule.look_back_days}
    values |= {"Description": schedule.description, "Template": False, "Active": False}
    return Item(OBJECT, new_id, Operation.CREATE, {k: Change(None, v) for k, v in values.items() if v is not None})


def changed(schedule: Schedule, values: Mapping[str, Any]) -> Item | None:
    """The save that gives it these values of `Name`, `Hour`, `Look_Back_Days` and `Active`; None where nothing differs.

    Raises Refused(UNUSABLE) for the template, and for an hour or a time that cannot be. Pure.
    """
    what = f"The schedule {schedule.name}"
    if schedule.template:
        raise Refused(problem(Code.UNUSABLE, what=what, reason="it is the template: clone it, then change the clone"))
    hour, days = int(values.get("Hour", schedule.hour)), int(values.get("Look_Back_Days", schedule.look_back_days))
    if not 0 <= hour < 24 or not 1 <= days <= limits.SCHEDULE_LOOK_BACK_DAYS_MAX:
        reason = f"the hour is 0 to 23, and it looks back 1 to {limits.SCHEDULE_LOOK_BACK_DAYS_MAX} days"
        raise Refused(problem(Code.UNUSABLE, what=what, reason=reason))
    now = {"Name": schedule.name, "Hour": schedule.hour, "Look_Back_Days": schedule.look_back_days}
    now |= {"Active": schedule.active}
    changes = {name: Change(now[name], value) for name, value in values.items() if now[name] != value}
    return Item(OBJECT, schedule.id, Operation.UPDATE, changes) if changes else None


async def run_hour(org: Org, moment: datetime) -> int:
    """What an hour's job does. Returns how many devices have something to run. A second time in an hour does nothing
    that the first did not."""
    async with transaction(org.pool) as database:
        await _tell_stuck(org, database)
        due = [s for s in await schedules(org, database) if s.active and not s.template and s.hour == moment.hour]
        if not due:
            return 0
        devices = await _mark_due(org, database, max(schedule.look_back_days for schedule in due))
        for device, signed in devices.items():
            await run_soon(org, database, device, first=signed)
        table = org.metadata.tables[OBJECT]
        ran = update(table).where(table.c.Id == any_(bindparam("ids"))).values(Last_Run_At=bindparam("now"))
        await database.run(compile_statement(ran), ids=[s.id for s in due], now=org.world.clock.now())
    return len(devices)


async def _mark_due(org: Org, database: Database, look_back_days: int) -> dict[str, bool]:
    """Make what is new, put off, or failed not too often due now; the devices it is of, and whether it is signed."""
    t, u = org.metadata.tables["Sync_Transaction"], org.metadata.tables["_undecided"]
    since = (t.c.Received_At >= bindparam("since")) & (u.c.record_id == t.c.Id)
    few = (t.c.Status == Status.FAILED.value) & (func.coalesce(t.c.Failed_Attempts, 0) <= _retries(org.metadata))
    again = update(t).where(since, few).values(Status=move(Status.FAILED, Act.RETRY).to.value)
    now = org.world.clock.now()
    params = {"since": now - timedelta(days=look_back_days)}
    await database.run(compile_statement(again), **params)
    waiting = or_(t.c.Status == Status.NEW.value, t.c.Status == Status.RETRY.value)
    gathers = u.c.offered.is_not(None) & u.c.due_at.is_not(None)  # after a restore: it has its own time
    due = update(u).where(since, waiting, ~gathers).values(due_at=bindparam("now")).returning(u.c.device, t.c.Signed)
    rows = await database.rows(compile_statement(due), **params, now=now)
    signed = {device for device, holds in rows if holds == "Yes"}
    return {device: device in signed for device in sorted({device for device, _ in rows})}


def _retries(metadata: MetaData) -> ColumnElement[int]:
    """How often a transaction's person's failed ones run again: as his profile says, or the org, or the product."""
    t, user, s = (metadata.tables[name] for name in ("Sync_Transaction", "User", "Sync_Setting"))
    here = or_(s.c.ProfileId.is_(None), s.c.ProfileId == user.c.ProfileId)
    of_person = select(cast(s.c.Value, Integer)).select_from(s.join(user, user.c.Id == t.c.UserId)).correlate(t)
    said = of_person.where(s.c.Setting == RETRIES, s.c.IsDeleted.is_(False), here, s.c.Value.op("~")("^[0-9]{1,3}$"))
    first = said.order_by(s.c.ProfileId.nulls_last(), s.c.Id).limit(1).scalar_subquery()
    return func.coalesce(first, limits.PROCESSOR_RETRIES_MAX)


async def stuck(org: Org, database: Database) -> int:
    """How many transactions were taken more than a day ago and never run (FEATURES J19)."""
    t = org.metadata.tables["Sync_Transaction"]
    old = (t.c.Status == Status.NEW.value) & (t.c.Received_At < bindparam("before"))
    before = org.world.clock.now() - timedelta(days=limits.STUCK_DAYS)
    row = await database.one(compile_statement(select(func.count()).select_from(t).where(old)), before=before)
    return int(row[0]) if row is not None else 0


async def _tell_stuck(org: Org, database: Database) -> None:
    count = await stuck(org, database)
    if count:
        _log.error("transactions stuck", org=org.name, count=count, days=limits.STUCK_DAYS)
