"""An admin's wish that a person's errors go, carried out by each of his devices at its next sync (FEATURES G08).

The wish is a mark on the user, set by an ordinary save, so the journal says who set it and when. A device hands over
what it is about to take back; that is kept here for an admin to fetch, and the transactions end as canceled. When every
active device of the person is through, the mark goes off by itself.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
from sqlalchemy import ClauseElement, Select, and_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import unix_ms
from fieldsync.protocol.clearing import Cleared, Clearing, ErrorEntry
from fieldsync.protocol.session import Settings
from fieldsync.protocol.upload import Change, Item, Operation, Rejected
from fieldsync.server.configuration.mobile import settings_of
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.marks import mark_taken_back
from fieldsync.server.save.batch import Caller, Frame, Incoming
from fieldsync.server.save.elsewhere.known import last_set
from fieldsync.server.save.head import as_sender, lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin

FLAG = "Clear_Errors"
COMMENT = "Cleared on the device at an admin's wish; its content is kept"
_KEPT = system_table("_cleared")


async def wish(org: Org, database: Database, caller: Caller) -> tuple[str | None, Settings]:
    """The wish that this device has still to carry out, None when there is none; and the settings it is to follow."""
    row = await database.one(org.read.wished, user=caller.user_id)
    assert row is not None, "who asks is there"
    settings = settings_of(row[2:], detailed_log=row[1])
    if caller.device_id is None or caller.supporter is not None or not row[0]:
        return None, settings
    asked = await _asked(database, caller.user_id)
    done = await database.one(_DONE, device=caller.device_id, asked=asked)
    return (None if done else asked), settings


async def _asked(database: Database, user: RecordId) -> str:
    """Which wish it is: the version of the user that the mark was set in."""
    known = (await last_set(database, FLAG, [user])).get(user)
    return str(known.version if known is not None else 0)


async def clear(org: Org, begin: Begin, sent: Clearing) -> Cleared:
    """Keep what a device hands over and end its transactions. Sending it again does nothing more. Raises Refused."""
    async with begin() as (database, caller):
        sender = as_sender(caller, sent.device)
        frame = await lock_head(org, database, caller)
        first = min((entry.n for entry in sent.entries), default=0)
        kept = await database.one(_AGAIN, device=caller.device_id, asked=sent.asked, first=first)
        if kept is not None:
            return Cleared(tuple(entry.n for entry in _ENTRIES.decode(kept[0])))
        if (await wish(org, database, caller))[0] != sent.asked:
            return Cleared(())
        numbers = tuple(entry.n for entry in sent.entries)
        await mark_taken_back(org, database, sender, frame, numbers, comment=COMMENT)
        row = {"user_id": caller.user_id, "device_id": caller.device_id, "asked": sent.asked, "first": first}
        content = msgspec.json.encode(sent.entries)
        await database.run(_KEEP, **row, last=sent.last, at=org.world.clock.now(), content=content)
        if sent.last:
            await _end(org, database, caller, frame)
        return Cleared(numbers)


async def _end(org: Org, database: Database, caller: Caller, frame: Frame) -> None:
    """Take the mark off once no active device has still to come."""
    asked = await _asked(database, caller.user_id)
    waiting = await database.one(compile_statement(_still_to_come(org)), user=caller.user_id, asked=asked)
    if waiting is None:
        await _mark(org, database, (await admin_of(org, database), frame), caller.user_id, on=False)


def _still_to_come(org: Org) -> Select[str]:
    device = org.metadata.tables["Device"]
    through = exists().where(
        _KEPT.c.device_id == device.c.Id, _KEPT.c.asked == bindparam("asked"), _KEPT.c.last.is_(True)
    )
    active = and_(device.c.Active.is_(True), device.c.IsDeleted.is_(False))
    return select(device.c.Id).where(device.c.UserId == bindparam("user"), active, ~through).limit(1)


async def ask(org: Org, database: Database, username: str, *, on: bool, by: Caller | None = None) -> None:
    """Set the mark of a person, or take it off, in the name of an admin; of the org's first one where nobody is named.
    Raises Refused(NOT_FOUND)."""
    user = org.metadata.tables["User"]
    found = select(user.c.Id).where(user.c.Username == bindparam("name"), user.c.IsDeleted.is_(False))
    row = await database.one(compile_statement(found), name=username)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="User", id=username))
    caller = by or await admin_of(org, database)
    await _mark(org, database, (caller, await lock_head(org, database, caller)), row[0], on=on)


async def _mark(org: Org, database: Database, who: tuple[Caller, Frame], user: RecordId, *, on: bool) -> None:
    """A save like any other, so that it is journaled and reaches devices."""
    caller, frame = who
    changes = {FLAG: Change(not on, on)}
    transaction_id = uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10))
    item = Item("User", user, Operation.UPDATE, changes)
    done = await save(
        org, database, caller, replace(frame, scope=None), (Incoming(transaction_id, 0, "", frame.now, (item,)),)
    )
    outcome = done.results[0].outcome
    if isinstance(outcome, Rejected):
        raise Refused(outcome.problems[0])


async def exported(org: Org, database: Database, device_id: str = "") -> list[bytes]:
    """Everything that was ever cleared, oldest first: one JSON object a device and time, as lines. Of one device also
    what it handed over without clearing it."""
    user, device = org.metadata.tables["User"], org.metadata.tables["Device"]
    joined = _KEPT.outerjoin(user, user.c.Id == _KEPT.c.user_id).outerjoin(device, device.c.Id == _KEPT.c.device_id)
    query = select(user.c.Username, device.c.Name, _KEPT.c.device_id, _KEPT.c.at, _KEPT.c.content)
    handed = _KEPT.c.asked.bool_op("~")("^(wipe|queue) ")
    chosen = query.where((_KEPT.c.device_id == bindparam("device")) | ((bindparam("device") == "") & ~handed))
    ordered = chosen.select_from(joined).order_by(_KEPT.c.at, _KEPT.c.first)
    rows = await database.rows(compile_statement(ordered), device=device_id)
    return [
        msgspec.json.encode(
            {"user": name, "device": label, "device_id": one, "at": at, "entries": msgspec.Raw(bytes(content))}
        )
        + b"\n"
        for name, label, one, at, content in rows
    ]


def _keep() -> ClauseElement:
    return insert(_KEPT).values({c.name: bindparam(c.name) for c in _KEPT.c})


_MINE = and_(_KEPT.c.device_id == bindparam("device"), _KEPT.c.asked == bindparam("asked"))
_DONE = compile_statement(select(_KEPT.c.at).where(_MINE, _KEPT.c.last.is_(True)))
_AGAIN = compile_statement(select(_KEPT.c.content).where(_MINE, _KEPT.c.first == bindparam("first")))
_KEEP = compile_statement(_keep())
_ENTRIES = msgspec.json.Decoder(tuple[ErrorEntry, ...])
