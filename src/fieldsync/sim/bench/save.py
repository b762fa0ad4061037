"""Saves in one batch stream, with and without the org's own logic, taking turns in the same run.

500 details under 50 masters a batch, 10 a transaction: half new, half changed. The second org adds five validation
rules, three formula fields and a roll-up to the same objects.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from fieldsync.base.ids import DeviceNumber, RecordId, mint, uuid7
from fieldsync.base.world import World, instant, system_world, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Saved, encode_items, hash_of
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack, RollUp, ValidationRule
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.open import open_org
from fieldsync.server.org.runtime import Org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.embedded import EmbeddedPostgres
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.images import read_images
from fieldsync.sim.bench import floors
from fieldsync.sim.bench.figures import Figure, figure
from fieldsync.sim.bench.setting import PASSWORD

MASTERS, DETAILS = 50, 500
WARM_UP = 3
"""Batches that are not counted."""
CONDITIONS = (
    f"{DETAILS} details under {MASTERS} masters a batch, half creates, half updates, 10 a transaction, journaled"
)
RULES = (
    ("Not_Negative", "Quantity < 0"),
    ("Not_Too_Many", "Quantity > 1000 && ISBLANK(Notes)"),
    ("Price_Fits", "AND(NOT(ISBLANK(Price)), Price * Quantity > 1000000)"),
    ("No_Step_Back", "AND(NOT(ISNEW()), ISCHANGED(Quantity), PRIORVALUE(Quantity) > 900)"),
    ("Named", 'LEN(Name) = 0 || BEGINS(Name, "#")'),
)
FORMULAS = (
    ("Total", "Quantity * Price", FieldType.CURRENCY),
    ("Label", 'Name & " x" & TEXT(Quantity)', FieldType.TEXT),
    ("Of", "Order.Name", FieldType.TEXT),
)


def catalog(*, logic: bool) -> Catalog:
    """An order with items; with `logic` also with rules, formula fields and a roll-up."""
    roll_up = RollUp(operation="SUM", child_object="Item", child_reference="OrderId", field="Quantity")
    summed = Field(name="Items", type=FieldType.ROLL_UP, roll_up=roll_up, precision=12, scale=0)
    computed = tuple(
        Field(name=n, type=FieldType.FORMULA, formula=f, formula_returns=t, scale=2) for n, f, t in FORMULAS
    )
    rules = tuple(ValidationRule(name=name, condition=text, message="no") for name, text in RULES)
    order = Object(
        name="Order", label="Order", prefix="b00", family=FamilyDeclaration(), fields=(summed,) if logic else ()
    )
    item = Object(
        name="Item",
        label="Item",
        prefix="b01",
        fields=(
            Field(name="OrderId", type=FieldType.MASTER_DETAIL, references="Order"),
            Field(name="Quantity", type=FieldType.NUMBER, precision=8, scale=0),
            Field(name="Price", type=FieldType.CURRENCY, precision=12, scale=2),
            Field(name="Notes", type=FieldType.TEXT),
            *(computed if logic else ()),
        ),
        validation_rules=rules if logic else (),
    )
    return build([*load_packs(("platform",)), Pack(name="bench", label="Bench", objects=(order, item))])


class Stream:
    """Batches of saves to one org, and how long each took."""

    def __init__(self, org: Org, world: World, orders: list[RecordId]) -> None:
        self._org, self._world, self._orders = org, world, orders
        self._counter, self._n = 0, 0
        self._made: dict[RecordId, list[RecordId]] = {order: [] for order in orders}
        self._quantities: dict[RecordId, int] = {}
        self.seconds: list[float] = []
        self.answered: list[float] = []
        """As `seconds`, with the rows read back as a device gets them, formula fields included."""

    async def batch(self) -> None:
        """One batch in one database transaction."""
        async with transaction(self._org.pool) as database:
            caller = await admin_of(self._org, database)
            incoming = tuple(self._transaction(order) for order in self._orders)
            start = time.perf_counter()
            frame = await lock_head(self._org, database, caller)
            done = await save(self._org, database, caller, frame, incoming)
            saved = time.perf_counter()
            reader = replace(caller, rights=self._org.rights.of(caller.profile))
            scope = await self._org.scopes.of(database, reader, self._world.clock)
            await read_images(scope, database, [ref for r in done.results for ref in r.touched])
            answered = time.perf_counter()
        committed = time.perf_counter()
        self.seconds.append(committed - answered + saved - start)
        self.answered.append(committed - start)
        refused = [r.outcome for r in done.results if not isinstance(r.outcome, Saved)]
        assert not refused, refused[0]

    def _transaction(self, order: RecordId) -> Incoming:
        known, share = self._made[order], DETAILS // MASTERS
        changed = known[-share // 2 :] if len(known) >= share // 2 else []
        items = [Item("Item", i, Operation.UPDATE, self._more(i)) for i in changed]
        while len(items) < share:
            self._counter += 1
            record = mint("b01", DeviceNumber("zzzzz"), self._counter)
            values = {"OrderId": order, "Name": f"Item {self._counter}", "Quantity": 2, "Price": 3}
            items.append(Item("Item", record, Operation.CREATE, {k: Change(None, v) for k, v in values.items()}))
            known.append(record)
        self._n += 1
        now = self._world.clock.now()
        whole = tuple(items)
        transaction_id = uuid7(unix_ms(now), self._world.chance.bytes(10))
        return Incoming(transaction_id, self._n, hash_of((encode_items(whole),)), instant(now), whole)

    def _more(self, record: RecordId) -> dict[str, Change]:
        """Another quantity than the record has."""
        before = self._quantities.get(record, 2)
        self._quantities[record] = before + 1
        return {"Quantity": Change(before, before + 1)}


def measure(folder: Path, _port: int, *, batches: int) -> list[Figure]:
    """Records a second of both streams, and what the logic costs: a ratio of medians, batch by batch in turns."""
    world = system_world()
    with EmbeddedPostgres.start(folder / "pg") as postgres:
        orders = {name: _make_org(postgres.uri, name, world) for name in ("plain", "logic")}
        plain, logic = asyncio.run(_run(postgres.uri, world, orders, batches))
        floor = floors.bulk_records_per_second(postgres.uri, DETAILS * 20)
    conditions = f"{batches} batches, {CONDITIONS}"
    rates = [
        figure(name, DETAILS / _median(seconds), "records/s", floor=floor, conditions=conditions, higher_is_better=True)
        for name, seconds in (("save", plain.seconds), ("save with logic", logic.seconds))
    ]
    costs = [
        figure(name, _median(with_logic) / _median(without), "x", floor=1.0, conditions=conditions)
        for name, without, with_logic in (
            ("cost of logic", plain.seconds, logic.seconds),
            ("cost of logic, rows read back", plain.answered, logic.answered),
        )
    ]
    return [*rates, *costs]


def _median(seconds: list[float]) -> float:
    return statistics.median(seconds[WARM_UP:])


async def _run(uri: str, world: World, orders: dict[str, list[RecordId]], batches: int) -> tuple[Stream, Stream]:
    async with AsyncExitStack() as stack:
        plain, logic = [Stream(await open_org(stack, uri, name, world), world, made) for name, made in orders.items()]
        for _ in range(batches + WARM_UP):
            await plain.batch()
            await logic.batch()
    return plain, logic


def _make_org(uri: str, name: str, world: World) -> list[RecordId]:
    admin = NewUser(f"admin@{name}.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, name, catalog(logic=name == "logic"), admin=admin, world=world)
    with seeding_org(uri, name, world) as seeding:
        return insert_rows(seeding, "Order", [{"Name": f"Order {i}"} for i in range(MASTERS)])
