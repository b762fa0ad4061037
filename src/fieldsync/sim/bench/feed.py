"""The feed: what its next page costs, by how long the feed is, and what dropping a day of it costs, by what is in it.

Two people's feeds lie in the same log, over the days that a feed is kept, and name 500 records in turn: one has few
entries, one many, loaded set-based. Their pages are read in turn. The floor of a page is a plain SELECT of as many
entries by their index and of the rows by their ids.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
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
from fieldsync.server.postgres.probe import Entries, Waiter, fill_day, select_page_seconds
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller, Channel
from fieldsync.server.sync.feed import read_feed, seal_cursor
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import ORG, PASSWORD

OBJECT, RECORDS = "Practice", 500
DAYS = limits.FEED_RETENTION_DAYS
ROUNDS = 45
DROPS = 3
PEOPLE = ("few@bench.example", "many@bench.example")
SETTINGS = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}
"""For loading alone: a part that is made and filled in one transaction is not written twice."""


@dataclass(frozen=True)
class Feed:
    """One person's."""

    caller: Caller
    length: int


@dataclass(frozen=True)
class Place:
    """The org, and the records its feeds name."""

    uri: str
    org: Org
    records: tuple[RecordId, ...]


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


async def _measured(uri: str, world: World, records: tuple[RecordId, ...], lengths: tuple[int, int]) -> list[Figure]:
    today = world.clock.now().date()
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, ORG, world)
        place = Place(uri, org, records)
        feeds = [Feed(await _caller(org, name), length) for name, length in zip(PEOPLE, lengths, strict=True)]
        for day in range(DAYS):
            fill_day(uri, org_schema(ORG), today - timedelta(days=DAYS - day), [_of_day(place, f, day) for f in feeds])
        (short, floor), (long, _) = await _pages(place, feeds)
        dropped = _drops(place, today, feeds)
    few, many = lengths
    said = f"pages of {limits.FEED_PAGE_ENTRIES_MAX} entries on {RECORDS} records"
    entries = f"{(many + few) // DAYS} entries in a day, against none"
    return [
        figure(f"page of a feed of {few}", 1000 * short, "ms", floor=1000 * floor, conditions=said),
        figure(f"page of a feed of {many}", 1000 * long, "ms", floor=1000 * short, conditions=said),
        figure(
            "a writer behind the drop of a day", 1000 * dropped[1], "ms", floor=1000 * dropped[0], conditions=entries
        ),
        figure("the drop, files and all", 1000 * dropped[2], "ms", floor=1000 * dropped[0], conditions=entries),
    ]


def _of_day(place: Place, feed: Feed, day: int) -> Entries:
    """Its part of a feed: the feed is spread evenly over the days."""
    first, behind = (feed.length * number // DAYS for number in (day, day + 1))
    return Entries(feed.caller.user_id, OBJECT, place.records, first, behind - first)


async def _pages(place: Place, feeds: list[Feed]) -> list[tuple[float, float]]:
    """Seconds of the median page of each feed, and of its floor: at its end, in its middle, and at its beginning."""
    taken: dict[int, list[float]] = defaultdict(list)
    floors: dict[int, list[float]] = defaultdict(list)
    for turn in range(ROUNDS):
        for feed in feeds:
            at = (feed.length - limits.FEED_PAGE_ENTRIES_MAX, feed.length // 2, 0)[turn % 3]
            taken[feed.length].append(await _page(place.org, feed, at))
            read = (feed.caller.user_id, at, limits.FEED_PAGE_ENTRIES_MAX)
            floors[feed.length] += select_page_seconds(place.uri, org_schema(ORG), read, OBJECT, times=2)[1:]
    return [(statistics.median(taken[f.length][3:]), statistics.median(floors[f.length][3:])) for f in feeds]


async def _page(org: Org, feed: Feed, after: int) -> float:
    cursor = seal_cursor(org, feed.caller, after)
    began = time.perf_counter()
    async with snapshot(org.pool) as database:
        found = await read_feed(org, database, feed.caller, cursor)
    taken = time.perf_counter() - began
    assert len(found.families) == limits.FEED_PAGE_ENTRIES_MAX - 1, "the last one may go on in the next page"
    return taken


def _drops(place: Place, today: date, feeds: list[Feed]) -> tuple[float, float, float]:
    """Seconds that a writer waits for the drop of a day's part: the median of some that have no entries, and of some
    that are full; and until the files of a full one are gone too, which nobody waits for."""
    taken: list[list[tuple[float, float]]] = [[], []]
    for number in range(DROPS):
        empty = today - timedelta(days=limits.CHANGE_LOG_DAYS + 300 - number)
        fill_day(place.uri, org_schema(ORG), empty, [Entries(feeds[0].caller.user_id, OBJECT, place.records, 0, 0)])
        taken[0].append(_drop(place, empty))
    for number in range(DROPS):
        taken[1].append(_drop(place, today - timedelta(days=DAYS - number)))
    empty_waits, waits, whole = ([one[i] for one in taken[full]] for full, i in ((0, 0), (1, 0), (1, 1)))
    return statistics.median(empty_waits), statistics.median(waits), statistics.median(whole)


def _drop(place: Place, day: date) -> tuple[float, float]:
    began = time.perf_counter()
    with admin_connection(place.uri, org_schema(ORG)) as connection:
        assert drop_expired(connection, day + timedelta(days=limits.CHANGE_LOG_DAYS + 1)) == [day]
        dropped = time.perf_counter() - began
        waiter = Waiter(place.uri, org_schema(ORG))
        committing = time.perf_counter()
    ended = time.perf_counter()
    return dropped + waiter.seconds() - committing, dropped + ended - committing


async def _caller(org: Org, name: str) -> Caller:
    async with snapshot(org.pool) as database:
        row = await database.one(org.session.person, username=name, now=org.world.clock.now())
    assert row is not None, "the person was made with the org"
    return Caller(RecordId(row[0]), "Rep", Channel.DEVICE, RecordId(""), None, frozenset(), rights=org.rights.of("Rep"))


def _make_org(uri: str, world: World) -> tuple[RecordId, ...]:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog(), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        for name in PEOPLE:
            create_user(seeding, NewUser(name, PASSWORD, "Rep", "Jones"), world.chance)
        rows = [{"Name": f"Practice {i}", "City": "Graz", "Phone": f"+43 {i:09d}"} for i in range(RECORDS)]
        return tuple(insert_rows(seeding, OBJECT, rows, checked=False))
