"""Offline list = server list (FEATURES E21): the same list views over the same random rows, online and on a device."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.device.lab import KEY, Lab, Script
from tests.server.lab import PASSWORD, START, Phone
from tests.server.lab import Lab as Server

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.device import Device, DeviceDescription
from fieldsync.protocol.download import Rows
from fieldsync.protocol.session import Platform
from fieldsync.schema.access.permissions import Access, FieldAccess, Profile
from fieldsync.schema.catalog import Catalog, build, encode
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, ListView, Object, Pack, PicklistValue, RollUpFilter
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.oversight.lists import read_list
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.postgres.work import snapshot
from fieldsync.soql import bind_condition
from fieldsync.soql.list_view import Window
from fieldsync.soql.parse import parse_condition

if TYPE_CHECKING:
    from tests.conftest import Databases

ZONE = "America/New_York"
"""At START, 8:00 UTC of March 2, it is 3:00 of the same day there: midnight was at 5:00 UTC."""
VIEWS, ROWS = 240, 90
TEXTS = (None, "", "a", "A", "b", "Ä", "ä", "ß", "100%", "a_b", "a\\b", "it's", "Ab c", "É", "Z", "İ")
NUMBERS = (None, Decimal("0.00"), Decimal("1.50"), Decimal("-1.50"), Decimal("12345678901234567.89"), Decimal("2.00"))
DAYS = (None, "2026-03-01", "2026-03-02", "2026-03-03", "2025-12-31")
MOMENTS = (None, *(f"2026-{m}:{s}+00:00" for m in ("03-02T05:00", "03-02T04:59", "03-01T05:00") for s in ("00", "59")))
TAGS = (None, "x", "x;y", "x;y;z", "z")
F, T = Field, FieldType
ORDERS = ("Name", "Text", "Amount", "Day", "Moment", "On", "ParentId", "Parent.Text", "Twice", "OwnerId")


def values_for(name: str) -> tuple[str, ...]:
    """What filters on a field are compared with, as it is written."""
    texts = ("", "a", '"b, c", ä', "%", "_", "\\", "A,z,ß", "it's", "i")
    return {
        "Amount": ("", "0", "1.5, 2", "-1.50", "12345678901234567.89"),
        "Twice": ("", "3", "0"),
        "On": ("1", "false"),
        "Day": ("", "TODAY", "3/1/2026", "2026-03-02", "LAST_N_DAYS:2", "THIS_YEAR"),
        "Moment": ("", "TODAY", "YESTERDAY", "3/2/2026", "2026-03-02T05:00:00+00:00", "LAST_MONTH", "last week"),
        "Tags": ("", "x", "x;y", "z, x;y"),
    }.get(name, texts)


def operators_for(name: str) -> tuple[str, ...]:
    order = ("equals", "notEqual", "lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual")
    parts = {"Tags": ("equals", "notEqual", "includes", "excludes"), "On": order[:2]}
    texts = (*order, "contains", "notContain", "startsWith")
    return parts.get(name, order if name in ("Amount", "Twice", "Day", "Moment") else texts)


def views(chance: random.Random) -> Iterator[ListView]:
    """Random list views that mean something."""
    names = ("Text", "Kind", "Tags", "Amount", "Twice", "On", "Day", "Moment", "ParentId", "Parent.Text", "Above")
    for number in range(VIEWS):
        filters = []
        for _ in range(chance.randrange(4)):
            field = chance.choice(names)
            operator, value = chance.choice(operators_for(field)), chance.choice(values_for(field))
            if value or operator in ("equals", "notEqual"):
                filters.append(RollUpFilter(field=field, operator=operator, value=value))
        logics = (None, "1 OR (2 AND NOT 3)", "NOT 1 AND (2 OR 3)", "3 AND 1 OR 2")
        logic = chance.choice(logics) if len(filters) == 3 else None
        scope = chance.choice(("Everything", "Everything", "Mine"))
        columns = tuple(chance.sample(names, 4))
        made: dict[str, Any] = {"columns": columns, "filters": tuple(filters), "filter_logic": logic, "scope": scope}
        yield ListView(name=f"V{number}", label=f"View {number}", **made)


def model() -> Catalog:
    choices = tuple(PicklistValue(value=v) for v in ("x", "y", "z"))
    number, text = T.NUMBER, T.TEXT
    fields = (
        F(name="Text", type=text),
        F(name="Kind", type=T.PICKLIST, values=choices, restricted=False),
        F(name="Tags", type=T.MULTI_PICKLIST, values=choices, restricted=False),
        F(name="Amount", type=number, precision=22, scale=2),
        F(name="On", type=T.CHECKBOX),
        F(name="Day", type=T.DATE),
        F(name="Moment", type=T.DATETIME),
        F(name="ParentId", type=T.LOOKUP, references="Thing"),
        F(name="Twice", type=T.FORMULA, formula="Amount * 2", formula_returns=number, precision=22, scale=2),
        F(name="Above", type=T.FORMULA, formula="Parent.Text", formula_returns=text),
        F(name="Secret", type=text),
    )
    made = (
        *views(random.Random(21)),
        ListView(name="All", label="All", columns=("Name", "Text", "Secret", "Age")),
        ListView(name="Old", label="Old", filters=(RollUpFilter(field="Age", operator="equals", value="1"),)),
        ListView(name="Hidden", label="H", filters=(RollUpFilter(field="Secret", operator="equals", value="1"),)),
    )
    age = F(name="Age", type=T.FORMULA, formula="TODAY() - Day", formula_returns=number)
    thing = Object(name="Thing", label="Thing", prefix="a00", fields=(*fields, age), list_views=made)
    rep = Profile(name="Rep", label="Rep", objects={"Thing": tuple(Access), "User": (Access.READ,)})
    hidden = {"Thing": {"*": FieldAccess.EDIT, "Secret": FieldAccess.NONE}}
    clerk = Profile(name="Clerk", label="Clerk", objects={"Thing": (Access.READ,)}, fields=hidden)
    pack = Pack(name="lists", label="Lists", objects=(thing,), profiles=(rep, clerk))
    return build([*load_packs(("platform",)), pack])


def prepare(uri: str) -> None:
    world = World(ManualClock(START), SeededChance(6))
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "small", model(), admin=admin, world=world)
    chance = random.Random(7)
    with seeding_org(uri, "small", world) as seeding:
        zone = {"TimeZoneSidKey": ZONE}
        sarah = create_user(seeding, NewUser("sarah@small.example", PASSWORD, "Rep", "Sarah", zone), world.chance)
        tom = create_user(seeding, NewUser("tom@small.example", PASSWORD, "Rep", "Tom"), world.chance)
        above: Sequence[RecordId | None] = [None]
        for _ in range(3):
            rows = [row(chance, above, (sarah, tom)) for _ in range(ROWS // 3)]
            above = [None, *insert_rows(seeding, "Thing", rows)]


def row(chance: random.Random, above: Sequence[RecordId | None], owners: Sequence[RecordId]) -> dict[str, object]:
    pools = {"Text": TEXTS, "Kind": TEXTS, "Amount": NUMBERS, "Day": DAYS, "Moment": MOMENTS, "Tags": TAGS}
    found: dict[str, object] = {name: chance.choice(pool) for name, pool in pools.items()}
    rest = {"On": chance.random() < 0.5, "OwnerId": chance.choice(owners), "ParentId": chance.choice(above)}
    return found | rest | {"Name": f"{chance.choice('aAbBäÄ')}{chance.randrange(20)}"}


@pytest.fixture
def server(databases: Databases) -> Iterator[Server]:
    name = databases.create(databases.template("lists", prepare))
    made = Server(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


@pytest.fixture
def device(server: Server, tmp_path: Path) -> Iterator[Device]:
    """Sarah's device after its first download."""
    lab, phone = object.__new__(Lab), Phone(server, "sarah", "ipad")
    lab.script = script = Script(server.org.catalog)
    script.then("session", phone.session)
    script.always["catalog"] = encode(server.org.catalog)
    blocks = [line.block for line in phone.download() if isinstance(line, Rows)]
    script.then("refresh", lab.refresh_lines(*blocks))
    script.then("download", lab.lines())
    opened = Device.open(tmp_path, KEY, world=World(ManualClock(START), SeededChance(1)), transport=script)
    try:
        key = opened.new_device_key()
        opened.sign_in("small", "sarah", PASSWORD, DeviceDescription(key, "ipad", Platform.IPAD, "1", "1"))
        opened.sync()
        yield opened
    finally:
        opened.close()


