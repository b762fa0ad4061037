"""A support session: begun by an admin in the console, opened once with a code, ended by the clock or by hand.

It is a device of the person, made for this one view: what it is sent follows from his rights, his sync rules and the
platform and territory of the device that is looked at. Its record says who looks, why, until when and whether he may
save; each of these is set by a save of the admin, so the journal has it. It never counts as one of the person's
devices: it is not in service, tells of no syncs, and carries out no wish that is meant for them.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, MetaData, bindparam, select, update

from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.session import OpenSupport, Platform, Session, Support
from fieldsync.protocol.upload import Change, Item, Operation, Rejected
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Frame, Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.devices import create_system_record
from fieldsync.server.sync.orders.orders import end_sessions
from fieldsync.server.sync.session import DEVICE_KEY_CHARS_MIN, digest, issue, open_session, person

MINUTES_MAX = 480
REASON_CHARS_MAX = 255
CODE_MINUTES = 15
"""So long the code opens the session."""
CODE_BYTES = 20


@dataclass(frozen=True)
class Begun:
    """A session that waits to be opened. The code stands nowhere else."""

    device: RecordId
    code: str


async def begin(org: Org, database: Database, caller: Caller, asked: tuple[str, str, int]) -> Begun:
    """Begin one on the view of a device: its id, why, and for how many minutes. Raises Refused: FORBIDDEN, NOT_FOUND,
    BAD_REQUEST."""
    device_id, reason, minutes = asked
    if not caller.rights.admin:
        raise Refused(problem(Code.FORBIDDEN, reason="support sessions are for admins"))
    if not reason.strip() or len(reason) > REASON_CHARS_MAX or not 1 <= minutes <= MINUTES_MAX:
        told = f"a support session has a reason and lasts 1 to {MINUTES_MAX} minutes"
        raise Refused(problem(Code.BAD_REQUEST, reason=told))
    row = await database.one(_looked_at(org.metadata), id=device_id)
    if row is None or row[4] is not None:
        raise Refused(problem(Code.NOT_FOUND, object="Device", id=device_id))
    user_id, username, platform, territory = row[:4]
    await person(org, database, username)
    frame = await lock_head(org, database, caller)
    now = org.world.clock.now()
    values = {"Name": "Support session", "UserId": user_id, "Platform": platform or Platform.BROWSER.value}
    values |= {"TerritoryId": territory, "Registered_At": instant(now), "Active": False, "Support_ById": caller.user_id}
    support = await create_system_record(org, database, caller, frame, "Device", values)
    code = base64.b32encode(org.world.chance.bytes(CODE_BYTES)).decode()
    await issue(org, database, user_id, support, digest(_key(org.name, code)))
    until = instant(now + timedelta(minutes=minutes))
    changes = {"Support_Reason": Change(None, reason.strip()), "Support_Until": Change(None, until)}
    await _change(org, database, (caller, frame), Item("Device", support, Operation.UPDATE, changes))
    return Begun(support, f"{org.name}-{code}")


async def open_begun(org: Org, database: Database, asked: OpenSupport) -> Session:
    """Open it, once: from here on the key that asks is the device. Raises Refused: AUTH, BAD_REQUEST."""
    if not DEVICE_KEY_CHARS_MIN <= len(asked.device.key) <= 128:
        raise Refused(problem(Code.BAD_REQUEST, reason="the device key must have 43 to 128 characters"))
    now, (_, code) = org.world.clock.now(), split(asked.code)
    row = await database.one(_begun(org.metadata), key=digest(_key(org.name, code)), now=now)
    if row is None or row[1] < now - timedelta(minutes=CODE_MINUTES):
        raise Refused(problem(Code.AUTH))
    number, _, device, username = row[:4]
    await database.run(_taken(org.metadata), number=number, key=digest(asked.device.key))
    told = {"app": asked.device.app_version[:80], "os": asked.device.os_version[:80]}
    await database.run(_opened(org.metadata), device=device, now=now, **told)
    session = await open_session(org, database, await person(org, database, username), number)
    return msgspec.structs.replace(session, support=await _stands(org, database, device))


async def standing(org: Org, database: Database, caller: Caller) -> Support:
    """How the caller's session stands. Raises Refused(NOT_FOUND) for a device that is none."""
    if caller.supporter is None or caller.device_id is None:
        raise Refused(problem(Code.NOT_FOUND, object="A support session", id=caller.device_id or ""))
    return await _stands(org, database, caller.device_id)


async def switch(org: Org, database: Database, caller: Caller, device_id: str, *, on: bool) -> None:
    """Let its admin save, or no longer. Raises Refused: NOT_FOUND, UNUSABLE for one that has ended."""
    editing, until = await _found(org, database, device_id)
    if until <= org.world.clock.now():
        raise Refused(problem(Code.UNUSABLE, what="This support session", reason="it has ended"))
    if editing != on:
        changes = {"Support_Editing": Change(editing, on)}
        by = caller, await lock_head(org, database, caller)
        await _change(org, database, by, Item("Device", RecordId(device_id), Operation.UPDATE, changes))


