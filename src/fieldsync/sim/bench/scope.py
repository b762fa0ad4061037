"""What it costs to say who gets what: a selection through assignments, and its difference when a rule or they change.

One person of a hundred territories; practices are hers by assignment, visits by practice and date. Floors are the same
rows by SQL as somebody would write it by hand, or by their ids.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import any_, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from fieldsync.base.ids import RecordId
from fieldsync.base.world import World, system_world
from fieldsync.protocol.download import End, decode_line
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.probe import know_sizes
from fieldsync.server.postgres.work import Work, snapshot, transaction
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.checkpoint import present_checkpoint, seal_checkpoint
from fieldsync.server.sync.download import download
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import ORG, PASSWORD, PERSON

TERRITORIES, VISITS, MOVED, ROUNDS = 100, 3, 100, 9
OFTEN, RECENT = "Day = LAST_N_DAYS:90", "Day = LAST_N_DAYS:30"
ASSIGNED = "Id IN (SELECT PracticeId FROM Practice_Area WHERE TerritoryId IN ({USER.TERRITORY.IDS}))"


def catalog() -> Catalog:
    """Practices, who they are assigned to, and visits."""
    reference = FieldType.LOOKUP
    practice = Object(
        name="Practice", label="Practice", prefix="b00", fields=(Field(name="City", type=FieldType.TEXT),)
    )
    area = Object(
        name="Practice_Area",
        label="Practice Area",
        prefix="b01",
        fields=(
            Field(name="PracticeId", type=reference, references="Practice"),
            Field(name="TerritoryId", type=reference, references="Territory"),
        ),
    )
    visit = Object(
        name="Visit",
        label="Visit",
        prefix="b02",
        fields=(
            Field(name="PracticeId", type=reference, references="Practice"),
            Field(name="Day", type=FieldType.DATE),
        ),
    )
    rules = (
        SyncRule(object="Practice", where=ASSIGNED),
        SyncRule(object="Visit", where=f"PracticeId IN ({{PRACTICE.IDS}}) AND {OFTEN}"),
    )
    reads: tuple[Access, ...] = (Access.READ,)
    rights = dict.fromkeys(("Practice", "Practice_Area", "Visit"), reads)
    profile = Profile(name="Rep", label="Rep", objects=rights)
    pack = Pack(name="bench", label="Bench", objects=(practice, area, visit), profiles=(profile,), sync_rules=rules)
    return build([*load_packs(("platform",)), pack])


def measure(folder: Path, *, practices: int) -> list[Figure]:
    """The figures, in this process, on an embedded PostgreSQL."""
    world = system_world()
    with EmbeddedPostgres.start(folder / "pg") as postgres:
        _make_org(postgres.uri, world, practices)
        return asyncio.run(_measured(postgres.uri, world, practices))


async def _measured(uri: str, world: World, practices: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, ORG, world)
        person = org.metadata.tables["User"]
        [(user,)] = await _rows(org, select(person.c.Id).where(person.c.Username == PERSON))
        caller = Caller(RecordId(user), "Rep", Channel.API, rights=org.rights.of("Rep"))
        said = f"{practices} practices of {TERRITORIES} territories, {practices * VISITS} visits"
        looked = await _median(lambda: _scope(org, caller))
        trip = await _median(lambda: _rows(org, select(literal(1))))
        selected = await _median(lambda: _selection(org, caller))
        plain = await _median(lambda: _rows(org, _by_hand(org)))
        changed = await _median(lambda: _changed_rule(org, caller))
        aligned, by_id = await _alignments(uri, org, caller)
    return [
        figure("who somebody is, and the scope", 1000 * looked, "ms", floor=1000 * trip, conditions=said),
        figure("visits of a territory", 1000 * selected, "ms", floor=1000 * plain, conditions=said),
        figure("difference of a changed rule", 1000 * changed, "ms", floor=1000 * plain, conditions=said),
        figure(
            f"{MOVED} practices assigned, visits and all", 1000 * aligned, "ms", floor=1000 * by_id, conditions=said
        ),
    ]


async def _median(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of the median run; the first, which compiles, does not count."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


async def _scope(org: Org, caller: Caller) -> Scope:
    async with snapshot(org.pool) as database:
        return await org.scopes.of(database, caller, org.world.clock)


async def _selection(org: Org, caller: Caller) -> None:
    async with snapshot(org.pool) as database:
        scope = await org.scopes.of(database, caller, org.world.clock)
        assert await database.rows(scope.rows_behind("Visit"), after="")


async def _changed_rule(org: Org, caller: Caller) -> None:
    """What a device gets when visits are to go back 30 days and no longer 90."""
    rule = org.metadata.tables["Sync_Rule"]
    shorter = {"Where_Clause": f"PracticeId IN ({{PRACTICE.IDS}}) AND {RECENT}", "_stamp": rule.c["_stamp"] + 1}
    async with transaction(org.pool) as database:
        token = await _checkpoint(org, database, caller)
        await database.run(compile_statement(update(rule).where(rule.c.Object_Name == "Visit").values(shorter)))
        await _download(org, database, caller, token)
        longer = {"Where_Clause": f"PracticeId IN ({{PRACTICE.IDS}}) AND {OFTEN}", "_stamp": rule.c["_stamp"] - 1}
        await database.run(compile_statement(update(rule).where(rule.c.Object_Name == "Visit").values(longer)))


async def _checkpoint(org: Org, database: Work, caller: Caller) -> str:
    scope = await org.scopes.of(database, caller, org.world.clock)
    await org.scopes.keep(scope, org.world.clock.now())
    return seal_checkpoint(org, caller, await present_checkpoint(org, database, scope))


async def _download(org: Org, database: Work, caller: Caller, token: str) -> None:
    lines = [decode_line(line) async for line in download(org, database, caller, token)]
    assert isinstance(lines[-1], End)
    assert len(lines) > 2, "something came or went"


async def _alignments(uri: str, org: Org, caller: Caller) -> tuple[float, float]:
    """Seconds of an incremental after practices were assigned to the person, and of reading those rows by id."""
    taken, floors = [], []
    for turn in range(ROUNDS):
        async with snapshot(org.pool) as database:
            token = await _checkpoint(org, database, caller)
        ids = await asyncio.to_thread(_assign, uri, org.world, turn)
        began = time.perf_counter()
        async with snapshot(org.pool) as database:
            await _download(org, database, caller, token)
        taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        for name, column in (("Practice", "Id"), ("Visit", "PracticeId")):
            table = org.metadata.tables[name]
            await _rows(org, select(table).where(table.c[column] == any_(literal(ids, ARRAY(TEXT)))))
        floors.append(time.perf_counter() - began)
    return statistics.median(taken[1:]), statistics.median(floors[1:])


def _assign(uri: str, world: World, turn: int) -> list[str]:
    with seeding_org(uri, ORG, world) as seeding:
        territory, practice = (seeding.metadata.tables[n] for n in ("Territory", "Practice"))
        mine = seeding.connection.execute(select(territory.c.Id).where(territory.c.Name == "T0")).scalar()
        others = select(practice.c.Id).where(practice.c.City != "T0").order_by(practice.c.Id)
        ids = list(seeding.connection.execute(others.offset(turn * MOVED).limit(MOVED)).scalars())
        rows = [{"Name": "a", "PracticeId": i, "TerritoryId": mine} for i in ids]
        insert_rows(seeding, "Practice_Area", rows, checked=False)
        return ids


def _by_hand(org: Org) -> Any:
    visit, area, territory = (org.metadata.tables[n] for n in ("Visit", "Practice_Area", "Territory"))
    mine = select(area.c.PracticeId).join_from(area, territory, territory.c.Id == area.c.TerritoryId)
    since = org.world.clock.now().date() - timedelta(days=90)
    return select(visit).where(visit.c.PracticeId.in_(mine.where(territory.c.Name == "T0")), visit.c.Day >= since)


async def _rows(org: Org, query: Any) -> list[tuple[Any, ...]]:
    async with snapshot(org.pool) as database:
        return await database.rows(compile_statement(query))


def _make_org(uri: str, world: World, practices: int) -> None:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog(), admin=admin, world=world)
    today = world.clock.now().date()
    days = [(today - timedelta(days=i)).isoformat() for i in range(200)]
    with seeding_org(uri, ORG, world) as seeding:
        user = create_user(seeding, NewUser(PERSON, PASSWORD, "Rep", "Jones"), world.chance)
        names = [f"T{i}" for i in range(TERRITORIES)]
        territories = insert_rows(seeding, "Territory", [{"Name": name} for name in names])
        insert_rows(seeding, "User_Territory", [{"UserId": user, "TerritoryId": territories[0]}])
        places = [i % TERRITORIES for i in range(practices)]
        rows = [{"Name": f"Practice {n}", "City": names[place]} for n, place in enumerate(places)]
        ids = insert_rows(seeding, "Practice", rows, checked=False)
        areas = [
            {"Name": "a", "PracticeId": i, "TerritoryId": territories[p]} for i, p in zip(ids, places, strict=True)
        ]
        insert_rows(seeding, "Practice_Area", areas, checked=False)
        visits = [
            {"Name": "v", "PracticeId": i, "Day": days[n * 7 // TERRITORIES % 200]} for n, i in enumerate(ids * VISITS)
        ]
        insert_rows(seeding, "Visit", visits, checked=False)
    know_sizes(uri)
