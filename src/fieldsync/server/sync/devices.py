"""The record of a device: one row of `Device` per store, made when it first signs in (FEATURES I11)."""

from __future__ import annotations

from sqlalchemy import ClauseElement, MetaData, Text, bindparam, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.session import Assigned, DeviceDescription, MyTerritories
from fieldsync.schema.fields import literal_default
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Frame, Row, Wave, encode_rows
from fieldsync.server.save.changes import change_row
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.stamp import system_columns
from fieldsync.server.scope.people import works_now

RESCUE_CHARS_MAX = 128


async def register_device(org: Org, database: Database, user_id: RecordId, description: DeviceDescription) -> RecordId:
    """Create the device's record and return its id."""
    caller = Caller(user_id, "", Channel.API)
    frame = await lock_head(org, database, caller)
    row: Row = {
        "Name": description.name[:255] or description.platform.value,
        "UserId": user_id,
        "Platform": description.platform.value,
        "OS_Version": description.os_version[:80],
        "App_Version": description.app_version[:80],
        "Registered_At": instant(org.world.clock.now()),
        "Active": True,
    }
    return await create_system_record(org, database, caller, frame, "Device", row)


async def create_system_record(
    org: Org, database: Database, caller: Caller, frame: Frame, name: str, values: Row
) -> RecordId:
    """Write one record that the platform itself keeps, with its log entry."""
    object_type = org.catalog[name]
    ((counter,),) = await database.rows(org.save.server_ids, count=1)
    record_id = ids.mint(object_type.prefix, frame.server_number, counter)
    row = {column: literal_default(field) for column, field in object_type.column_fields.items()}
    row |= values | system_columns(Wave(caller, frame, []), record_id)
    await database.run(org.save.insert(name), rows=encode_rows([row]))
    ref = RecordRef(name, record_id)
    entry = change_row(frame=frame, ref=ref, kind="created", root=ref, transaction_id=None, device=None, old=None)
    await database.run(org.save.add_changes, rows=encode_rows([entry]))
    return record_id


async def pick_territory(org: Org, database: Database, caller: Caller, territory: RecordId | None) -> None:
    """The device's person works in this one of his territories here. Raises Refused(NOT_FOUND) for one of others."""
    today = org.world.clock.now().date()
    given = {"device": caller.device_id, "user": caller.user_id, "territory": territory, "today": today}
    if not await database.run(_pick(org.metadata), **given):
        raise Refused(problem(Code.NOT_FOUND, object="Territory", id=territory or ""))


@compiled_once
def _pick(metadata: MetaData) -> ClauseElement:
    device, works = metadata.tables["Device"], metadata.tables["User_Territory"]
    wanted = cast(bindparam("territory"), Text)
    his = select(works.c.Id).where(works.c.UserId == bindparam("user"), works.c.TerritoryId == wanted, works_now(works))
    mine = (device.c.Id == bindparam("device"), or_(wanted.is_(None), his.exists()))
    return update(device).where(*mine).values(TerritoryId=wanted)


async def assigned(org: Org, database: Database, caller: Caller) -> MyTerritories:
    """The territories the caller works in today."""
    rows = await database.rows(_assigned(org.metadata), user=caller.user_id, today=org.world.clock.now().date())
    return MyTerritories(tuple(Assigned(RecordId(i), str(name or i), primary=bool(main)) for i, name, main in rows))


async def keep_rescue(org: Org, database: Database, caller: Caller, secret: str) -> None:
    """Keep what opens the caller's device, in place of what did. Raises Refused: FORBIDDEN, BAD_REQUEST."""
    if caller.device_id is None:
        raise Refused(problem(Code.FORBIDDEN, reason="only a device has a rescue"))
    if not secret or len(secret) > RESCUE_CHARS_MAX:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"the secret has 1 to {RESCUE_CHARS_MAX} characters"))
    await database.run(_keep(org.metadata), device=caller.device_id, secret=secret)


async def rescue(org: Org, database: Database, user_id: RecordId, number: str) -> str:
    """What opens this person's device of that number. Raises Refused: FORBIDDEN for one out of service, DEVICE_WIPE
    for one that is to be emptied, AUTH for another person's and for one that is not known."""
    row = await database.one(_kept(org.metadata), number=number, user=user_id)
    if row is None:
        raise Refused(problem(Code.AUTH))
    if row[2]:
        raise Refused(problem(Code.DEVICE_WIPE))
    if not row[1]:
        raise Refused(problem(Code.FORBIDDEN, reason="an admin took this device out of service"))
    return str(row[0])


@compiled_once
def _assigned(metadata: MetaData) -> ClauseElement:
    works, territory = metadata.tables["User_Territory"], metadata.tables["Territory"]
    main = func.bool_or(works.c.Primary)
    rows = select(territory.c.Id, territory.c.Name, main).join(works, works.c.TerritoryId == territory.c.Id)
    mine = rows.where(works.c.UserId == bindparam("user"), works_now(works), territory.c.IsDeleted.is_(False))
    return mine.group_by(territory.c.Id, territory.c.Name).order_by(main.desc(), territory.c.Name, territory.c.Id)


@compiled_once
def _keep(metadata: MetaData) -> ClauseElement:
    table = metadata.tables["_rescue"]
    new = insert(table).values(device_id=bindparam("device"), secret=bindparam("secret"))
    return new.on_conflict_do_update(index_elements=["device_id"], set_={"secret": new.excluded.secret})


@compiled_once
def _kept(metadata: MetaData) -> ClauseElement:
    kept, issued, device = (metadata.tables[name] for name in ("_rescue", "_device_number", "Device"))
    rows = select(kept.c.secret, device.c.Active, device.c.Wipe).join(issued, issued.c.device_id == kept.c.device_id)
    mine = (issued.c.number == bindparam("number"), issued.c.user_id == bindparam("user"))
    return rows.join(device, device.c.Id == kept.c.device_id).where(*mine)
