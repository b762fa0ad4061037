"""Database refresh: rows of 21 fields from PostgreSQL into a device's encrypted file, over loopback HTTP.

The floor is COPY of the same rows and a plain bulk insert of them into an encrypted file with the same columns and
indexes, one after another. Memory is what a process holds above what it held before, sampled while rows are on the way.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.world import Chance, SeededChance, World
from fieldsync.device import Device
from fieldsync.device.store.probe import bulk_insert_seconds
from fieldsync.protocol.session import Platform
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.probe import copy_out_seconds
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import ORG, PASSWORD, PERSON, Setting, served

OBJECT = "Practice"
TIMES = 5
"""Refreshes and floors, taking turns; the median of each counts."""
SAMPLE_SECONDS = 0.01
CONDITIONS = "21 fields and those every object has, encrypted file, synchronous=FULL, HTTP over loopback"
_NOTES = (
    "prefers early visits asked for samples last month interested in dosing data follow up on adherence program member"
    " of the committee referred two patients needs a reprint new trial results busy clinic call before"
)
_WORDS = tuple(_NOTES.split())
_PEOPLE = ("Ada", "Bruno", "Clara", "Dario", "Elsa", "Felix", "Greta", "Hugo", "Irma", "Jonas", "Klara", "Lars", "Mila")
_TEXTS = (
    *("First_Name", "Last_Name", "Kind", "Specialty", "Status", "Territory", "Street", "City", "Postal_Code"),
    *("Country", "Phone", "Email", "Segment"),
)


def catalog() -> Catalog:
    """One object with 21 fields beside those every object has: Id, Name, owner and last change are four of them."""
    fields = (
        *(Field(name=name, type=FieldType.TEXT, length=80) for name in _TEXTS),
        Field(name="Potential", type=FieldType.NUMBER, precision=8, scale=0),
        Field(name="Last_Call", type=FieldType.DATE),
        Field(name="Consent", type=FieldType.CHECKBOX),
        Field(name="Notes", type=FieldType.TEXT, length=255),
    )
    practice = Object(name=OBJECT, label=OBJECT, prefix="b00", fields=fields)
    profile = Profile(name="Rep", label="Rep", objects={OBJECT: tuple(Access), "User": (Access.READ,)})
    return build(
        [*load_packs(("platform",)), Pack(name="bench", label="Bench", objects=(practice,), profiles=(profile,))]
    )


def measure(folder: Path, port: int, *, rows: int) -> list[Figure]:
    """Seconds of a refresh beside its floor, and megabytes above idle of both processes."""
    with served(folder, port, lambda uri, world: make_org(uri, world, rows)) as place:
        key = place.world.chance.bytes(32)
        device = place.signed_in("ipad", Platform.IPAD, key)
        try:
            server, client = _memory(place, device)
            taken, floors = _seconds(place, device, key)
        finally:
            device.close()
    conditions = f"{rows} rows, {CONDITIONS}"
    block = limits.REFRESH_BLOCK_BYTES / 1e6
    return [
        figure("refresh", taken, "s", floor=floors, conditions=conditions),
        figure("server memory above idle", server, "MB", floor=block, conditions=conditions),
        figure("device memory above idle", client, "MB", floor=block, conditions=conditions),
    ]


def _seconds(place: Setting, device: Device, key: bytes) -> tuple[float, float]:
    taken, floors = [], []
    for turn in range(TIMES):
        began = time.perf_counter()
        device.sync("full")
        taken.append(time.perf_counter() - began)
        copied = copy_out_seconds(place.uri, org_schema(ORG), OBJECT)
        floors.append(
            copied + bulk_insert_seconds(place.folder / "ipad", key, OBJECT, place.folder / f"floor{turn}.db")
        )
    return statistics.median(taken), statistics.median(floors)


def _memory(place: Setting, device: Device) -> tuple[float, float]:
    """Megabytes that the server's and this process hold above what they held before the first refresh, at most."""
    with _sampled(f"{place.pid}") as server, _sampled("self") as client:
        device.sync()
    return max(server) - server[0], max(client) - client[0]


@contextmanager
def _sampled(process: str) -> Iterator[list[float]]:
    """Megabytes of a process, first now, then every `SAMPLE_SECONDS` until the block ends."""
    found, stop = [_resident(process)], threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            found.append(_resident(process))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    yield found
    stop.set()
    thread.join()


def _resident(process: str) -> float:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1000


def make_org(uri: str, world: World, rows: int) -> list[RecordId]:
    """An org with so many rows that one person may read."""
    admin = NewUser("admin@bench.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, catalog(), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        create_user(seeding, NewUser(PERSON, PASSWORD, "Rep", "Jones"), world.chance)
        chance = SeededChance(42)
        for start in range(0, rows, 50_000):
            insert_rows(seeding, OBJECT, [a_row(chance) for _ in range(min(50_000, rows - start))], checked=False)
    return []


def a_row(chance: Chance) -> dict[str, object]:
    """A practice as one would be: about 600 bytes as JSON."""
    first, last = _one(chance, _PEOPLE), _one(chance, _PEOPLE)
    return {
        "Name": f"Dr. {first} {last}",
        "First_Name": first,
        "Last_Name": last,
        "Kind": _one(chance, ("Professional", "Hospital", "Pharmacy", "Practice")),
        "Specialty": _one(chance, ("Cardiology", "Oncology", "Dermatology", "Neurology", "Urology")),
        "Status": _one(chance, ("Active", "Inactive", "Pending")),
        "Territory": f"T{chance.below(400):04d}",
        "Street": f"{chance.below(999)} {last} Street",
        "City": _one(chance, ("Lyon", "Porto", "Graz", "Turku", "Ghent", "Basel", "Leeds", "Brno")),
        "Postal_Code": f"{chance.below(100_000):05d}",
        "Country": _one(chance, ("FR", "PT", "AT", "FI", "BE", "CH", "GB", "CZ")),
        "Phone": f"+{30 + chance.below(20)} {chance.below(10**9):09d}",
        "Email": f"{first}.{last}{chance.below(10_000)}@example.org".lower(),
        "Segment": "ABCD"[chance.below(4)],
        "Potential": chance.below(100_000),
        "Last_Call": f"2026-{1 + chance.below(12):02d}-{1 + chance.below(28):02d}",
        "Consent": chance.below(10) < 7,
        "Notes": " ".join(_one(chance, _WORDS) for _ in range(10 + chance.below(16))),
    }


def _one(chance: Chance, values: tuple[str, ...]) -> str:
    return values[chance.below(len(values))]