def online(server: Server, reader: Reader, view: str, window: Window) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with snapshot(server.org.pool) as database:
            return await read_list(server.org, database, reader, ("Thing", view), window)

    return server.run(ask())


def sarah(server: Server, device: Device, profile: str = "Rep", **more: Any) -> Reader:
    assert device.account is not None
    return Reader(device.account.user.id, server.org.rights.of(profile), ZONE, **more)


def test_the_offline_list_is_the_servers_list(server: Server, device: Device) -> None:
    assert device.count("Thing") == ROWS
    chance, reader = random.Random(3), sarah(server, device)
    found = 0
    for number in range(VIEWS):
        window = Window(chance.choice(ORDERS), chance.random() < 0.5, chance.choice((5, 200)), chance.choice((0, 3)))
        there = online(server, reader, f"V{number}", window)
        order: dict[str, Any] = {"order": window.order, "descending": window.descending}
        here = device.list_view("Thing", f"V{number}", **order, limit=window.limit, offset=window.offset)
        assert here == there, server.org.catalog["Thing"].list_views[number]
        found += bool(here)
    assert found > VIEWS // 3, "most lists are empty"


def test_online_a_list_keeps_what_its_reader_may_not_see(server: Server, device: Device) -> None:
    clerk, window = sarah(server, device, "Clerk"), Window()
    for view, reason in (("Hidden", "Thing.Secret, which is not open to you"), ("Old", "computed on devices")):
        with pytest.raises(Refused) as refused:
            online(server, clerk, view, window)
        assert refused.value.problem.code is Code.UNUSABLE
        assert reason in refused.value.problem.message
    with pytest.raises(Refused) as closed:
        online(server, sarah(server, device, "Nobody"), "All", window)
    assert closed.value.problem.code is Code.PERMISSION
    assert set(online(server, clerk, "All", window)[0]) == {"Id", "Name", "Text"}
    shared = bind_condition(parse_condition("On = true"), server.org.catalog, "Thing")
    some = sarah(server, device, restrict=lambda name: shared if name == "Thing" else None)
    open_to_her = device.count("Thing", {"On": True})
    assert 0 < open_to_her == len(online(server, some, "All", window)) < ROWS
