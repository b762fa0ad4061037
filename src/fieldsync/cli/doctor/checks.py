"""The checks of `fieldsync doctor`: one visible table; each check is a function that yields what it found wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.cli.doctor import sync_rules
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.schema.access import metadata_api
from fieldsync.schema.check import check
from fieldsync.server.org.begin import retention
from fieldsync.server.org.rights import people
from fieldsync.server.org.seed import Seeding

STUCK_TOLD_MAX = 20


@dataclass(frozen=True)
class Check:
    """One row of the table. `claim` says what holds when nothing is found; `remedy` what to do otherwise."""

    name: str
    claim: str
    find: Callable[[Seeding], Iterator[str]]
    remedy: str


def _catalog(seeding: Seeding) -> Iterator[str]:
    yield from map(str, check(seeding.catalog.packs))


def _formulas(seeding: Seeding) -> Iterator[str]:
    yield from map(str, CatalogFormulas(seeding.catalog).faults)


def _metadata_api(seeding: Seeding) -> Iterator[str]:
    """FEATURES G22: whom the syncs of an iPad or iPhone can fail."""
    for person in people(seeding):
        if metadata_api.holds(person.rights):
            sets = ", ".join(person.rights.permission_sets) or "none"
            yield f"{person.username}: profile {person.rights.profile}, permission sets {sets}"


def _stuck(seeding: Seeding) -> Iterator[str]:
    """FEATURES J19: what was taken from a device and never run."""
    transaction = seeding.metadata.tables["Sync_Transaction"].c
    before = datetime.fromisoformat(seeding.now) - timedelta(days=limits.STUCK_DAYS)
    waiting = select(transaction.Name).where(transaction.Status == "New", transaction.Received_At < before)
    for name in seeding.connection.execute(waiting.order_by(transaction.Received_At).limit(STUCK_TOLD_MAX)).scalars():
        yield f"{name} has not run for more than a day"


def _retention(seeding: Seeding) -> Iterator[str]:
    """FEATURES J22: rules of objects that are gone, and a purge that does not come."""
    if retention.OBJECT not in seeding.catalog:  # of an earlier version
        return
    rules = seeding.metadata.tables[retention.OBJECT].c
    query = select(rules.Object_Name, rules.Active, rules.Last_Purge_At).where(rules.IsDeleted.is_(False))
    now = datetime.fromisoformat(seeding.now)
    for name, active, at in seeding.connection.execute(query.order_by(rules.Object_Name)):
        if name != retention.EVERY and name not in seeding.catalog:
            yield f"the rule for {name}: there is no such object"
        elif active and at is not None and at < now - timedelta(days=limits.STUCK_DAYS):
            yield f"the rule for {name}: the last purge was {at:%Y-%m-%d %H:%M} UTC"


CHECKS = (
    Check(
        "queue",
        "What devices sent was run.",
        _stuck,
        "Look whether a server runs, and at its log for jobs that failed.",
    ),
    Check(
        "retention",
        "Finished transactions go when their time is over.",
        _retention,
        "Correct the rule, or look whether a server runs: it removes them every hour.",
    ),
    Check(
        "catalog",
        "The packs of the org make sense together.",
        _catalog,
        "Correct the pack and deploy it again.",
    ),
    Check(
        "formulas",
        "Every formula, rule and default of the catalog can run.",
        _formulas,
        "Correct the formula and deploy it again; until then it does nothing.",
    ),
    Check(
        "metadata_api",
        "Nobody in the field may change metadata through the API.",
        _metadata_api,
        "Take modify_metadata and modify_all_data from the profile, or end the assignment of the permission set.",
    ),
    Check(
        "sync_rules",
        "Every sync rule fits the catalog and the other rules.",
        sync_rules.unfit,
        "Correct the rule, or switch it off.",
    ),
    Check(
        "scopes",
        "The rules of every profile make a condition for every device type.",
        sync_rules.uncomposed,
        "See what the rules refer to with: fieldsync rules explain; until then these devices cannot sync.",
    ),
    Check(
        "required_rules",
        "Rules bring every object the field app needs.",
        sync_rules.missing,
        "Switch its rule on, or make one.",
    ),
    Check(
        "unfiltered_rules",
        "No large object goes to devices whole.",
        sync_rules.unbounded,
        "Give the rule a condition; try it with: fieldsync rules test.",
    ),
)
