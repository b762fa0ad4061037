"""A deploy as a job, and the states it goes through (FEATURES F03).

The tables change in one transaction, which also notes that they have: what was killed before its commit left nothing
and is validated again, what was killed after it goes on with what follows. Nothing is deployed but the plan that was
seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.schema.catalog import Catalog, decode, encode
from fieldsync.server.org.create import Deployed, deploy_catalog
from fieldsync.server.org.recalculate import recalculate
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.deploy.plan import Plan
from fieldsync.server.postgres.queue import asked_for, brought, progress
from fieldsync.server.postgres.queue.again import Canceled
from fieldsync.server.postgres.queue.asked_for import Doing, Kind
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.schema import make_queue
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction

DEPLOYING = "deploy of a data model"
_BUSY = "another one is under way; wait for its end, or cancel it"
TAKEN_UP_SECONDS = 10
_CATALOG = "catalog"


class State(StrEnum):
    """Where a deploy stands. Before it is queued it is a plan on a page, and nothing is kept of it."""

    QUEUED = "queued"
    VALIDATING = "validating"
    APPLYING = "applying"
    SUMMING_UP = "summing up"
    ACTIVE = "active"
    ERROR = "error"
    CANCELED = "canceled"


class Event(StrEnum):
    """What moves it. KILLED: its process died, and another takes it up."""

    BEGUN = "begun"
    VALID = "valid"
    KEPT = "kept"
    SUMMED = "summed up"
    REFUSED = "refused"
    CANCELED = "canceled"
    KILLED = "killed"


MOVES: Final[Mapping[tuple[State, Event], State]] = {
    (State.QUEUED, Event.BEGUN): State.VALIDATING,
    (State.QUEUED, Event.CANCELED): State.CANCELED,
    (State.VALIDATING, Event.VALID): State.APPLYING,
    (State.VALIDATING, Event.REFUSED): State.ERROR,
    (State.VALIDATING, Event.CANCELED): State.CANCELED,
    (State.VALIDATING, Event.KILLED): State.VALIDATING,
    (State.APPLYING, Event.KEPT): State.SUMMING_UP,
    (State.APPLYING, Event.REFUSED): State.ERROR,
    (State.APPLYING, Event.CANCELED): State.CANCELED,
    (State.APPLYING, Event.KILLED): State.VALIDATING,
    (State.SUMMING_UP, Event.SUMMED): State.ACTIVE,
    (State.SUMMING_UP, Event.REFUSED): State.ACTIVE,
    (State.SUMMING_UP, Event.KILLED): State.SUMMING_UP,
}
ORDER: Final = (State.QUEUED, State.VALIDATING, State.APPLYING, State.SUMMING_UP, State.ACTIVE)


class Deploy(msgspec.Struct, frozen=True):
    """One deploy. `mark` is of the plan that was seen; `passed`: each state it came to, and when."""

    version: str
    mark: str
    allow_drop: bool = False
    state: State = State.QUEUED
    passed: tuple[tuple[State, str], ...] = ()
    steps: int = 0
    wrong: str = ""
    """Why it ended in an error; then nothing of it was kept. Of one that is active: why sums are left to the upkeep."""

    def moved(self, event: Event, at: str, wrong: str = "") -> Deploy:
        """It, after this."""
        state = MOVES[self.state, event]
        return msgspec.structs.replace(self, state=state, passed=(*self.passed, (state, at)), wrong=wrong)

    @property
    def place(self) -> tuple[int, int]:
        """How far it is, in states."""
        return (ORDER.index(self.state) if self.state in ORDER else 0), len(ORDER) - 1


class Deploying(msgspec.Struct, frozen=True):
    """The job's arguments. `deploy` is the id of its note."""

    org: str
    deploy: int


def mark_of(plan: Plan) -> str:
    """Of exactly these steps."""
    steps = "\n".join(step.sql for step in plan.steps)
    return hashlib.sha256(f"{plan.catalog.version}\n{steps}".encode()).hexdigest()


async def ask_deploy(org: Org, database: Database, catalog: Catalog, deploy: Deploy, by: str) -> None:
    """Have it done soon, with the commit. Raises Refused(UNUSABLE) while one is under way."""
    queued = msgspec.structs.replace(deploy, passed=((State.QUEUED, instant(org.world.clock.now())),))
    kind = Kind(DEPLOYING, "This deploy", _BUSY)
    known = await asked_for.ask(database, org.name, by, kind, lambda known: Deploying(org.name, known), queued)
    await brought.put(database, known, _CATALOG, 0, zlib.compress(encode(catalog)))


