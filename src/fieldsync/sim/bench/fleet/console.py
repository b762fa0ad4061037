"""What the Console asks of a large org: pages of a million transactions, charts of 100,000 syncs, made with one INSERT
each. The floor of a page is the same fifty rows by their ids; of a chart, a count of the same rows."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from fieldsync.base.world import World, system_world
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.alerts.found import found_alerts
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.oversight.figures.charts import Period, charts, saves_by_day
from fieldsync.server.oversight.figures.people import people_syncs
from fieldsync.server.oversight.figures.waiting import pending_saves
from fieldsync.server.oversight.people.devices import standings
from fieldsync.server.oversight.people.person import people
from fieldsync.server.oversight.transactions import Oversight
from fieldsync.server.oversight.wanted import Wanted, listed
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import ORG, PASSWORD

PEOPLE, ROUNDS, DAYS = 200, 7, 60
_TRANSACTIONS = """
INSERT INTO "Sync_Transaction" ("Id", "Name", "IsDeleted", "Status", "UserId", "Received_At", "Root_Object",
    "Root_Record_Id", "Actual_Records", "Can_Be_Retried", "_stamp", "Last_Log")
SELECT '0STzzzzz' || lpad(n::text, 7, '0') || 'AAA', 'T-' || lpad(n::text, 10, '0'), false,
    CASE WHEN n % 997 = 0 THEN 'Failed' WHEN n % 9973 = 0 THEN 'Waiting' ELSE 'Success' END,
    people[1 + n % array_length(people, 1)], now() - (n * interval '1 day' * :days / :many),
    CASE WHEN n % 100 = 0 THEN 'Content' ELSE 'User' END, '005zzzzz' || lpad(n::text, 7, '0') || 'AAA', 3, false, 1,
    CASE WHEN n % 997 = 0 THEN 'Somebody changed it before your change arrived.' END
FROM generate_series(1, :many) n, (SELECT array_agg("Id" ORDER BY "Id") AS people FROM "User") p
"""
_SYNCS = """
INSERT INTO "Sync_Tracking" ("Id", "Name", "IsDeleted", "UserId", "DeviceId", "Sync_Type", "Started_At", "Completed_At",
    "Duration_Seconds", "Successful", "Canceled", "Upload_Processed", "Download_Processed", "Upload_Errors",
    "App_Version", "Problem_Code", "_stamp")
SELECT '0Skzzzzz' || lpad(n::text, 7, '0') || 'AAA', 'S-' || lpad(n::text, 8, '0'), false, d."UserId", d."Id",
    'incremental', now() - (n * interval '1 day' * :days / :many), now(), 0.05 + (n % 9973) * 0.011,
    n % 20 <> 0, false, true, true, n % 3, '0.' || n % 6, CASE WHEN n % 20 = 0 THEN 'OFFLINE' END, 1
FROM generate_series(1, :many) n,
    LATERAL (SELECT d."Id", d."UserId" FROM devices d WHERE d.place = n % (SELECT count(*) FROM devices)) d
