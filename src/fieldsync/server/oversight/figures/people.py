"""The last sync of each person, and who is late (FEATURES I12)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, MetaData, bindparam, func, select

from fieldsync.base import limits
from fieldsync.base.world import instant
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database

OVERDUE_DAYS = 5
"""A person none of whose devices downloaded for so long is late."""
OLD_EDITS_DAYS = limits.OVERDUE_DAYS


class PersonSync(msgspec.Struct, frozen=True):
    """One person with a device. `last_sync` is the newest of them all; what waits is as the devices last said."""

    username: str
    name: str
    profile: str
    devices: int
    last_sync: str | None
    last_seen: str | None
    pending: int
    oldest_pending: str | None
    errors: int
    apps: str
    late: str
    """Why he is late; empty where he is not."""


async def people_syncs(org: Org, database: Database, *, late_only: bool = False) -> list[PersonSync]:
    """Every active person with a device, who was away longest first."""
    now = org.world.clock.now()
    rows = await database.rows(_people(org.metadata))
    found = [_person(row, now) for row in rows]
    return [person for person in found if person.late] if late_only else found


def _person(row: tuple[Any, ...], now: datetime) -> PersonSync:
    username, name, profile, devices, synced, seen, pending, oldest, errors, apps = row
    late = why_late(synced, oldest, now)
    counts = (int(pending or 0), _text(oldest), int(errors or 0))
    return PersonSync(username, name, profile, devices, _text(synced), _text(seen), *counts, apps or "", late)


def why_late(synced: datetime | None, oldest: datetime | None, now: datetime) -> str:
    """A few words, empty for who is not late. Pure."""
    if synced is None:
        return "never synced"
    if synced < now - timedelta(days=OVERDUE_DAYS):
        return f"no sync for {(now - synced).days} days"
    if oldest is not None and oldest < now - timedelta(days=OLD_EDITS_DAYS):
        return f"edits wait for {(now - oldest).days} days"
    return ""


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


@compiled_once
def _people(metadata: MetaData) -> ClauseElement:
    user, profile, device = (metadata.tables[name].c for name in ("User", "Profile", "Device"))
    joined = (
        metadata.tables["Device"]
        .join(metadata.tables["User"], user.Id == device.UserId)
        .join(metadata.tables["Profile"], profile.Id == user.ProfileId)
    )
    synced, seen = func.max(device.Last_Download_At), func.max(device.Last_Seen_At)
    waits = (func.sum(device.Pending_Transactions), func.min(device.Oldest_Pending_At), func.sum(device.Open_Errors))
    apps = func.string_agg(device.App_Version.distinct(), ", ")
    query = select(user.Username, user.Name, profile.Name, func.count(), synced, seen, *waits, apps)
    here = (user.IsActive.is_(True), user.IsDeleted.is_(False), device.IsDeleted.is_(False), device.Active.is_(True))
    grouped = query.select_from(joined).where(*here).group_by(user.Id, user.Username, user.Name, profile.Name)
    return grouped.order_by(synced.nulls_first(), user.Username)


class Completeness(msgspec.Struct, frozen=True):
    """What a figure cannot know: devices that hold saves the server has not seen, and since when the oldest."""

    devices: int
    saves: int
    oldest_days: int
    silent: int
    """Devices that have said nothing for `OVERDUE_DAYS`."""

    @property
    def sentence(self) -> str:
        """For under a report."""
        age = _many(self.oldest_days, "day", "days")
        held = f"{_many(self.devices, 'device holds', 'devices hold')} edits up to {age} old"
        quiet = f"{_many(self.silent, 'device has', 'devices have')} said nothing for {OVERDUE_DAYS} days"
        parts = [part for part, count in ((held, self.devices), (quiet, self.silent)) if count]
        return f"{'; '.join(parts)}." if parts else "Every device has sent all it holds."


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


async def completeness(org: Org, database: Database) -> Completeness:
    """As devices last said."""
    now = org.world.clock.now()
    row = await database.one(_held(org.metadata), now=now, before=now - timedelta(days=OVERDUE_DAYS))
    devices, saves, oldest, silent = row or (0, 0, None, 0)
    days = 0 if oldest is None else max(1, -((oldest - now) // timedelta(days=1)))
    return Completeness(devices, int(saves or 0), days, silent)


@compiled_once
def _held(metadata: MetaData) -> ClauseElement:
    c = metadata.tables["Device"].c
    holds = c.Pending_Transactions > 0
    silent = func.coalesce(c.Last_Seen_At, c.Registered_At) < bindparam("before")
    oldest = func.min(func.least(c.Oldest_Pending_At, bindparam("now"))).filter(holds)
    query = select(func.count().filter(holds), func.sum(c.Pending_Transactions), oldest, func.count().filter(silent))
    return query.where(c.IsDeleted.is_(False), c.Active.is_(True))