async def run_deploy(orgs: Mapping[str, Org], uri: str, asked: Deploying) -> None:
    """The job. `orgs`: as this process serves them, so that what was deployed can be waited for."""
    pool, clock = orgs[asked.org].pool, orgs[asked.org].world.clock

    def ended(deploy: Deploy, stage: Stage, why: str) -> Deploy:
        event = {Stage.CANCELED: Event.CANCELED, Stage.ERROR: Event.REFUSED}.get(stage)
        return deploy if event is None else deploy.moved(event, instant(clock.now()), why)

    async def work(doing: Doing[Deploy]) -> Stage:
        return await _Running(orgs, uri, asked.org, doing).go_on()

    await asked_for.carry_out(pool, asked.deploy, Deploy, work, ended=ended, forget=lambda _: _CATALOG)


class _Running:
    """A deploy on its way."""

    def __init__(self, orgs: Mapping[str, Org], uri: str, name: str, doing: Doing[Deploy]) -> None:
        self._orgs, self._uri, self._name, self._doing = orgs, uri, name, doing

    @property
    def _org(self) -> Org:
        """As it is served now: with another catalog once that was taken up."""
        return self._orgs[self._name]

    @property
    def _deploy(self) -> Deploy:
        return self._doing.done

    def _moved(self, event: Event, wrong: str = "") -> Deploy:
        return self._deploy.moved(event, instant(self._org.world.clock.now()), wrong)

    async def _move(self, event: Event, wrong: str = "") -> None:
        """Note the state it comes to. Raises Canceled."""
        self._doing.done = self._moved(event, wrong)
        try:
            async with transaction(self._org.pool) as database:
                await self._doing.note(database, self._deploy.place, self._deploy)
        except Canceled:
            if (self._deploy.state, Event.CANCELED) in MOVES:
                raise

    async def go_on(self) -> Stage:
        """From where it stands. Raises Refused, Canceled."""
        if self._deploy.state is State.SUMMING_UP:
            await self._move(Event.KILLED)
        elif self._deploy.state is not State.ACTIVE:
            packed = await self._doing.piece(_CATALOG, 0)
            assert packed is not None, "it is kept until the end"
            await self.change(decode(zlib.decompress(packed)))
        if self._deploy.state is State.SUMMING_UP:
            await self.sum_up()
        return Stage.VALID

    async def change(self, catalog: Catalog) -> None:
        """Plan it anew, and carry it out if it is the plan that was seen. Raises Refused, Canceled."""
        await self._move(Event.BEGUN if self._deploy.state is State.QUEUED else Event.KILLED)
        planned = await asyncio.to_thread(self._carry, catalog, dry_run=True)
        if mark_of(planned.plan) != self._deploy.mark:
            reason = "the data model changed since its plan was shown; plan it again"
            raise Refused(problem(Code.UNUSABLE, what="This deploy", reason=reason))
        self._doing.done = msgspec.structs.replace(self._deploy, steps=len(planned.plan.steps))
        await self._move(Event.VALID)
        done = await asyncio.to_thread(self._carry, catalog, dry_run=False)
        if done.applied:
            self._doing.done = self._moved(Event.KEPT)
        else:
            await self._move(Event.KEPT)

    def _carry(self, catalog: Catalog, *, dry_run: bool) -> Deployed:
        return deploy_catalog(
            self._uri,
            self._name,
            catalog,
            world=self._org.world,
            dry_run=dry_run,
            allow_drop=self._deploy.allow_drop,
            within=self._note_within,
        )

    def _note_within(self, connection: AdminConnection, _: Plan) -> None:
        """With the tables, that they are so: a kill finds both or neither."""
        kept = self._moved(Event.KEPT)
        if not progress.note_within(connection, self._doing.known, kept.place, kept):
            raise Canceled

    async def sum_up(self) -> None:
        """Wait until this server works with it, then sum up what is summed up otherwise now. What cannot be, the
        hourly upkeep does: the data model is in force."""
        for _ in range(TAKEN_UP_SECONDS * 10):
            if self._org.catalog.version == self._deploy.version:
                break
            await asyncio.sleep(0.1)
        try:
            await recalculate(self._org, lambda *_: None)
        except Refused as refused:
            await self._move(Event.REFUSED, refused.problem.message)
        else:
            await self._move(Event.SUMMED)


def note_done(connection: AdminConnection, org: str, plan: Plan, by: str, at: datetime) -> None:
    """With the tables: one that somebody carried out at the command line, told of as those that pages asked for."""
    make_queue(connection)
    active = ((State.ACTIVE, instant(at)),)
    done = Deploy(plan.catalog.version, mark_of(plan), state=State.ACTIVE, passed=active, steps=len(plan.steps))
    progress.done_within(connection, org, DEPLOYING, by, done)


async def newest_deploy(org: Org, database: Database) -> tuple[Progress, Deploy] | None:
    """The last one, and where it stands; None where there was none."""
    return await asked_for.newest(database, org.name, Deploy, DEPLOYING)
