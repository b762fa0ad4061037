"""The table of alerts: what is asked, what it says, and where an admin goes to see. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import Integer, Select, any_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, distinct_on

from fieldsync.base import limits
from fieldsync.base.codes import Code
from fieldsync.base.version import VERSION
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.figures.people import OVERDUE_DAYS, people_syncs
from fieldsync.server.oversight.scope.checking import WHAT, Report, read_report
from fieldsync.server.oversight.scope.proposal import Proposal, faults_of
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.queue.progress import listed
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.hourly.schedule import stuck
from fieldsync.server.sync.forcing.reload import behind, reload_asked

CLOCK_OFF_SECONDS = 300
QUEUE_BEHIND_MINUTES = 60
FAILED_DAYS = 1
SEEN_DAYS = 30
"""A device that was away for longer counts for no version and no clock."""


class Alert(msgspec.Struct, frozen=True):
    """One thing that needs somebody. `key` is the same as long as it goes on."""

    key: str
    sentence: str
    count: int
    page: str
    """Where the console shows it."""


Ask = Callable[[Org, Database], Awaitable[int]]


@dataclass(frozen=True)
class Kind:
    """One row of the table: `{count}` in the sentence is what `ask` found; 0 is no alert."""

    key: str
    one: str
    many: str
    page: str
    ask: Ask


async def found_alerts(org: Org, database: Database) -> tuple[Alert, ...]:
    """All that needs somebody now."""
    counts = [(kind, await kind.ask(org, database)) for kind in KINDS]
    return tuple(_alert(kind, count) for kind, count in counts if count)


def _alert(kind: Kind, count: int) -> Alert:
    return Alert(kind.key, (kind.one if count == 1 else kind.many).format(count=f"{count:,}"), count, kind.page)


async def _count(database: Database, query: Select[int]) -> int:
    row = await database.one(compile_statement(query))
    return int(row[0]) if row is not None else 0


async def _failed(org: Org, database: Database) -> int:
    t = org.metadata.tables["Sync_Transaction"].c
    before = org.world.clock.now() - timedelta(days=FAILED_DAYS)
    return await _count(database, select(func.count(t.Id)).where(t.Status == "Failed", t.Received_At < literal(before)))


async def _behind(org: Org, database: Database) -> int:
    u = org.metadata.tables["_undecided"].c
    before = org.world.clock.now() - timedelta(minutes=QUEUE_BEHIND_MINUTES)
    return await _count(database, select(func.count(u.record_id)).where(u.due_at < literal(before)))


async def _bad_rules(org: Org, database: Database) -> int:
    rules = dict(await org.scopes.rules_by_id(database))
    active = {rule_id: rule for rule_id, rule in rules.items() if rule.active}
    proposals = [Proposal(rule_id, rule) for rule_id, rule in active.items()]
    return len({one.id for one, fault in faults_of(org.catalog, rules, proposals) if not fault.warning})


async def _refused_scopes(org: Org, database: Database) -> int:
    """Devices whose last sync ended because of the rules."""
    t = org.metadata.tables["Sync_Tracking"].c
    since = org.world.clock.now() - timedelta(days=1)
    codes = literal([Code.SYNC_RULE, Code.TOO_MANY_ROWS, Code.TOO_MANY_ACCOUNTS], ARRAY(TEXT))
    query = select(func.count(t.DeviceId.distinct())).where(
        t.Started_At > literal(since), t.Problem_Code == any_(codes)
    )
    return await _count(database, query)


async def _could_not_sync(org: Org, database: Database) -> int:
    """Devices that the last check of all rules found could not sync."""
    newest = next((one for one in await listed(database, org.name) if one.what == WHAT and one.ended), None)
    report = read_report(newest.result) if newest is not None else Report()
    return report.people_stopped


def _seen(org: Org) -> Iterator[object]:
    c = org.metadata.tables["Device"].c
    since = org.world.clock.now() - timedelta(days=SEEN_DAYS)
    yield c.IsDeleted.is_(False)
    yield c.Active.is_(True)
    yield c.Last_Seen_At > literal(since)


async def _clocks(org: Org, database: Database) -> int:
    c = org.metadata.tables["Device"].c
    off = func.abs(c.Clock_Off_Seconds) > CLOCK_OFF_SECONDS
    return await _count(database, select(func.count(c.Id)).where(off, *_seen(org)))  # type: ignore[arg-type]


async def _old_versions(org: Org, database: Database) -> int:
    """Versions are compared as numbers; what is none is left alone."""
    c = org.metadata.tables["Device"].c
    numbers = cast(func.string_to_array(func.substring(c.App_Version, r"^\d{1,6}\.\d{1,6}"), "."), ARRAY(Integer))
    ours = cast(literal([int(part) for part in VERSION.split(".")[:2]], ARRAY(Integer)), ARRAY(Integer))
    query = select(func.count(c.Id)).where(numbers < ours, *_seen(org))  # type: ignore[arg-type]
    return await _count(database, query)


async def _reloads(org: Org, database: Database) -> int:
    """Devices that have not loaded anew what they were to, after its day came."""
    asked, device = await reload_asked(org, database), org.metadata.tables["Device"]
    if asked is None or asked.due > org.world.clock.now().date():
        return 0
    owes = behind(device, literal(asked.asked_at))
    return await _count(database, select(func.count(device.c.Id)).where(owes, *_seen(org)))  # type: ignore[arg-type]


async def _digests(org: Org, database: Database) -> int:
    """Devices whose last compared sync differed from the server."""
    t = org.metadata.tables["Sync_Tracking"].c
    since = org.world.clock.now() - timedelta(days=7)
    last = select(t.DeviceId, t.Digest).where(t.Digest.is_not(None), t.Started_At > literal(since))
    one_each = last.ext(distinct_on(t.DeviceId)).order_by(t.DeviceId, t.Started_At.desc())
    newest = one_each.subquery("newest")
    return await _count(database, select(func.count()).select_from(newest).where(newest.c.Digest == "Differed"))


async def _late(org: Org, database: Database) -> int:
    return len(await people_syncs(org, database, late_only=True))


KINDS: tuple[Kind, ...] = (
    Kind(
        "stuck",
        "1 transaction was taken more than a day ago and never run.",
        "{count} transactions were taken more than a day ago and never run.",
        "/console/transactions?status=New",
        stuck,
    ),
    Kind(
        "behind",
        f"1 transaction in the deferred queue is due for more than {QUEUE_BEHIND_MINUTES} minutes.",
        f"{{count}} transactions in the deferred queue are due for more than {QUEUE_BEHIND_MINUTES} minutes.",
        "/console/transactions?status=Retry",
        _behind,
    ),
    Kind(
        "failed",
        "1 failed transaction has waited for somebody for more than a day.",
        "{count} failed transactions have waited for somebody for more than a day.",
        "/console/transactions?status=Failed",
        _failed,
    ),
    Kind(
        "checked",
        "The last check of all sync rules found 1 device that could not sync.",
        "The last check of all sync rules found {count} devices that could not sync.",
        "/console/rules/check",
        _could_not_sync,
    ),
    Kind(
        "rules",
        "1 sync rule that is on cannot be used any more.",
        "{count} sync rules that are on cannot be used any more.",
        "/console/rules",
        _bad_rules,
    ),
    Kind(
        "scopes",
        "The sync rules ended the syncs of 1 device today.",
        "The sync rules ended the syncs of {count} devices today.",
        "/console/reports",
        _refused_scopes,
    ),
    Kind(
        "clocks",
        f"The clock of 1 device is off by more than {CLOCK_OFF_SECONDS // 60} minutes.",
        f"The clocks of {{count}} devices are off by more than {CLOCK_OFF_SECONDS // 60} minutes.",
        "/console/devices",
        _clocks,
    ),
    Kind(
        "versions",
        f"1 device runs an older app than this server's {VERSION}.",
        f"{{count}} devices run an older app than this server's {VERSION}.",
        "/console/devices",
        _old_versions,
    ),
    Kind(
        "reloads",
        "1 device has not loaded everything anew, though it was due.",
        "{count} devices have not loaded everything anew, though it was due.",
        "/console/devices",
        _reloads,
    ),
    Kind(
        "digests",
        "1 device still differed from the server when they were last compared.",
        "{count} devices still differed from the server when they were last compared.",
        "/console/devices",
        _digests,
    ),
    Kind(
        "late",
        f"1 person is late: no sync for {OVERDUE_DAYS} days, or edits that wait for {limits.OVERDUE_DAYS}.",
        f"{{count}} people are late: no sync for {OVERDUE_DAYS} days, or edits that wait for {limits.OVERDUE_DAYS}.",
        "/console/reports",
        _late,
    ),
)
