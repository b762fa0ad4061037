"""Devices as they last told of themselves, one with the syncs it ran, and taking one out of service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.people import OVERDUE_DAYS
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

DEVICES_MAX, SYNCS_MAX = 500, 50
QUEUE = ("Send_Queue", "Queue_Asked_At", "Queue_Told_At", "Queue_Sent_At")
WIPE = ("Wipe", "Wipe_Asked_At", "Wipe_Told_At", "Wiped_At")
"""Columns of what may be asked of a device: whether it is, and when it was asked, delivered and done."""
DIAGNOSTIC = ("Diagnostic_Files", "Diagnostic_Sent_At")
CLOCK_OFF_SECONDS = 300
"""A clock that is further off is worth a word."""


@dataclass(frozen=True)
class Wish:
    """How something stands that was asked of a device; times are empty for what did not happen. Of an old wish that was
    carried out `open` is false, and the times are still those of it."""

    open: bool
    asked_at: str
    told_at: str
    done_at: str


@dataclass(frozen=True)
class Standing:
    """A device and how it stands, by what it said last. Times are empty where nothing was said."""

    id: str
    stamp: int
    name: str
    user_id: str
    person: str
    username: str
    platform: str
    app: str
    os: str
    model: str
    model_is_current: bool
    active: bool
    registered_at: str
    seen_at: str
    upload_at: str
    download_at: str
    full_at: str
    pending: int
    oldest_pending_at: str
    errors: int
    refused_here: int
    """Transactions of it that failed, or wait for one that did."""
    clock_off: int
    verdict: str
    """Of the last comparison by digest: Agreed, Differed, or empty."""
    verdict_at: str
    refresh_asked: bool
    clear_asked: bool
    overdue: bool
    queue: Wish
    wipe: Wish
    send_first: bool
    """Of a wipe: what waits is sent and handed over before."""
    diagnostic_files: int
    """How often its person handed the queue over without being asked."""
    diagnostic_at: str


@dataclass(frozen=True)
class SyncLine:
    """One sync that the device told of."""

    id: str
    name: str
    type: str
    trigger: str
    started_at: str
    seconds: float
    ended: str
    up: int
    down: int
    errors: int
    digest: str
    problem: str


async def standings(org: Org, database: Database, search: str = "") -> list[Standing]:
    """Devices of people whose name holds this, those that were away longest first, those out of service last."""
    user, device = org.metadata.tables["User"], org.metadata.tables["Device"]
    texts = [func.lower(func.coalesce(c, "")) for c in (user.c.Name, user.c.Username, device.c.Name)]
    named = or_(*(func.strpos(one, bindparam("search")) > 0 for one in texts))
    query = _devices(org).where(named, device.c.Support_ById.is_(None))
    ordered = query.order_by(device.c.Active.desc(), device.c.Last_Download_At.nulls_first(), device.c.Id)
    rows = await database.rows(compile_statement(ordered.limit(DEVICES_MAX)), search=search.lower())
    return [_standing(org, row) for row in rows]


async def standing(org: Org, database: Database, device_id: str) -> Standing:
    """One of them. Raises Refused(NOT_FOUND)."""
    device = org.metadata.tables["Device"]
    row = await database.one(compile_statement(_devices(org).where(device.c.Id == bindparam("id"))), id=device_id)
    if row is None:
        raise Refused(problem(Code.NOT_FOUND, object="Device", id=device_id))
    return _standing(org, row)


def _devices(org: Org) -> Select[Any]:
    tables = org.metadata.tables
    device, user, sent, sync = (tables[n] for n in ("Device", "User", "Sync_Transaction", "Sync_Tracking"))
    refused = select(func.count()).where(
        sent.c.DeviceId == device.c.Id, or_(sent.c.Status == "Failed", sent.c.Status == "Waiting")
    )
    told = select(sync.c.Digest, sync.c.Completed_At).where(
        sync.c.DeviceId == device.c.Id, sync.c.Digest.is_not(None), sync.c.IsDeleted.is_(False)
    )
    last = told.order_by(sync.c.Started_At.desc()).limit(1).lateral("verdict")
    who = (device.c.Id, device.c[STAMP], device.c.Name, user.c.Id, user.c.Name, user.c.Username, device.c.Platform)
    runs = (device.c.App_Version, device.c.OS_Version, device.c.Metadata_Version, device.c.Active)
    times = ("Registered_At", "Last_Seen_At", "Last_Upload_At", "Last_Download_At", "Last_Full_Sync_At")
    waits = ("Pending_Transactions", "Oldest_Pending_At", "Open_Errors")
    asked = (device.c.Clock_Off_Seconds, last.c.Digest, last.c.Completed_At)
    marks = (device.c.Force_Refresh, user.c.Force_Refresh, user.c.Clear_Errors)
    wishes = (*marks, *(device.c[name] for name in (*QUEUE, *WIPE, "Wipe_Send_First", *DIAGNOSTIC)))
    columns = (*who, *runs, *(device.c[n] for n in (*times, *waits)), refused.scalar_subquery(), *asked, *wishes)
    joined = device.join(user, user.c.Id == device.c.UserId).outerjoin(last, device.c.Id.is_not(None))
    return select(*columns).select_from(joined).where(device.c.IsDeleted.is_(False))


def _standing(org: Org, row: tuple[Any, ...]) -> Standing:
    who, runs, times = row[:7], row[7:11], row[11:16]
    pending, oldest, errors, refused, off, verdict, verdict_at, forced, forced_all, clearing = row[16:26]
    queue, wipe, send_first, files, file_at = row[26:30], row[30:34], *row[34:37]
    limit = org.world.clock.now() - timedelta(days=OVERDUE_DAYS)
    return Standing(
        *(who[0], who[1], who[2] or who[6] or "", who[3], who[4] or who[5], who[5], who[6] or ""),
        app=runs[0] or "",
        os=runs[1] or "",
        model=(runs[2] or "")[:12],
        model_is_current=runs[2] in (None, org.catalog.version),
        active=bool(runs[3]),
        registered_at=_at(times[0]),
        seen_at=_at(max((t for t in times[1:4] if t is not None), default=None)),
        upload_at=_at(times[2]),
        download_at=_at(times[3]),
        full_at=_at(times[4]),
        pending=int(pending or 0),
        oldest_pending_at=_at(oldest),
        errors=int(errors or 0),
        refused_here=int(refused),
        clock_off=int(off or 0) if abs(int(off or 0)) > CLOCK_OFF_SECONDS else 0,
        verdict=verdict or "",
        verdict_at=_at(verdict_at),
        refresh_asked=bool(forced or forced_all),
        clear_asked=bool(clearing),
        overdue=bool(runs[3]) and (times[3] is None or times[3] < limit),
        queue=_wish(queue),
        wipe=_wish(wipe),
        send_first=bool(send_first),
        diagnostic_files=int(files or 0),
        diagnostic_at=_at(file_at),
    )


def _wish(row: tuple[Any, ...]) -> Wish:
    return Wish(bool(row[0]), *(_at(moment) for moment in row[1:]))


def _at(value: datetime | None) -> str:
    return "" if value is None else instant(value)


async def syncs_of(org: Org, database: Database, device_id: str) -> list[SyncLine]:
    """The syncs it ran, the newest first."""
    c = org.metadata.tables["Sync_Tracking"].c
    what = (c.Id, c.Name, c.Sync_Type, c.Trigger, c.Started_At, c.Duration_Seconds, c.Successful, c.Canceled)
    counts = (c.Uploads, c.Records_Down, c.Upload_Errors, c.Digest, c.Problem_Code)
    query = select(*what, *counts).where(c.DeviceId == bindparam("id"), c.IsDeleted.is_(False))
    rows = await database.rows(
        compile_statement(query.order_by(c.Started_At.desc(), c.Id.desc()).limit(SYNCS_MAX)), id=device_id
    )
    return [_sync(row) for row in rows]


def _sync(row: tuple[Any, ...]) -> SyncLine:
    return SyncLine(
        id=row[0],
        name=row[1] or "",
        type=(row[2] or "").replace("_", " "),
        trigger=row[3] or "",
        started_at=_at(row[4]),
        seconds=float(row[5] or 0),
        ended="done" if row[6] else "canceled" if row[7] else "failed",
        up=int(row[8] or 0),
        down=int(row[9] or 0),
        errors=int(row[10] or 0),
        digest=row[11] or "",
        problem=row[12] or "",
    )


def refresh_change(found: Standing, *, on: bool) -> Item:
    """The save that asks for a full refresh of one device, or takes that back."""
    return _changed(found, "Force_Refresh", on=on)


def service_change(found: Standing, *, on: bool) -> Item:
    """The save that takes a device out of service, or back."""
    return _changed(found, "Active", on=on)


def queue_change(found: Standing, *, on: bool, at: str) -> Item:
    """The save that asks for the device's queue, or takes that back."""
    return _wished(found, QUEUE, found.queue, {}, at if on else None)


