"""Whether a device is to load everything anew, and that it has. The mark stays until it did, however often it is cut.

A mark on a person stands for one on each of his devices: it becomes those at the first contact of any of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import ClauseElement, MetaData, bindparam, select, update

from fieldsync.base.ids import uuid7
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Rejected
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Caller, Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.forcing.reload import owed_questions, reload_owed

FLAG = "Force_Refresh"
REASON = problem(Code.REFRESH_REQUIRED, reason="your admin wants it loaded anew", forced=True)


async def forced(org: Org, caller: Caller) -> Problem | None:
    """Why this device has to refresh, if an admin wants that. To be asked while a snapshot is held."""
    if caller.device_id is None or caller.supporter is not None:
        return None
    async with transaction(org.beside) as database:
        database.ahead(*owed_questions(org, caller))
        row = await database.one(_marks(org.metadata), user=caller.user_id, device=caller.device_id)
        if row is None or not any(row):
            return await _overdue(org, database, caller)
        if row[0]:
            await database.run(_spread(org.metadata), user=caller.user_id)
            await _take_off(org, database, caller)
    return REASON


async def _overdue(org: Org, database: Database, caller: Caller) -> Problem | None:
    """A wish for all devices, once its day has come."""
    owed = await reload_owed(org, database, caller)
    return REASON if owed is not None and owed.due <= org.world.clock.now().date().isoformat() else None


async def note_refreshed(org: Org, caller: Caller, began: datetime) -> None:
    """The device has everything anew, as it stood at `began`."""
    async with transaction(org.pool) as database:
        await database.run(_refreshed(org.metadata), device=caller.device_id, at=began.replace(microsecond=0))


async def _take_off(org: Org, database: Database, caller: Caller) -> None:
    """The person's mark has become those of his devices: a save, so that it is journaled and reaches devices."""
    admin = await admin_of(org, database)
    frame = await lock_head(org, database, admin)
    transaction_id = uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10))
    item = Item("User", caller.user_id, Operation.UPDATE, {FLAG: Change(True, False)})
    one = Incoming(transaction_id, 0, "", frame.now, (item,))
    outcome = (await save(org, database, admin, replace(frame, scope=None), (one,))).results[0].outcome
    if isinstance(outcome, Rejected):
        raise Refused(outcome.problems[0])


@compiled_once
def _marks(metadata: MetaData) -> ClauseElement:
    user, device = metadata.tables["User"], metadata.tables["Device"]
    both = user.join(device, device.c.UserId == user.c.Id)
    mine = (user.c.Id == bindparam("user"), device.c.Id == bindparam("device"))
    return select(user.c[FLAG], device.c[FLAG]).select_from(both).where(*mine)


@compiled_once
def _spread(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    active = (device.c.UserId == bindparam("user"), device.c.Active.is_(True), device.c.IsDeleted.is_(False))
    return update(device).where(*active).values({FLAG: True})


@compiled_once
def _refreshed(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    return (
        update(device)
        .where(device.c.Id == bindparam("device"))
        .values({FLAG: False, "Last_Full_Sync_At": bindparam("at")})
    )
