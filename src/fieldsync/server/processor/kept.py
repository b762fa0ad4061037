"""Transactions that are not decided for good, with their content as the device sent it, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    ColumnElement,
    MetaData,
    Select,
    Text,
    all_,
    and_,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
)

from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import decode_items
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.states import Status
from fieldsync.server.save.batch import Caller, Channel, Incoming
from fieldsync.server.sync.session_statements import held_sets

OPEN = (Status.NEW, Status.WAITING, Status.FAILED, Status.RETRY)
"""Not decided for good."""
_TO_COME = [Status.NEW.value, Status.RETRY.value]
_CAME_TO_SOMETHING = [Status.SUCCESS.value, Status.MANUAL.value]


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
    row = await database.one(_by_id(org.metadata), id=record_id)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="Sync_Transaction", id=record_id))
    return _kept(row)


async def kept_under(org: Org, database: Database, device: str, n: int) -> Kept:
    """The open transaction with this number in a device's queue."""
    row = await database.one(_by_number(org.metadata), device=device, n=n)
    assert row is not None, "only what was kept is asked for"
    return _kept(row)


async def kept_of_device(org: Org, database: Database, device: str, statuses: Collection[Status]) -> list[Kept]:
    """A device's transactions of these statuses whose content is kept, in the order of its queue."""
    names = [status.value for status in statuses]
    return [_kept(row) for row in await database.rows(_of_device(org.metadata), device=device, statuses=names)]


async def unsaved(org: Org, database: Database, device: str, ns: Collection[int]) -> frozenset[int]:
    """Which of these numbers of a device came to nothing, or are not decided. What is not kept any more was saved."""
    rows = await database.rows(_unsaved(org.metadata), device=device, ns=list(ns), statuses=_CAME_TO_SOMETHING)
    return frozenset(int(n) for (n,) in rows)


async def due_of_device(org: Org, database: Database, device: str) -> list[Kept]:
    """A device's transactions whose time has come, in the order of its queue; none while something that it offered
    again after a restore is to come before them."""
    given = {"device": device, "now": org.world.clock.now(), "statuses": _TO_COME}
    return [_kept(row) for row in await database.rows(_due(org.metadata), **given)]


async def first_offered(org: Org, database: Database) -> Kept | None:
    """Of what devices offered again after a restore and whose time has come, the one that was acknowledged first. Who
    asks is the only one, until his transaction ends."""
    await database.rows(_ONE_AT_A_TIME, name=f"recovery {org.schema}")
    given = {"now": org.world.clock.now(), "statuses": _TO_COME}
    row = await database.one(_first_offered(org.metadata), **given)
    return None if row is None else _kept(row)


async def count_offered(org: Org, database: Database) -> int:
    """How many of those there are."""
    row = await database.one(_count_offered(org.metadata), now=org.world.clock.now(), statuses=_TO_COME)
    return 0 if row is None else int(row[0])


async def has_offers(org: Org, database: Database, device: str) -> bool:
    """Whether something is still to be applied that this device offered again."""
    return await database.one(_offers(org.metadata), device=device, statuses=_TO_COME) is not None


async def locked_times(org: Org, database: Database, one: Kept) -> int:
    """How often it was put off because another save held its records, or because it took too long."""
    row = await database.one(_locked_times(org.metadata), id=one.record_id)
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
    row = await database.one(_person(org.metadata), device=one.device or "", now=org.world.clock.now())
    if row is None:
        raise Refused(problem(Code.FORBIDDEN, reason="no device sent this transaction"))
    name, sets, version, device_id, held = row
    rights = org.rights.of(name, sets or ())
    who = (one.user_id, name, channel, device_id, one.device, frozenset(held or ()))
    return Caller(*who, rights=rights, rights_version=version if channel is Channel.DEVICE else None)


async def devices_with_open(org: Org, database: Database, user_id: RecordId | None = None) -> list[str]:
    """Device numbers, of all or of one person, that have transactions which are not decided."""
    names = [status.value for status in OPEN]
    return [device for (device,) in await database.rows(_with_open(org.metadata), statuses=names, user=user_id)]


def _kept(row: tuple[Any, ...]) -> Kept:
    record_id, status, user_id, device, n, waits, again, transaction_id, attempts, received, hash_, saved, items = row
    incoming = None
    if items is not None:
        content = (hash_, saved or instant(received), decode_items(items.encode()))
        incoming = Incoming(transaction_id, int(n), *content, record_id=record_id, attempts=int(attempts or 0))
    waits_for = frozenset(int(number) for number in (waits or "").split(",") if number.strip())
    return Kept(record_id, Status(status), user_id, device, int(n or 0), waits_for, bool(again), incoming)


