"""Transactions that are not decided for good, with their content as the device sent it, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, and_, any_, bindparam, func, select

from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import decode_items
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.states import Status
from fieldsync.server.save.batch import Caller, Channel, Incoming
from fieldsync.server.sync.session_statements import held_sets

OPEN = (Status.NEW, Status.WAITING, Status.FAILED, Status.RETRY)
"""Not decided for good."""


@dataclass(frozen=True)
class Kept:
    """One transaction. `incoming` is None where its content is not kept: it is decided, or no device sent it."""

    record_id: RecordId
    status: Status
    user_id: RecordId
    device: DeviceNumber | None
    n: int
    waits_for: frozenset[int]
    can_be_retried: bool
    incoming: Incoming | None


async def kept(org: Org, database: Database, record_id: str) -> Kept:
    """One transaction. Raises Refused(NOT_FOUND)."""
    t = org.metadata.tables["Sync_Transaction"]
    query = _query(org.metadata.tables).where(t.c.Id == bindparam("id"))
    row = await database.one(compile_statement(query), id=record_id)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="Sync_Transaction", id=record_id))
    return _kept(row)


async def kept_under(org: Org, database: Database, device: str, n: int) -> Kept:
    """The open transaction with this number in a device's queue."""
    t, u = org.metadata.tables["Sync_Transaction"], org.metadata.tables["_undecided"]
    here = and_(u.c.device == bindparam("device"), u.c.n == bindparam("n"), u.c.record_id == t.c.Id)
    row = await database.one(compile_statement(_query(org.metadata.tables).where(here)), device=device, n=n)
    assert row is not None, "only what was kept is asked for"
    return _kept(row)


async def kept_of_device(org: Org, database: Database, device: str, statuses: Collection[Status]) -> list[Kept]:
    """A device's transactions of these statuses whose content is kept, in the order of its queue."""
    t, u = org.metadata.tables["Sync_Transaction"], org.metadata.tables["_undecided"]
    mine = and_(t.c.Device_Number == bindparam("device"), u.c.record_id.is_not(None))
    named = t.c.Status == any_(bindparam("statuses"))
    query = _query(org.metadata.tables).where(mine, named).order_by(t.c.Queue_Number)
    names = [status.value for status in statuses]
    rows = await database.rows(compile_statement(query), device=device, statuses=names)
    return [_kept(row) for row in rows]


async def due_of_device(org: Org, database: Database, device: str) -> list[Kept]:
    """A device's transactions whose time has come, in the order of its queue."""
    t, u = org.metadata.tables["Sync_Transaction"], org.metadata.tables["_undecided"]
    due = and_(u.c.device == bindparam("device"), u.c.due_at <= bindparam("now"))
    open_still = t.c.Status == any_(bindparam("statuses"))
    query = _query(org.metadata.tables).where(due, open_still).order_by(u.c.n)
    statuses = [Status.NEW.value, Status.RETRY.value]
    rows = await database.rows(compile_statement(query), device=device, now=org.world.clock.now(), statuses=statuses)
    return [_kept(row) for row in rows]


async def locked_times(org: Org, database: Database, one: Kept) -> int:
    """How often it was put off because another save held its records."""
    u = org.metadata.tables["_undecided"]
    query = select(u.c.locked_times).where(u.c.record_id == bindparam("id"))
    row = await database.one(compile_statement(query), id=one.record_id)
    return row[0] if row is not None else 0


def behind(one: Kept, others: Sequence[Kept]) -> list[Kept]:
    """Those of `others`, in order, that wait for this one or for one that does. Pure."""
    numbers, found = {one.n}, []
    for other in others:
        if other.n > one.n and other.waits_for & numbers:
            numbers.add(other.n)
            found.append(other)
    return found


def ahead(one: Kept, others: Sequence[Kept]) -> list[Kept]:
    """Those of `others`, in order, that this one waits for, and theirs. Pure."""
    numbers, found = set(one.waits_for), []
    for other in reversed(others):
        if other.n < one.n and other.n in numbers:
            numbers |= other.waits_for
            found.append(other)
    return found[::-1]


async def person(org: Org, database: Database, one: Kept, channel: Channel) -> Caller:
    """Who saved it, with the rights he has now. Raises Refused(FORBIDDEN) where no device sent it."""
    tables = org.metadata.tables
    user, profile, head, number = (tables[n] for n in ("User", "Profile", "_user_head", "_device_number"))
    same = number.alias("same")
    numbers = select(func.array_agg(same.c.number)).where(same.c.key_hash == number.c.key_hash).scalar_subquery()
    columns = (profile.c.Name, held_sets(tables, user.c.Id), head.c.rights_version, number.c.device_id, numbers)
    joined = (
        user.join(profile, profile.c.Id == user.c.ProfileId)
        .join(head, head.c.user_id == user.c.Id)
        .join(number, number.c.user_id == user.c.Id)
    )
    query = select(*columns).select_from(joined).where(number.c.number == bindparam("device"))
    now = org.world.clock.now()
    row = await database.one(compile_statement(query), device=one.device or "", now=now)
    if row is None:
        raise Refused(problem(Code.FORBIDDEN, reason="no device sent this transaction"))
    name, sets, version, device_id, held = row
    rights = org.rights.of(name, sets or ())
    who = (one.user_id, name, channel, device_id, one.device, frozenset(held or ()))
    return Caller(*who, rights=rights, rights_version=version if channel is Channel.DEVICE else None)


def _query(tables: Mapping[str, Table]) -> Select[Any]:
    t, u = tables["Sync_Transaction"], tables["_undecided"]
    names = ("Id", "Status", "UserId", "Device_Number", "Queue_Number", "Depends_On", "Can_Be_Retried")
    more = (t.c.Transaction_Id, t.c.Failed_Attempts, t.c.Received_At, u.c.hash, u.c.saved_at, u.c["items"])
    columns = (*(t.c[name] for name in names), *more)
    return select(*columns).select_from(t.outerjoin(u, u.c.record_id == t.c.Id))


def _kept(row: tuple[Any, ...]) -> Kept:
    record_id, status, user_id, device, n, waits, again, transaction_id, attempts, received, hash_, saved, items = row
    incoming = None
    if items is not None:
        content = (hash_, saved or instant(received), decode_items(items.encode()))
        incoming = Incoming(transaction_id, int(n), *content, record_id=record_id, attempts=int(attempts or 0))
    waits_for = frozenset(int(number) for number in (waits or "").split(",") if number.strip())
    return Kept(record_id, Status(status), user_id, device, int(n or 0), waits_for, bool(again), incoming)


async def devices_with_open(org: Org, database: Database) -> list[str]:
    """Device numbers that have transactions which are not decided."""
    t, u = org.metadata.tables["Sync_Transaction"], org.metadata.tables["_undecided"]
    joined = t.join(u, u.c.record_id == t.c.Id)
    query = select(u.c.device).select_from(joined).where(t.c.Status == any_(bindparam("statuses"))).distinct()
    names = [status.value for status in OPEN]
    rows = await database.rows(compile_statement(query.order_by(u.c.device)), statuses=names)
    return [device for (device,) in rows]