"""
_ASKED: dict[str, dict[str, Any]] = {
    "newest": {},
    "failed": {"status": "Failed"},
    "waiting": {"view": "Waiting"},
    "of a person": {"user": "person 7"},
    "failed of a person": {"user": "person 7", "view": "Open"},
    "of nobody": {"user": "nobody"},
    "by number": {"name": "T-0000012345"},
    "by record": {"record": "005zzzzz0012345AAA"},
    "one object in a hundred": {"object": "Content"},
}


def measure(folder: Path, *, transactions: int, syncs: int) -> list[Figure]:
    """The figures, in this process, on an embedded PostgreSQL."""
    world = system_world()
    with EmbeddedPostgres.start(folder / "pg") as postgres:
        _make_org(postgres.uri, world)
        _fill(postgres.uri, transactions, syncs)
        return asyncio.run(_measured(postgres.uri, world, transactions, syncs))


def _make_org(uri: str, world: World) -> None:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, build(load_packs(("platform",))), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        area = insert_rows(seeding, "Territory", [{"Name": f"Territory {n}"} for n in range(20)])
        for n in range(PEOPLE):
            user = NewUser(f"p{n}@bench.example", PASSWORD, "Integration", f"person {n}")
            person = create_user(seeding, user, world.chance)
            insert_rows(seeding, "User_Territory", [{"UserId": person, "TerritoryId": area[n % 20]}])
            kind = ("iPad", "iPhone", "Windows")[n % 3]
            insert_rows(seeding, "Device", [{"Name": f"d{n}", "UserId": person, "Platform": kind}])


def _fill(uri: str, transactions: int, syncs: int) -> None:
    with admin_connection(uri, org_schema(ORG)) as connection:
        connection.execute(text(_TRANSACTIONS), {"many": transactions, "days": DAYS})
        numbered = 'SELECT "Id", "UserId", row_number() OVER () - 1 AS place FROM "Device"'
        connection.execute(text(f"CREATE TEMPORARY TABLE devices AS {numbered}"))
        connection.execute(text(_SYNCS), {"many": syncs, "days": DAYS})
        connection.execute(text("ANALYZE"))


async def _measured(uri: str, world: World, transactions: int, syncs: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, ORG, world)
        found = []
        for name, asked in _ASKED.items():
            found.append(await _page(org, name, asked, f"{transactions} transactions"))
        now, told = world.clock.now(), f"{syncs} syncs of {DAYS} days, {transactions} transactions"
        for days in (7, 30, 90):
            period = Period(now - timedelta(days=days), now)
            took = await _timed(partial(_charts, org, period))
            floor = await _timed(lambda: _counted(org))
            found.append(figure(f"charts of {days} days", took, "ms", floor=floor, conditions=told))
        found += [await _part(org, name, ask, told) for name, ask in _parts(org).items()]
        return found


def _parts(org: Org) -> dict[str, Callable[[Database], Awaitable[object]]]:
    """What else the home page and the lists of devices and people ask."""
    now = org.world.clock.now()
    quarter = Period(now - timedelta(days=90), now)
    return {
        "saves of 90 days": lambda database: saves_by_day(org, database, quarter),
        "alerts": lambda database: found_alerts(org, database),
        "who is late": lambda database: people_syncs(org, database, late_only=True),
        "saves that wait on devices": lambda database: pending_saves(org, database),
        "tiles": lambda _: Oversight(org).counts(now - timedelta(days=1)),
        "devices": lambda database: standings(org, database),
        "people": lambda database: people(org, database, ""),
    }


async def _part(org: Org, name: str, ask: Callable[[Database], Awaitable[object]], conditions: str) -> Figure:
    async def asked() -> object:
        async with snapshot(org.pool) as database:
            return await ask(database)

    return figure(name, await _timed(asked), "ms", floor=await _timed(lambda: _counted(org)), conditions=conditions)


async def _page(org: Org, name: str, asked: dict[str, Any], conditions: str) -> Figure:
    wanted = Wanted(since=org.world.clock.now() - timedelta(days=DAYS), **asked)

    async def ask() -> list[tuple[Any, ...]]:
        async with snapshot(org.pool) as database:
            return await listed(org, database, wanted)

    ids = [row[0] for row in await ask()]

    async def by_id() -> object:
        async with snapshot(org.pool) as database:
            return await database.rows(_BY_ID, ids=ids)

    took = await _timed(ask)
    return figure(f"transactions, {name}", took, "ms", floor=await _timed(by_id), conditions=conditions)


_BY_ID = Statement('SELECT * FROM "Sync_Transaction" WHERE "Id" = ANY(%(ids)s::text[])', frozenset({"ids"}), {})
_COUNT = Statement('SELECT count(*) FROM "Sync_Tracking"', frozenset(), {})


async def _charts(org: Org, period: Period) -> object:
    async with snapshot(org.pool) as database:
        return await charts(org, database, period)


async def _counted(org: Org) -> object:
    async with snapshot(org.pool) as database:
        return await database.rows(_COUNT)


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    """The median in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken)
