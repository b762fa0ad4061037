"""Syncs by day, app version, device type and territory: how many, how many failed, how long they took (FEATURES I13).

The tracking of a period is counted by how long syncs took, whatever it is grouped by; the shares are read off that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    ClauseElement,
    ColumnElement,
    Date,
    Integer,
    MetaData,
    Select,
    bindparam,
    case,
    cast,
    func,
    null,
    select,
    true,
    tuple_,
)

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.work import Work as Database

BY = ("day", "version", "device", "territory", "problem")
GROUPS_MAX = 400
UNKNOWN = "(none)"


@dataclass(frozen=True)
class Period:
    """From `since` until `until`; empty filters take everything."""

    since: datetime
    until: datetime
    version: str = ""
    device: str = ""
    profile: str = ""


class Group(msgspec.Struct, frozen=True):
    """Syncs that have something in common. Durations in seconds: of half, and of 95 in 100, no more than these."""

    name: str
    syncs: int
    failed: int
    people: int
    errors: int
    """Saves that were refused in them."""
    p50: float
    p95: float

    @property
    def failed_share(self) -> float:
        """Of 100."""
        return 100 * self.failed / self.syncs if self.syncs else 0.0


class Charts(msgspec.Struct, frozen=True):
    """The whole, and the same by each of `BY`; what has most syncs first, days in order."""

    whole: Group
    day: tuple[Group, ...]
    version: tuple[Group, ...]
    device: tuple[Group, ...]
    territory: tuple[Group, ...]
    problem: tuple[Group, ...]


async def charts(org: Org, database: Database, period: Period) -> Charts:
    """The figures of a period. A person of many territories counts in the one his device is set to, or his first."""
    wanted = {"version": period.version, "device": period.device, "profile": period.profile}
    asked = {name: value for name, value in wanted.items() if value}
    given = {"since": period.since, "until": period.until, **asked}
    names = tuple(sorted(asked))
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    for *keys, mask, took, syncs, failed, errors in await database.rows(_counts(org.metadata, names), **given):
        tallies[_named(keys, mask)].add(took, syncs, failed, int(errors or 0))
    for *keys, mask, people in await database.rows(_people(org.metadata, names), **given):
        tallies[_named(keys, mask)].people = people
    found: dict[str, list[Group]] = {name: [] for name in (*BY, "whole")}
    for (kind, name), tally in tallies.items():
        found[kind].append(tally.group(name))
    [whole] = found.pop("whole") or [Group("", 0, 0, 0, 0, 0.0, 0.0)]
    days = tuple(sorted(found.pop("day"), key=lambda group: group.name))
    return Charts(whole, days, **{kind: _most_first(groups) for kind, groups in found.items()})


class _Tally:
    """Syncs of one group by how long they took."""

    def __init__(self) -> None:
        self._by_hundredths: Counter[int] = Counter()
        self.failed = self.errors = self.people = 0

    def add(self, hundredths: int | None, syncs: int, failed: int, errors: int) -> None:
        self._by_hundredths[hundredths or 0] += syncs
        self.failed += failed
        self.errors += errors

    def group(self, name: str) -> Group:
        """All of it."""
        syncs = self._by_hundredths.total()
        return Group(name, syncs, self.failed, self.people, self.errors, self._at(0.5), self._at(0.95))

    def _at(self, share: float) -> float:
        """The least duration that so many took no longer than, in seconds."""
        needed, reached = ceil(self._by_hundredths.total() * share), 0
        for hundredths in sorted(self._by_hundredths):
            reached += self._by_hundredths[hundredths]
            if reached >= needed:
                return hundredths / 100
        return 0.0


def _most_first(groups: list[Group]) -> tuple[Group, ...]:
    named = (group for group in groups if group.name)
    return tuple(sorted(named, key=lambda group: (-group.syncs, group.name))[:GROUPS_MAX])


def _named(keys: list[Any], mask: int) -> tuple[str, str]:
    """By what a row is grouped, and its name there. A bit of the mask is set for what it is not grouped by."""
    for place, kind in enumerate(BY):
        if not mask & (1 << (len(BY) - 1 - place)):
            value = keys[place]
            if isinstance(value, date):
                return kind, value.isoformat()
            return kind, value or ("" if kind == "problem" else UNKNOWN)
    return "whole", ""


@compiled_once
def _counts(metadata: MetaData, asked: tuple[str, ...]) -> ClauseElement:
    """(keys, mask, hundredths of a second, syncs, failed, refused saves): hashed, never sorted, however long the
    period is."""
    source, sync, keys = _grouped(metadata, asked)
    failed = func.count().filter(sync.c.successful.is_(False))
    figures = (func.count(), failed, func.sum(sync.c.errors))
    sets = func.grouping_sets(*(tuple_(key, sync.c.took) for key in keys), tuple_(sync.c.took))
    return select(*keys, func.grouping(*keys), sync.c.took, *figures).select_from(source).group_by(sets)


@compiled_once
def _people(metadata: MetaData, asked: tuple[str, ...]) -> ClauseElement:
    """(keys, mask, people). Of a day nobody asks how many they were."""
    source, sync, (_, *others) = _grouped(metadata, asked)
    sets = func.grouping_sets(*(tuple_(key, sync.c.person) for key in others), tuple_(sync.c.person))
    mask = func.grouping(*others) + (1 << len(others))
    columns = [key.label(name) for key, name in zip(others, BY[1:], strict=True)]
    each = select(*columns, mask.label("mask")).select_from(source).group_by(sets).subquery("each")
    by = [each.c[name] for name in BY[1:]]
    return select(null(), *by, each.c.mask, func.count()).group_by(*by, each.c.mask)


def _grouped(metadata: MetaData, asked: tuple[str, ...]) -> tuple[Any, CTE, tuple[ColumnElement[Any], ...]]:
    sync, device = _syncs(metadata, asked), devices_named(metadata)
    joined = sync.outerjoin(device, device.c.id == sync.c.device)
    return joined, sync, (sync.c.day, sync.c.version, device.c.kind, device.c.territory, sync.c.problem)


def _syncs(metadata: MetaData, asked: tuple[str, ...]) -> CTE:
    t, user, profile, device = (metadata.tables[name] for name in ("Sync_Tracking", "User", "Profile", "Device"))
    columns = {
        "day": cast(func.timezone("UTC", t.c.Started_At), Date),
        "version": t.c.App_Version,
        "problem": t.c.Problem_Code,
        "device": t.c.DeviceId,
        "person": t.c.UserId,
        "successful": t.c.Successful,
        "errors": cast(t.c.Upload_Errors, Integer),
        "took": _rounded(cast(func.trunc(t.c.Duration_Seconds * 100), Integer)),
    }
    query: Select[Any] = select(*(column.label(name) for name, column in columns.items()))
    period = (t.c.Started_At >= bindparam("since"), t.c.Started_At < bindparam("until"))
    query = query.where(*period, t.c.IsDeleted.is_(False))
    if "version" in asked:
        query = query.where(t.c.App_Version == bindparam("version"))
    if "device" in asked:
        query = query.where(t.c.DeviceId.in_(select(device.c.Id).where(device.c.Platform == bindparam("device"))))
    if "profile" in asked:
        held = user.join(profile, profile.c.Id == user.c.ProfileId)
        people = select(user.c.Id).select_from(held).where(profile.c.Name == bindparam("profile"))
        query = query.where(t.c.UserId.in_(people))
    return query.cte("sync")


_STEPS = ((100, 2), (1_000, 10), (60_000, 100), (360_000, 1_000))
"""Up to so many hundredths of a second durations are told apart by so many; longer ones by minutes."""


def _rounded(took: ColumnElement[int]) -> ColumnElement[int]:
    """Hundredths of a second, the coarser the longer it took: so that there are few different ones."""
    return case(*((took <= most, took - took % step) for most, step in _STEPS), else_=took - took % 6_000)


def devices_named(metadata: MetaData) -> CTE:
    """Id, type and territory of every device."""
    device, area, works = (metadata.tables[name] for name in ("Device", "Territory", "User_Territory"))
    here = (works.c.UserId == device.c.UserId, works.c.IsDeleted.is_(False))
    named = select(area.c.Name).join_from(works, area, area.c.Id == works.c.TerritoryId).where(*here)
    first = named.order_by(area.c.Name).limit(1).lateral("first")
    own = area.alias("own")
    joined = device.outerjoin(own, own.c.Id == device.c.TerritoryId).outerjoin(first, true())
    name = func.coalesce(own.c.Name, first.c.Name).label("territory")
    return (
        select(device.c.Id.label("id"), device.c.Platform.label("kind"), name)
        .select_from(joined)
        .cte("device")
        .prefix_with("MATERIALIZED")
    )


class Saves(msgspec.Struct, frozen=True):
    """Transactions of a day by what became of them."""

    day: str
    saved: int
    failed: int
    waiting: int


async def saves_by_day(org: Org, database: Database, period: Period) -> tuple[Saves, ...]:
    """Transactions that devices sent, by the day they came."""
    c = org.metadata.tables["Sync_Transaction"].c
    day = cast(func.timezone("UTC", c.Received_At), Date)
    here = (c.Received_At >= bindparam("since"), c.Received_At < bindparam("until"))
    query = select(day, c.Status, func.count()).where(*here).group_by(day, c.Status)
    rows = await database.rows(compile_statement(query), since=period.since, until=period.until)
    return tuple(_by_day(rows))


def _by_day(rows: list[tuple[Any, ...]]) -> Iterator[Saves]:
    found: dict[str, dict[str, int]] = {}
    for day, status, count in rows:
        found.setdefault(day.isoformat(), {})[status] = count
    for name in sorted(found):
        counts = found[name]
        saved = counts.get("Success", 0) + counts.get("Manual", 0)
        waiting = sum(counts.get(status, 0) for status in ("New", "Waiting", "Retry", "InProgress"))
        yield Saves(name, saved, counts.get("Failed", 0), waiting)
