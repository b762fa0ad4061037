"""An incremental download of 100 changes: by how many rows a device holds, and by how much others changed.

Two people hold few and many rows of one table, each those of the own territory. The floor is a plain SELECT of the same
rows by id and one durable commit of them to an encrypted file.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Date, cast, func, insert, literal, select, update

from fieldsync.base.ids import RecordId
from fieldsync.base.world import SeededChance, World
from fieldsync.device import Device
from fieldsync.device.store.probe import upsert_seconds
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import Seeding, insert_rows
from fieldsync.server.org.users import NewUser, create_user, find_user
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.probe import backends, know_sizes, select_seconds
from fieldsync.server.scope.delta.past import route_key
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.refresh import OBJECT, a_row
from fieldsync.sim.bench.refresh import catalog as whole_catalog
from fieldsync.sim.bench.setting import ORG, PASSWORD, Setting, served

CHANGES, OTHERS, ROUNDS = 100, 10_000, 15
CHUNK = 50_000
FEW, MANY, ELSEWHERE = "few", "many", "elsewhere"
CONDITIONS = f"{CHANGES} changed rows of 21 fields, rule by territory, HTTP over loopback"


@dataclass
class Taken:
    """Milliseconds of each round: end to end, and CPU of server and database."""

    whole: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.whole), statistics.median(self.server)


@dataclass(frozen=True)
class Rows:
    """Rows of one territory."""

    territory: str
    ids: list[RecordId]


def catalog() -> Catalog:
    """The refresh's object, selected by the person's territory."""
    *shipped, pack = whole_catalog().packs
    [practice] = pack.objects
    rule = SyncRule(object=OBJECT, where="Territory = '{USER.TERRITORY}'")
    routed = msgspec.structs.replace(practice, route="Territory")
    return build([*shipped, msgspec.structs.replace(pack, objects=(routed,), sync_rules=(rule,))])


def measure(folder: Path, port: int, *, few: int, many: int) -> list[Figure]:
    """Incremental downloads of the person with few rows and of the one with many, taking turns."""
    with served(folder, port, lambda uri, world: _make_org(uri, world, few, many)) as place:
        devices = {name: _device(place, name) for name in (FEW, MANY)}
        try:
            rows = _first_rows(place)
            cases = [(devices[name], (rows[name],)) for name in (FEW, MANY)]
            few_held, many_held, busy = _in_turns(place, [*cases, (devices[FEW], (rows[FEW], rows[ELSEWHERE]))])
            aligned = _aligned(place, devices[FEW])
            floor = _floor(place)
        finally:
            for device in devices.values():
                device.close()
    return _figures({FEW: few_held, MANY: many_held}, busy, aligned, floor, (few, many))


def _figures(quiet: dict[str, Taken], busy: Taken, aligned: Taken, floor: float, held: tuple[int, int]) -> list[Figure]:
    (whole, server), (whole_many, server_many) = quiet[FEW].medians, quiet[MANY].medians
    said = f"{CONDITIONS}, {held[0]} rows held"
    return [
        figure("incremental, end to end", whole, "ms", floor=floor, conditions=said),
        figure("incremental, server CPU", server, "ms", floor=floor, conditions=said),
        figure(f"the same with {held[1]} rows held", whole_many, "ms", floor=whole, conditions=CONDITIONS),
        figure(f"server CPU with {held[1]} rows held", server_many, "ms", floor=server, conditions=CONDITIONS),
        figure(
            f"server CPU with {OTHERS} rows of others changed", busy.medians[1], "ms", floor=server, conditions=said
        ),
        figure("server CPU after an alignment of others", aligned.medians[1], "ms", floor=server, conditions=said),
    ]


def _in_turns(place: Setting, cases: Sequence[tuple[Device, Sequence[Rows]]]) -> list[Taken]:
    """Of each case, a device and what is changed before it syncs, what its syncs took. They take turns, so that a
    machine that becomes slower does so for all."""
    taken = [Taken() for _ in cases]
    for turn in range(ROUNDS):
        for one, (device, changed) in zip(taken, cases, strict=True):
            for rows in changed:
                _change(place, rows, f"{turn} {len(changed)}")
            with _timed(place, one):
                report = device.sync()
            assert report.rows_received >= CHANGES, "the changes came"
    return taken


def _aligned(place: Setting, device: Device) -> Taken:
    """Syncs after somebody else was given another territory."""
    taken = Taken()
    for _ in range(ROUNDS):
        with seeding_org(place.uri, ORG, place.world) as seeding:
            colleague = find_user(seeding, _name(ELSEWHERE))
            territories = seeding.metadata.tables["Territory"]
            other = seeding.connection.execute(select(territories.c.Id).where(territories.c.Name == ELSEWHERE)).scalar()
            insert_rows(seeding, "User_Territory", [{"UserId": colleague, "TerritoryId": other}])
        with _timed(place, taken):
            device.sync()
    return taken


@contextmanager
def _timed(place: Setting, taken: Taken) -> Iterator[None]:
    processes = [place.pid, *backends(place.uri)]
    cpu, began = _cpu(processes), time.perf_counter()
    yield
    taken.whole.append(1000 * (time.perf_counter() - began))
    taken.server.append(_cpu(processes) - cpu)


def _cpu(processes: list[int]) -> float:
    """Milliseconds that all threads of these processes have run."""
    nanoseconds = 0
    for process in processes:
        for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
            nanoseconds += int(task.read_text(encoding="ascii").split()[0])
    return nanoseconds / 1e6


def _floor(place: Setting) -> float:
    read = [select_seconds(place.uri, org_schema(ORG), OBJECT, CHANGES) for _ in range(ROUNDS)]
    written = upsert_seconds(place.folder / FEW, place.folder / "floor.db", OBJECT, CHANGES, times=ROUNDS)
    return 1000 * (statistics.median(read) + statistics.median(written))


def _first_rows(place: Setting) -> dict[str, Rows]:
    """The rows that are edited, by territory. Looked for once: each look at everything would push out of the database's
    memory what it holds of these."""
    with seeding_org(place.uri, ORG, place.world) as seeding:
        table = seeding.metadata.tables[OBJECT]
        found = {}
        for territory, count in ((FEW, CHANGES), (MANY, CHANGES), (ELSEWHERE, OTHERS)):
            chosen = select(table.c.Id).where(table.c.Territory == territory).order_by(table.c.Id).limit(count)
            found[territory] = Rows(territory, list(seeding.connection.execute(chosen).scalars()))
    return found


def _change(place: Setting, rows: Rows, mark: str) -> None:
    """As a person online would: these rows get another phone, in one transaction."""
    with seeding_org(place.uri, ORG, place.world) as seeding:
        edit_rows(seeding, rows, f"+43 {mark}")


def edit_rows(seeding: Seeding, rows: Rows, phone: str) -> None:
    """Give rows another phone, with their entries in the change log."""
    table, change = (seeding.metadata.tables[name] for name in (OBJECT, "_change"))
    among = table.c.Id == func.any(rows.ids)
    now = seeding.clock.now()
    entries: dict[str, Any] = {
        "day": cast(literal(now.date()), Date),
        "stamp": literal(seeding.stamp),
        "version": literal(seeding.stamp),
        "seq": literal(0),
        "object": literal(OBJECT),
        "id": table.c.Id,
        "kind": literal("updated"),
        "old": func.jsonb_build_object("Phone", table.c.Phone),
        "route": literal(route_key(OBJECT, rows.territory)),
        "at": literal(now),
    }
    seeding.connection.execute(insert(change).from_select(list(entries), select(*entries.values()).where(among)))
    seeding.connection.execute(update(table).where(among).values(Phone=phone, _stamp=seeding.stamp))


def _device(place: Setting, name: str) -> Device:
    device = place.signed_in(name, Platform.IPAD, bytes(32), person=_name(name))
    device.sync()
    return device


def _name(person: str) -> str:
    return f"{person}@bench.example"


def _make_org(uri: str, world: World, few: int, many: int) -> list[RecordId]:
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog(), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        chance = SeededChance(42)
        for person, rows in ((FEW, few), (MANY, many), (ELSEWHERE, OTHERS)):
            user = create_user(seeding, NewUser(_name(person), PASSWORD, "Rep", person), world.chance)
            [territory] = insert_rows(seeding, "Territory", [{"Name": person}])
            insert_rows(seeding, "User_Territory", [{"UserId": user, "TerritoryId": territory}])
            for start in range(0, rows, CHUNK):
                chunk = [{**a_row(chance), "Territory": person} for _ in range(min(CHUNK, rows - start))]
                insert_rows(seeding, OBJECT, chunk, checked=False)
    know_sizes(uri)
    return []
