"""What a sync would bring one person's device at a moment, under rules as they are or would be: rows, bytes and time.

Read-only: the scope is composed and its rows are counted, nothing is kept (law L10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ClauseElement, MetaData, Select, bindparam, false, func, literal, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Clock
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import Holder
from fieldsync.server.oversight.scope.proposal import Proposal, as_they_would_be, judged
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.work import Busy
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.caps import counted_rows
from fieldsync.server.scope.scope import Scope

MEASURED_ROWS = 500
ROWS_A_SECOND = 5_000.0
"""Where no sync of this org was measured yet."""
RECENT_DAYS = 30


class At(Clock):
    """A clock that stands still."""

    def __init__(self, moment: datetime, clock: Clock) -> None:
        self._moment, self._clock = moment, clock

    def now(self) -> datetime:
        return self._moment

    def steady(self) -> float:
        return self._clock.steady()


class Expected(msgspec.Struct, frozen=True):
    """One object: rows the device is to hold, those that would travel, and their bytes uncompressed, estimated.
    `leaves`: rows that changed since and are not to be held; those of them it has would be taken away."""

    object: str
    rows: int
    travels: int
    bytes: int
    leaves: int = 0


class Sync(msgspec.Struct, frozen=True):
    """A sync that was not run. `seconds` at the pace of the org's own syncs; `measured` of so many of them."""

    objects: tuple[Expected, ...]
    seconds: float
    measured: int
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        return sum(one.travels for one in self.objects)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.objects)


@dataclass(frozen=True)
class Asked:
    """When it would run, since when the device would have everything (None: it has nothing), and rules as they would
    be."""

    at: datetime
    since: datetime | None = None
    proposals: Sequence[Proposal] = ()


async def expected(org: Org, database: Database, holder: Holder, asked: Asked) -> Sync:
    """What it would bring. `database` is one snapshot. Raises Refused: SYNC_RULE, TIMEOUT."""
    clock = At(asked.at, org.world.clock)
    looked = await org.scopes.look_up(database, holder.caller, clock)
    looked = replace(looked, device=holder.device)
    rules = dict(await org.scopes.rules_by_id(database))
    faults = judged(org.catalog, rules, asked.proposals) if asked.proposals else ()
    scope = org.scopes.under(holder.caller, looked, as_they_would_be(rules, asked.proposals), clock)
    try:
        objects = tuple([await _of(database, scope, name, asked.since) for name in scope.objects])
        pace, measured = await _pace(org, database)
    except Busy:
        raise Refused(problem(Code.TIMEOUT)) from None
    seconds = sum(one.travels for one in objects) / pace
    return Sync(objects, seconds, measured, tuple(dict.fromkeys(fault.sentence for fault in faults)))


async def _of(database: Database, scope: Scope, name: str, since: datetime | None) -> Expected:
    given = {} if since is None else {"since": since, "day": since.date()}
    row = await database.one(compile_statement(_counted(scope, name, changed=since is not None)), **given)
    assert row is not None, "a count has a row"
    rows, mean, travels, leaves = row
    return Expected(name, rows, travels, round(travels * float(mean or 0)), leaves)


def _counted(scope: Scope, name: str, *, changed: bool) -> Select[Any]:
    """(rows held, mean bytes of the first, rows that travel, rows that may leave)."""
    held = counted_rows(scope, name).scalar_subquery()
    computed = scope.computed(name)
    its = computed.table
    selected = func.coalesce(scope.selected(name, its), false())
    wire = scope.wire_row(name, computed).label("wire")
    first = select(wire).select_from(computed.source).where(its.c.IsDeleted.is_(False), selected)
    sample = first.limit(MEASURED_ROWS).subquery("first")
    mean = select(func.avg(func.octet_length(sample.c.wire) + 1)).scalar_subquery()
    if not changed:
        return select(held, mean, held, literal(0))
    log, table = scope.around.metadata.tables["_change"], scope.around.metadata.tables[name]
    touched = select(log.c.id).where(
        log.c.object == name, log.c.day >= bindparam("day"), log.c.at >= bindparam("since")
    )
    here = func.coalesce(scope.selected(name, table), false()) & table.c.IsDeleted.is_(False)
    among = select(func.count().filter(here), func.count().filter(~here)).where(table.c.Id.in_(touched))
    counts = among.subquery("among")
    return select(held, mean, counts.c[0], counts.c[1])


async def _pace(org: Org, database: Database) -> tuple[float, int]:
    """Rows a second of recent syncs, and how many those were."""
    since = org.world.clock.now() - timedelta(days=RECENT_DAYS)
    row = await database.one(_paces(org.metadata), since=since)
    rows, seconds, syncs = row or (None, None, 0)
    return (float(rows) / float(seconds), syncs) if rows and seconds else (ROWS_A_SECOND, 0)


@compiled_once
def _paces(metadata: MetaData) -> ClauseElement:
    c = metadata.tables["Sync_Tracking"].c
    told = (c.Started_At >= bindparam("since"), c.Successful.is_(True), c.Records_Down > 0, c.Download_Seconds > 0)
    return select(func.sum(c.Records_Down), func.sum(c.Download_Seconds), func.count()).where(*told)
