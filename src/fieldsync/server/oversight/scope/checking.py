"""All sync rules looked at for everybody, as a job: what is wrong with them, and whose device could not sync (A18).

A page asks for one rule and a few people while it waits; this looks at each person's device, one snapshot a person, so
that it may take minutes, tells how far it is, and stops when somebody cancels it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Refused
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import Holder, first_holders
from fieldsync.server.oversight.scope.proposal import Proposal, faults_of
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.again import Canceled, patiently
from fieldsync.server.postgres.queue.progress import Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.save.batch import encode_rows
from fieldsync.server.scope.caps import try_out

CHECK = "check"
"""The argument of the job: the id of its progress."""
WHAT = "sync rules checked for everybody"
TOLD_MAX = 200
"""So many faults, and so many people, are told one by one."""


class RuleFault(msgspec.Struct, frozen=True):
    """What is wrong with a rule, or unwise."""

    id: str
    object: str
    sentence: str
    warning: bool


class Stopped(msgspec.Struct, frozen=True):
    """A person whose device could not sync under the rules as they are, and why."""

    username: str
    device: str
    profile: str
    sentence: str


class Rows(msgspec.Struct, frozen=True):
    """What the devices of one profile hold."""

    profile: str
    devices: int
    least: int
    most: int
    most_of: str
    """Who holds most."""


class Report(msgspec.Struct, frozen=True):
    """What came of it. Only so many are told one by one; the counts are of all."""

    faults: tuple[RuleFault, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    rows: tuple[Rows, ...] = ()
    wrong: int = 0
    people_stopped: int = 0


async def ask_check(org: Org, database: Database, by: str) -> bool:
    """Have all rules checked soon, with the commit. False where that is under way already."""
    known = await progress.begin(database, org.name, WHAT, by)
    if known is not None:
        arguments = [{"org": org.name, CHECK: known}]
        await database.rows(DEFER, queue=org.name, jobs=encode_rows(arguments), at=None)
    return known is not None


async def check_rules(org: Org, known: int) -> None:
    """The job. Begun again it begins anew, which changes nothing but its time; what other work holds is waited for, and
    what it raises ends it, so that another one may be asked for."""
    try:
        await patiently(org.pool, known, lambda: _check(org, known))
    except Canceled:
        await _end(org, known, Stage.CANCELED, Report())
    except Exception:
        await _end(org, known, Stage.FAILED, Report())
        raise


async def _check(org: Org, known: int) -> None:
    async with snapshot(org.pool) as database:
        rules = dict(await org.scopes.rules_by_id(database))
        holders = (await first_holders(org, database, limits.CHECKED_PEOPLE_MAX)).found
    work = _Checking(org, _faults(org, rules))
    for done, holder in enumerate(holders):
        if not await _step(org, known, done, len(holders)):
            await _end(org, known, Stage.CANCELED, work.report())
            return
        await work.look(holder)
    await _step(org, known, len(holders), len(holders))
    await _end(org, known, work.stage, work.report())


def read_report(told: bytes) -> Report:
    """What a check that ended told. Pure."""
    return msgspec.json.decode(told, type=Report) if told else Report()


async def _step(org: Org, known: int, done: int, total: int) -> bool:
    async with transaction(org.pool) as database:
        return await progress.step(database, known, done, total)


async def _end(org: Org, known: int, stage: Stage, report: Report) -> None:
    async with transaction(org.pool) as database:
        await progress.end(database, known, stage, report)


def _faults(org: Org, rules: Mapping[str, SyncRule]) -> tuple[RuleFault, ...]:
    proposals = [Proposal(record_id, rule) for record_id, rule in rules.items()]
    return tuple(
        RuleFault(one.id or "", one.rule.object if one.rule else "", fault.sentence, fault.warning)
        for one, fault in faults_of(org.catalog, rules, proposals)
    )


@dataclass
class _Checking:
    """What was found so far. People whose rules, rights and tokens are the same hold the same."""

    org: Org
    faults: tuple[RuleFault, ...]
    stopped: list[Stopped] = field(default_factory=list)
    held: list[tuple[str, str, int]] = field(default_factory=list)
    known: dict[str, int | str] = field(default_factory=dict)

    async def look(self, holder: Holder) -> None:
        profile = holder.caller.profile
        found = await self._found(holder)
        if isinstance(found, str):
            self.stopped.append(Stopped(holder.username, holder.device, profile, found))
        else:
            self.held.append((profile, holder.username, found))

    async def _found(self, holder: Holder) -> int | str:
        """How many rows, or why there are none."""
        org = self.org
        async with snapshot(org.pool) as database:
            rules = await org.scopes.rules(database)
            try:
                scope = org.scopes.under(holder.caller, holder.looked, rules, org.world.clock)
            except Refused as refused:  # a rule of this device cannot be used at all
                return refused.problem.message
            key = f"{scope.recipe.hash} {holder.device} {profile_of(holder)}"
            if key not in self.known:
                try:
                    await org.scopes.caps.check(database, holder.caller, scope, scope.objects)
                    self.known[key] = sum((await try_out(database, scope, scope.objects)).values())
                except Refused as refused:
                    self.known[key] = refused.problem.message
            return self.known[key]

    @property
    def stage(self) -> Stage:
        """How it ended: well, unless a device could not sync or a rule is wrong."""
        wrong = self.stopped or any(not fault.warning for fault in self.faults)
        return Stage.ERROR if wrong else Stage.VALID

    def report(self) -> Report:
        faults = sorted(self.faults, key=lambda fault: fault.warning)
        wrong = sum(not fault.warning for fault in faults)
        told: dict[str, Any] = {"wrong": wrong, "people_stopped": len(self.stopped), "rows": tuple(self._rows())}
        return Report(tuple(faults[:TOLD_MAX]), tuple(self.stopped[:TOLD_MAX]), **told)

    def _rows(self) -> Iterator[Rows]:
        for profile in sorted({profile for profile, *_ in self.held}):
            counts = [(rows, who) for of, who, rows in self.held if of == profile]
            most, most_of = max(counts)
            yield Rows(profile, len(counts), min(counts)[0], most, most_of)


def profile_of(holder: Holder) -> str:
    """Settings, and so the most rows that are allowed, are the profile's."""
    return holder.caller.profile
