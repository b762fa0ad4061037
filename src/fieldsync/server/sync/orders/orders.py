"""What an admin wants of one device: told to it, kept what it hands over, noted what it has done (FEATURES M05, G12).

The wishes are fields of the device's record, set by an ordinary save, so the journal says who wanted it and when. What
becomes of them is told by the device itself. Whoever asks here has no session, only the key the device registered with;
one that nobody knows gets the same answer as one of whom nothing is wanted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, MetaData, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.protocol.clearing import DIAGNOSTIC, DIAGNOSTIC_CHARS_MAX, HandedOver, HandOver, Known, Orders, Wiped
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.sync.session import digest

WIPE, QUEUE = "wipe", "queue"
_KEPT = system_table("_cleared")


class _Wanted(msgspec.Struct, frozen=True):
    device: RecordId
    user: RecordId
    orders: Orders


async def orders(org: Org, database: Database, known: Known) -> Orders:
    """What is wanted of this device now; that it was told is noted."""
    wanted = await _wanted(org, database, known.key)
    if wanted is None:
        return Orders()
    now = org.world.clock.now()
    if wanted.orders.wipe is not None:
        await database.run(_noted(org.metadata, "Wipe_Told_At"), device=wanted.device, now=now)
    if wanted.orders.queue is not None:
        await database.run(_noted(org.metadata, "Queue_Told_At"), device=wanted.device, now=now)
    return wanted.orders


async def hand_over(org: Org, database: Database, sent: HandOver) -> HandedOver:
    """Keep what a device hands over, as it is. Sent again, it takes the place of what was sent before: its reply was
    lost, and the person may have saved since."""
    wanted = await _wanted(org, database, sent.key)
    by_itself = sent.asked.startswith(DIAGNOSTIC) and len(sent.asked) <= DIAGNOSTIC_CHARS_MAX
    if wanted is None or not (by_itself or sent.asked in (wanted.orders.wipe, wanted.orders.queue)):
        return HandedOver(0)
    first = min((entry.n for entry in sent.entries), default=0)
    row = {"user": wanted.user, "device": wanted.device, "asked": sent.asked, "first": first, "last": sent.last}
    now = org.world.clock.now()
    await database.run(_KEEP, **row, at=now, content=msgspec.json.encode(sent.entries))
    if sent.last and sent.asked == wanted.orders.queue:
        await database.run(_sent(org.metadata), device=wanted.device, now=now)
    if sent.last and by_itself:
        await database.run(_OLDER, device=wanted.device, own=f"{DIAGNOSTIC}%", asked=sent.asked)
        await database.run(_counted(org.metadata), device=wanted.device, now=now)
    return HandedOver(len(sent.entries))


async def wiped(org: Org, database: Database, told: Wiped) -> None:
    """The device is empty: it is out of service, and its sessions end."""
    wanted = await _wanted(org, database, told.key)
    if wanted is not None and told.asked == wanted.orders.wipe:
        await database.run(_empty(org.metadata), device=wanted.device, now=org.world.clock.now())
        await end_sessions(org, database, wanted.device)


async def end_sessions(org: Org, database: Database, device_id: str) -> None:
    """Every session of this device ends: its next request is refused, whatever it holds stays on it."""
    await database.run(_no_sessions(org.metadata), id=device_id)


async def _wanted(org: Org, database: Database, key: str) -> _Wanted | None:
    row = await database.one(_standing(org.metadata), key=digest(key))
    if row is None:
        return None
    device, user, wipe, send_first, wipe_at, queue, queue_at = row
    named = Orders(
        wipe=_name(WIPE, wipe_at) if wipe else None,
        send_first=bool(wipe and send_first),
        queue=_name(QUEUE, queue_at) if queue else None,
    )
    return _Wanted(device, user, named)


def _name(kind: str, at: datetime | None) -> str:
    return f"{kind} {instant(at) if at is not None else ''}".strip()


@compiled_once
def _standing(metadata: MetaData) -> ClauseElement:
    device, number = metadata.tables["Device"], metadata.tables["_device_number"]
    names = ("Id", "UserId", "Wipe", "Wipe_Send_First", "Wipe_Asked_At", "Send_Queue", "Queue_Asked_At")
    joined = number.join(device, device.c.Id == number.c.device_id)
    query = select(*(device.c[name] for name in names)).select_from(joined)
    return query.where(number.c.key_hash == bindparam("key"), device.c.IsDeleted.is_(False)).limit(1)


@compiled_once
def _noted(metadata: MetaData, column: str) -> ClauseElement:
    device = metadata.tables["Device"]
    first = func.coalesce(device.c[column], bindparam("now"))
    return update(device).where(device.c.Id == bindparam("device")).values({column: first})


@compiled_once
def _sent(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    values = {"Send_Queue": False, "Queue_Sent_At": bindparam("now")}
    return update(device).where(device.c.Id == bindparam("device")).values(values)


@compiled_once
def _counted(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    one_more = func.coalesce(device.c.Diagnostic_Files, 0) + 1
    values = {"Diagnostic_Files": one_more, "Diagnostic_Sent_At": bindparam("now")}
    return update(device).where(device.c.Id == bindparam("device")).values(values)


@compiled_once
def _empty(metadata: MetaData) -> ClauseElement:
    device = metadata.tables["Device"]
    values = {"Wipe": False, "Wiped_At": bindparam("now"), "Active": False}
    return update(device).where(device.c.Id == bindparam("device")).values(values)


@compiled_once
def _no_sessions(metadata: MetaData) -> ClauseElement:
    session, number = metadata.tables["_session"], metadata.tables["_device_number"]
    its = select(number.c.number).where(number.c.device_id == bindparam("id"))
    return delete(session).where(session.c.device.in_(its))


def _keep() -> ClauseElement:
    names = {"user_id": "user", "device_id": "device", "asked": "asked", "first": "first", "last": "last", "at": "at"}
    values: dict[str, Any] = {column: bindparam(name) for column, name in {**names, "content": "content"}.items()}
    added = insert(_KEPT).values(values)
    newest = {name: added.excluded[name] for name in ("content", "last", "at")}
    return added.on_conflict_do_update(index_elements=["device_id", "asked", "first"], set_=newest)


_KEEP = compile_statement(_keep())
_OLDER = compile_statement(
    delete(_KEPT).where(
        _KEPT.c.device_id == bindparam("device"),
        _KEPT.c.asked.like(bindparam("own")),
        _KEPT.c.asked != bindparam("asked"),
    )
)