def _query(metadata: MetaData) -> Select[Any]:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    names = ("Id", "Status", "UserId", "Device_Number", "Queue_Number", "Depends_On", "Can_Be_Retried")
    more = (t.c.Transaction_Id, t.c.Failed_Attempts, t.c.Received_At, u.c.hash, u.c.saved_at, u.c["items"])
    columns = (*(t.c[name] for name in names), *more)
    return select(*columns).select_from(t.outerjoin(u, u.c.record_id == t.c.Id))


@compiled_once
def _by_id(metadata: MetaData) -> ClauseElement:
    return _query(metadata).where(metadata.tables["Sync_Transaction"].c.Id == bindparam("id"))


@compiled_once
def _by_number(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    here = and_(u.c.device == bindparam("device"), u.c.n == bindparam("n"), u.c.record_id == t.c.Id)
    return _query(metadata).where(here)


@compiled_once
def _of_device(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    mine = and_(t.c.Device_Number == bindparam("device"), u.c.record_id.is_not(None))
    named = t.c.Status == any_(bindparam("statuses"))
    return _query(metadata).where(mine, named).order_by(t.c.Queue_Number)


@compiled_once
def _unsaved(metadata: MetaData) -> ClauseElement:
    t = metadata.tables["Sync_Transaction"]
    mine = and_(t.c.Device_Number == bindparam("device"), t.c.Queue_Number == any_(bindparam("ns")))
    return select(t.c.Queue_Number).where(mine, t.c.Status != all_(bindparam("statuses")))


@compiled_once
def _due(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    due = and_(u.c.device == bindparam("device"), u.c.due_at <= bindparam("now"))
    open_still = t.c.Status == any_(bindparam("statuses"))
    return _query(metadata).where(due, open_still, ~_offered(metadata).exists()).order_by(u.c.n)


def _offered(metadata: MetaData) -> Select[Any]:
    t, u = metadata.tables["Sync_Transaction"].alias("ot"), metadata.tables["_undecided"].alias("ou")
    mine = (u.c.device == bindparam("device")) & u.c.offered.is_not(None) & u.c.due_at.is_not(None)
    return select(u.c.n).select_from(u.join(t, t.c.Id == u.c.record_id)).where(mine, _is_open(t)).limit(1)


def _is_open(transactions: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = transactions.c.Status == any_(bindparam("statuses"))
    return found


@compiled_once
def _offers(metadata: MetaData) -> ClauseElement:
    return _offered(metadata)


@compiled_once
def _first_offered(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    due = u.c.offered.is_not(None) & (u.c.due_at <= bindparam("now"))
    return _query(metadata).where(due, _is_open(t)).order_by(u.c.offered, u.c.device, u.c.n).limit(1)


@compiled_once
def _count_offered(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    due = u.c.offered.is_not(None) & (u.c.due_at <= bindparam("now"))
    return select(func.count()).select_from(t.join(u, u.c.record_id == t.c.Id)).where(due, _is_open(t))


_ONE_AT_A_TIME = compile_statement(select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name")))))


@compiled_once
def _locked_times(metadata: MetaData) -> ClauseElement:
    u = metadata.tables["_undecided"]
    return select(u.c.locked_times).where(u.c.record_id == bindparam("id"))


@compiled_once
def _with_open(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    joined = t.join(u, u.c.record_id == t.c.Id)
    user: BindParameter[str | None] = bindparam("user")
    whose = or_(cast(user, Text).is_(None), t.c.UserId == user)
    query = select(u.c.device).select_from(joined).where(t.c.Status == any_(bindparam("statuses")), whose).distinct()
    return query.order_by(u.c.device)


@compiled_once
def _person(metadata: MetaData) -> ClauseElement:
    user, profile, head, number = (metadata.tables[n] for n in ("User", "Profile", "_user_head", "_device_number"))
    same = number.alias("same")
    numbers = select(func.array_agg(same.c.number)).where(same.c.key_hash == number.c.key_hash).scalar_subquery()
    sets = held_sets(metadata.tables, user.c.Id)
    columns = (profile.c.Name, sets, head.c.rights_version, number.c.device_id, numbers)
    joined = (
        user.join(profile, profile.c.Id == user.c.ProfileId)
        .join(head, head.c.user_id == user.c.Id)
        .join(number, number.c.user_id == user.c.Id)
    )
    return select(*columns).select_from(joined).where(number.c.number == bindparam("device"))