def wipe_change(found: Standing, *, on: bool, at: str, send_first: bool = False) -> Item:
    """The save that asks for a wipe, or takes that back. Raises Refused(UNUSABLE) once the device was told."""
    if not on and found.wipe.told_at:
        raise Refused(problem(Code.UNUSABLE, what="The wipe", reason="the device has heard of it already"))
    more = {"Wipe_Send_First": Change(found.send_first, send_first)} if send_first != found.send_first else {}
    return _wished(found, WIPE, found.wipe, more, at if on else None)


def _wished(found: Standing, columns: tuple[str, ...], wish: Wish, more: dict[str, Change], at: str | None) -> Item:
    """`at`: when it is asked for; None takes it back."""
    mark, asked_at, *ends = columns
    changes = {mark: Change(wish.open, at is not None), **more}
    if at is not None:
        before = (wish.told_at, wish.done_at)
        changes[asked_at] = Change(wish.asked_at or None, at)
        changes |= {column: Change(old, None) for column, old in zip(ends, before, strict=True) if old}
    return Item("Device", RecordId(found.id), Operation.UPDATE, changes, found.stamp)


def _changed(found: Standing, column: str, *, on: bool) -> Item:
    changes = {column: Change(not on, on)}
    return Item("Device", RecordId(found.id), Operation.UPDATE, changes, found.stamp)