async def end(org: Org, database: Database, caller: Caller, device_id: str) -> Support:
    """It ends now; its next request is refused. One that has ended stays as it is. Raises Refused(NOT_FOUND)."""
    _, until = await _found(org, database, device_id)
    now = org.world.clock.now()
    if until > now:
        changes = {"Support_Until": Change(instant(until), instant(now))}
        by = caller if caller.supporter is None else await _admin(org, database, caller.supporter.id)
        item = Item("Device", RecordId(device_id), Operation.UPDATE, changes)
        await _change(org, database, (by, await lock_head(org, database, by)), item)
    await end_sessions(org, database, device_id)
    return await _stands(org, database, device_id)


def split(code: str) -> tuple[str, str]:
    """The org that a code is for, and the rest of it."""
    org, _, rest = code.strip().rpartition("-")
    return org, rest


def _key(org: str, code: str) -> str:
    """What stands for the code where device keys are, so that a device key is never one."""
    return hmac.digest(code.encode(), org.encode(), "sha256").hex()


async def _found(org: Org, database: Database, device_id: str) -> tuple[bool, datetime]:
    row = await database.one(_standing(org.metadata), device=device_id)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="A support session", id=device_id))
    return bool(row[3]), row[2]


async def _stands(org: Org, database: Database, device_id: str) -> Support:
    row = await database.one(_standing(org.metadata), device=device_id)
    assert row is not None, "it is there"
    return Support(row[0] or "", row[1] or "", instant(row[2]), bool(row[3]))


async def _admin(org: Org, database: Database, admin: RecordId) -> Caller:
    """Who looks, where the session's own token asks."""
    row = await database.one(_profile(org.metadata), user=admin)
    assert row is not None, "who began it is there"
    return Caller(admin, row[0], Channel.API, rights=org.rights.of(row[0]))


async def _change(org: Org, database: Database, by: tuple[Caller, Frame], item: Item) -> None:
    """A save like any other, so that it is journaled. Raises Refused."""
    caller, frame = by
    transaction_id = uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10))
    one = Incoming(transaction_id, 0, "", frame.now, (item,))
    outcome = (await save(org, database, caller, replace(frame, scope=None), (one,))).results[0].outcome
    if isinstance(outcome, Rejected):
        raise Refused(outcome.problems[0])


@compiled_once
def _looked_at(metadata: MetaData) -> ClauseElement:
    device, user = metadata.tables["Device"], metadata.tables["User"]
    columns = (user.c.Id, user.c.Username, device.c.Platform, device.c.TerritoryId, device.c.Support_ById)
    joined = device.join(user, user.c.Id == device.c.UserId)
    return select(*columns).select_from(joined).where(device.c.Id == bindparam("id"), device.c.IsDeleted.is_(False))


@compiled_once
def _profile(metadata: MetaData) -> ClauseElement:
    user, profile = metadata.tables["User"], metadata.tables["Profile"]
    joined = user.join(profile, profile.c.Id == user.c.ProfileId)
    return select(profile.c.Name).select_from(joined).where(user.c.Id == bindparam("user"))


@compiled_once
def _begun(metadata: MetaData) -> ClauseElement:
    number, device, user = (metadata.tables[name] for name in ("_device_number", "Device", "User"))
    joined = number.join(device, device.c.Id == number.c.device_id).join(user, user.c.Id == device.c.UserId)
    columns: tuple[Any, ...] = (number.c.number, number.c.issued_at, device.c.Id, user.c.Username)
    lasts = (device.c.Support_ById.is_not(None), device.c.Support_Until > bindparam("now"))
    query = select(*columns).select_from(joined).where(number.c.key_hash == bindparam("key"), *lasts)
    return query.with_for_update(of=number)


@compiled_once
def _taken(metadata: MetaData) -> ClauseElement:
    number = metadata.tables["_device_number"]
    return update(number).where(number.c.number == bindparam("number")).values(key_hash=bindparam("key"))


@compiled_once
def _opened(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    values: dict[str, Any] = {
        "Support_Opened_At": bindparam("now"),
        "App_Version": bindparam("app"),
        "OS_Version": bindparam("os"),
    }
    return update(device).where(device.c.Id == bindparam("device")).values(values)


@compiled_once
def _standing(metadata: MetaData) -> ClauseElement:
    device, user = metadata.tables["Device"], metadata.tables["User"]
    columns = (user.c.Name, device.c.Support_Reason, device.c.Support_Until, device.c.Support_Editing)
    joined = device.join(user, user.c.Id == device.c.Support_ById)
    return select(*columns).select_from(joined).where(device.c.Id == bindparam("device"))
