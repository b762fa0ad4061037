"""The feed: what its next page costs, by how long the feed is, and what dropping a day of it costs, by what is in it.

One person's feed of 500 records in turn grows from few entries to many; entries are loaded set-based, a day's part at a
time. The floor of a page is a plain SELECT of as many entries by their index and of the rows by their ids.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.world import World, system_world
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.partitions import drop_expired
from fieldsync.server.postgres.probe import Entries, fill_day, select_page_seconds
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.sync.feed import read_feed, seal_cursor
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import ORG, PASSWORD, PERSON

OBJECT, RECORDS = "Practice", 500
DAYS = limits.FEED_RETENTION_DAYS
ROUNDS = 40
SETTINGS = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}
"""For loading alone: a part that is made and filled in one transaction is not written twice."""


@dataclass(frozen=True)
class Place:
    """The org, who asks, and the records his entries name."""

    uri: str
    org: Org
    caller: Caller
    records: list[RecordId]


def catalog() -> Catalog:
    """One object, with some columns."""
    fields = tuple(Field(name=name, type=FieldType.TEXT, length=80) for name in ("City", "Phone", "Street", "Email"))
    practice = Object(name=OBJECT, label=OBJECT, prefix="b00", fields=fields)
    profile = Profile(name="Rep", label="Rep", objects={OBJECT: (Access.READ,)})
    pack = Pack(name="bench", label="Bench", objects=(practice,), profiles=(profile,))
    return build([*load_packs(("platform",)), pack])


def measure(folder: Path, *, few: int, many: int) -> list[Figure]:
    """The figures, in this process, on an embedded PostgreSQL."""
    world = system_world()
    with EmbeddedPostgres.start(folder / "pg", settings=SETTINGS) as postgres:
        records = _make_org(postgres.uri, world)
        return asyncio.run(_measured(postgres.uri, world, records, (few, many)))


async def _measured(uri: str, world: World, records: list[RecordId], lengths: tuple[int, int]) -> list[Figure]:
    today = world.clock.now().date()
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, ORG, world)
        place = Place(uri, org, await _caller(org), records)
        _fill(place, today, 0, lengths[0])
        short = await _pages(place, lengths[0])
        floor = _floor(place, lengths[0])
        _fill(place, today, lengths[0], lengths[1])
        long = await _pages(place, lengths[1])
        dropped = _drops(place, today, lengths[1])
    few, many = lengths
    said = f"pages of {limits.FEED_PAGE_ENTRIES_MAX} entries on {RECORDS} records"
    entries = f"{(many - few) // DAYS} entries in a day, against none"
    return [
        figure(f"page of a feed of {few}", 1000 * short, "ms", floor=1000 * floor, conditions=said),
        figure(f"page of a feed of {many}", 1000 * long, "ms", floor=1000 * short, conditions=said),
        figure("dropping a day", 1000 * dropped[1], "ms", floor=1000 * dropped[0], conditions=entries),
    ]


async def _pages(place: Place, length: int) -> float:
    """Seconds of the median page: at the end of the feed, in its middle, and at its beginning."""
    taken = []
    org, page = place.org, limits.FEED_PAGE_ENTRIES_MAX
    places = (length - page, length // 2, 0)
    for turn in range(ROUNDS):
        cursor = seal_cursor(org, place.caller, places[turn % len(places)])
        began = time.perf_counter()
        async with snapshot(org.pool) as database:
            found = await read_feed(org, database, place.caller, cursor)
        taken.append(time.perf_counter() - began)
        assert len(found.families) == page - 1, "the last one read may go on in the next page"
    return statistics.median(taken[len(places) :])


def _floor(place: Place, length: int) -> float:
    """Seconds of the same entries and rows, plainly selected."""
    read = (place.caller.user_id, length - limits.FEED_PAGE_ENTRIES_MAX, limits.FEED_PAGE_ENTRIES_MAX)
    return statistics.median(select_page_seconds(place.uri, org_schema(ORG), read, OBJECT, times=ROUNDS))


def _drops(place: Place, today: date, length: int) -> tuple[float, float]:
    """Seconds of dropping a day's part: of one that has no entries, and of the fullest."""
    empty, full = today - timedelta(days=limits.CHANGE_LOG_DAYS + 300), today - timedelta(days=DAYS)
    user = place.caller.user_id
    fill_day(place.uri, org_schema(ORG), empty, Entries(user, OBJECT, tuple(place.records), length, 0))
    taken = []
    for day in (empty, full - timedelta(days=1), full):
        began = time.perf_counter()
        with admin_connection(place.uri, org_schema(ORG)) as connection:
            assert drop_expired(connection, day + timedelta(days=limits.CHANGE_LOG_DAYS + 1)) == [day]
        taken.append(time.perf_counter() - began)
    return taken[0], taken[-1]


def _fill(place: Place, today: date, length: int, longer: int) -> None:
    """Bring the feed to a length: what is added lies in parts of its days, oldest first, behind what is there."""
    user, each = place.caller.user_id, (longer - length) // DAYS
    if length:
        for day in range(DAYS):
            count = each if day + 1 < DAYS else longer - length - each * (DAYS - 1)
            on = today - timedelta(days=DAYS - day)
            fill_day(place.uri, org_schema(ORG), on, Entries(user, OBJECT, tuple(place.records), length, count))
            length += count
    else:
        on = today - timedelta(days=DAYS + 1)
        fill_day(place.uri, org_schema(ORG), on, Entries(user, OBJECT, tuple(place.records), 0, longer))


async def _caller(org: Org) -> Caller:
    async with snapshot(org.pool) as database:
        row = await database.one(org.session.person, username=PERSON, now=org.world.clock.now())
    assert row is not None, "the person was made with the org"
    return Caller(RecordId(row[0]), "Rep", Channel.DEVICE, RecordId(""), None, frozenset(), rights=org.rights.of("Rep"))


def _make_org(uri: str, world: World) -> list[RecordId]:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog(), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        create_user(seeding, NewUser(PERSON, PASSWORD, "Rep", "Jones"), world.chance)
        rows = [{"Name": f"Practice {i}", "City": "Graz", "Phone": f"+43 {i:09d}"} for i in range(RECORDS)]
        return insert_rows(seeding, OBJECT, rows, checked=False)
