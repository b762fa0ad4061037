"""The simulated world: one org on a real PostgreSQL, its people, and their devices with production engines.

Time stands still but for what the run lets pass, and every random draw comes from the seed.
"""

from __future__ import annotations

import asyncio
import warnings
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Text, cast, func, literal_column, select

from fieldsync.base import faults as points
from fieldsync.base.ids import RecordId
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.device import Device
from fieldsync.protocol.session import DeviceDescription, Platform
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.http.app import create_app
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import Seeding
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import decode_row
from fieldsync.sim.faults import Faults
from fieldsync.sim.network import SimTransport
from fieldsync.sim.territory import add_accounts, found_territory
from fieldsync.sim.trace import Trace

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ORG = "sim"
PASSWORD = "simulated people sign in 7"
PEOPLE = ("sarah", "tom")
ACCOUNTS = 12
SIMULATED = frozenset({"User", "RecordType", "Territory", "Territory_Account", "Account", "Call", "Call_Discussion"})


@dataclass(frozen=True)
class Save:
    """A save a device returned for: who, its queue number, and what it was about."""

    device: int
    number: str
    n: int
    record: str
    """The record a person would name: the call or account."""


@dataclass
class SimDevice:
    """One device: its engine now, and what it takes to open it again after a kill."""

    ordinal: int
    person: str
    folder: Path
    key: bytes
    world: World
    transport: SimTransport
    engine: Device
    saves: list[Save] = field(default_factory=list)
    canceled_out: set[int] = field(default_factory=set)
    """Queue numbers of records made and deleted again before anything was sent (FEATURES B11)."""
    kills: int = 0

    def reopen(self) -> None:
        """The process died; another one opens the same file."""
        self.kills += 1
        self.engine.close()
        self.engine = Device.open(self.folder, self.key, world=self.world, transport=self.transport)


class SimWorld:
    """Everything a run touches. Close it when done."""

    def __init__(self, uri: str, folder: Path, seed: int, device_count: int) -> None:
        warnings.simplefilter("ignore", ResourceWarning)
        self.uri = uri
        self.marks = 0
        self.clock = ManualClock(START)
        self.chance = SeededChance(f"{seed}/choices")
        self.faults = Faults(SeededChance(f"{seed}/faults"), active=frozenset())
        self.trace = Trace()
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        server = World(self.clock, SeededChance(f"{seed}/server"))
        self.territory, self.accounts = make_org(uri, server)
        self.app = create_app(uri, server)
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._life = self.loop.create_task(self._live())
        self.run(self._begun.wait())
        self.org: Org = self.run(open_org(self._stack, uri, ORG, server))
        self.devices = [self._device(folder, seed, i) for i in range(device_count)]
        points.install(self.faults.plan)
        self.faults.begin()

    def run(self, work: Any) -> Any:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(work)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What the database holds, past the product."""
        return self.ask(Statement(sql, frozenset(), {}))

    def ask(self, statement: Statement) -> list[tuple[Any, ...]]:
        """The rows of a statement without parameters."""

        async def rows() -> list[tuple[Any, ...]]:
            async with transaction(self.org.pool) as work:
                return await work.rows(statement)

        found: list[tuple[Any, ...]] = self.run(rows())
        return found

    def rows(self, object_name: str) -> dict[str, dict[str, Any]]:
        """The present records of an object by id, in canonical values."""
        table = self.org.metadata.tables[object_name]
        row = cast(func.row_to_json(literal_column(f'"{table.name}"')), Text)
        present = compile_statement(select(row).select_from(table).where(table.c.IsDeleted.is_(False)))
        found = (decode_row(text) for (text,) in self.ask(present))
        return {row["Id"]: row for row in found}

    def ordinal_of(self, number: str) -> str:
        """Which device has this number, in words that are the same in every run."""
        for device in self.devices:
            account = device.engine.account
            if account is not None and account.device_number == number:
                return f"device {device.ordinal}"
        return "another device"

    def add_account(self, seeding: Seeding) -> None:
        """One more account, made online."""
        self.accounts += add_accounts(seeding, self.territory, [{"Name": f"Account {len(self.accounts)}"}])

    async def _live(self) -> None:
        """The application's life, in one task from beginning to end."""
        async with self.app.lifespan():
            self._begun.set()
            await self._over.wait()

    def close(self) -> None:
        """Stop everything."""
        points.install(None)
        for device in self.devices:
            device.engine.close()
        self.run(self._stack.aclose())
        self._over.set()
        self.run(self._life)
        self.loop.close()

    def _device(self, folder: Path, seed: int, ordinal: int) -> SimDevice:
        person = PEOPLE[0] if ordinal < 2 else PEOPLE[1]
        world = World(self.clock, SeededChance(f"{seed}/device{ordinal}"))
        transport = SimTransport(self.loop, self.app, self.faults)
        place = folder / f"device{ordinal}"
        key = world.chance.bytes(32)
        engine = Device.open(place, key, world=world, transport=transport)
        platform = (Platform.IPAD, Platform.IPHONE, Platform.WINDOWS)[ordinal % 3]
        secret = f"device-{ordinal}-".ljust(43, "k")
        description = DeviceDescription(secret, f"{person}'s {platform}", platform, "1", "1")
        engine.sign_in(ORG, f"{person}@sim.example", PASSWORD, description)
        engine.sync()
        return SimDevice(ordinal, person, place, key, world, transport, engine)


def sim_catalog() -> Catalog:
    """The packs the product ships, with the rules of what is simulated: each of the others costs every sync time."""
    return build(msgspec.structs.replace(p, sync_rules=_simulated(p.sync_rules)) for p in load_packs())


def _simulated(rules: tuple[SyncRule, ...] | None) -> tuple[SyncRule, ...]:
    return tuple(rule for rule in rules or () if rule.object in SIMULATED)


def make_org(uri: str, world: World) -> tuple[RecordId, list[RecordId]]:
    """The org with its people and accounts; the territory's id and those of the accounts in it."""
    admin = NewUser("admin@sim.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, sim_catalog(), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        users = [NewUser(f"{p}@sim.example", PASSWORD, "Field_Representative", p.title()) for p in PEOPLE]
        territory = found_territory(seeding, [create_user(seeding, user, world.chance) for user in users])
        return territory, add_accounts(seeding, territory, [{"Name": f"Account {i}"} for i in range(ACCOUNTS)])
