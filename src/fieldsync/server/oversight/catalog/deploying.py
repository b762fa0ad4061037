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
from fieldsync.server.postgres.queue import brought, progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import encode_rows

DEPLOYING = "deploy of a data model"
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
    (State.SUMMING_UP, Event.KILLED): State.SUMMING_UP,
}
ORDER: Final = (State.QUEUED, State.VALIDATING, State.APPLYING, State.SUMMING_UP, State.ACTIVE)
_ENDS: Final = {State.ACTIVE: Stage.VALID, State.ERROR: Stage.ERROR, State.CANCELED: Stage.CANCELED}


class Deploy(msgspec.Struct, frozen=True):
    """One deploy. `mark` is of the plan that was seen; `passed`: each state it came to, and when."""

    version: str
    mark: str
    allow_drop: bool = False
    state: State = State.QUEUED
    passed: tuple[tuple[State, str], ...] = ()
    steps: int = 0
    wrong: str = ""
    """Why it ended in an error; then nothing of it was kept."""

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
    known = await progress.begin(database, org.name, DEPLOYING, by)
    if known is None:
        reason = "another one is under way; wait for its end, or cancel it"
        raise Refused(problem(Code.UNUSABLE, what="This deploy", reason=reason))
    queued = msgspec.structs.replace(deploy, passed=((State.QUEUED, instant(org.world.clock.now())),))
    await progress.expect(database, known, queued)
    await brought.put(database, known, _CATALOG, 0, zlib.compress(encode(catalog)))
    asked = msgspec.to_builtins(Deploying(org.name, known))
    await database.rows(DEFER, queue=org.name, jobs=encode_rows([asked]), at=None)


async def run_deploy(orgs: Mapping[str, Org], uri: str, asked: Deploying) -> None:
    """The job. `orgs`: as this process serves them, so that what was deployed can be waited for."""
    async with transaction(orgs[asked.org].pool) as database:
        noted, packed = (
            await progress.noted(database, asked.deploy),
            await brought.get(database, asked.deploy, _CATALOG, 0),
        )
    if noted is None or packed is None:
        return
    one = _Running(orgs, uri, asked, msgspec.json.decode(noted, type=Deploy))
    try:
        if one.deploy.state is not State.SUMMING_UP:
            await one.change(decode(zlib.decompress(packed)))
        else:
            await one.move(Event.KILLED)
        await one.sum_up()
    except Refused as refused:
        await one.end(Event.REFUSED, refused.problem.message)
    except _Canceled:
        await one.end(Event.CANCELED)
    except Exception:
        async with transaction(orgs[asked.org].pool) as database:
            await progress.end(database, asked.deploy, Stage.FAILED, one.deploy)
        raise


class _Canceled(Exception):
    """Somebody does not want it any more; what is not committed is taken back."""


class _Running:
    """A deploy on its way."""

    def __init__(self, orgs: Mapping[str, Org], uri: str, asked: Deploying, deploy: Deploy) -> None:
        self._orgs, self._uri, self._asked, self.deploy = orgs, uri, asked, deploy

    @property
    def _org(self) -> Org:
        """As it is served now: with another catalog once that was taken up."""
        return self._orgs[self._asked.org]

    def _at(self) -> str:
        return instant(self._org.world.clock.now())

    async def move(self, event: Event) -> None:
        """Note the state it comes to. Raises _Canceled."""
        self.deploy = self.deploy.moved(event, self._at())
        async with transaction(self._org.pool) as database:
            wanted = await progress.note(database, self._asked.deploy, self.deploy.place, self.deploy)
        if not wanted and (self.deploy.state, Event.CANCELED) in MOVES:
            raise _Canceled

    async def end(self, event: Event, wrong: str = "") -> None:
        """It ended so."""
        self.deploy = self.deploy.moved(event, self._at(), wrong)
        async with transaction(self._org.pool) as database:
            await brought.forget(database, self._asked.deploy, _CATALOG)
            if self.deploy.state is State.ACTIVE:
                await progress.step(database, self._asked.deploy, *self.deploy.place)
            await progress.end(database, self._asked.deploy, _ENDS[self.deploy.state], self.deploy)

    async def change(self, catalog: Catalog) -> None:
        """Plan it anew, and carry it out if it is the plan that was seen. Raises Refused, _Canceled."""
        await self.move(Event.BEGUN if self.deploy.state is State.QUEUED else Event.KILLED)
        planned = await asyncio.to_thread(self._deploy, catalog, dry_run=True)
        if mark_of(planned.plan) != self.deploy.mark:
            reason = "the data model changed since its plan was shown; plan it again"
            raise Refused(problem(Code.UNUSABLE, what="This deploy", reason=reason))
        self.deploy = msgspec.structs.replace(self.deploy, steps=len(planned.plan.steps))
        await self.move(Event.VALID)
        done = await asyncio.to_thread(self._deploy, catalog, dry_run=False)
        if done.applied:
            self.deploy = self._kept()
        else:
            await self.move(Event.KEPT)

    def _deploy(self, catalog: Catalog, *, dry_run: bool) -> Deployed:
        return deploy_catalog(
            self._uri,
            self._asked.org,
            catalog,
            world=self._org.world,
            dry_run=dry_run,
            allow_drop=self.deploy.allow_drop,
            within=self._note_within,
        )

    def _kept(self) -> Deploy:
        return self.deploy.moved(Event.KEPT, self._at())

    def _note_within(self, connection: AdminConnection, _: Plan) -> None:
        """With the tables, that they are so: a kill finds both or neither."""
        kept = self._kept()
        if not progress.note_within(connection, self._asked.deploy, kept.place, kept):
            raise _Canceled

    async def sum_up(self) -> None:
        """Wait until this server works with it, then sum up what is summed up otherwise now."""
        for _ in range(TAKEN_UP_SECONDS * 10):
            if self._org.catalog.version == self.deploy.version:
                break
            await asyncio.sleep(0.1)
        await recalculate(self._org, lambda *_: None)
        await self.end(Event.SUMMED)


async def newest_deploy(org: Org, database: Database) -> tuple[Progress, Deploy] | None:
    """The last one that was asked for on a page, and where it stands; None where there was none."""
    known = await progress.newest(database, org.name, DEPLOYING)
    return None if known is None else (known, msgspec.json.decode(known.result, type=Deploy))
