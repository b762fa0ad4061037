"""A small org for queries, with rows that sit on every edge, held in PostgreSQL and in a device's SQLite alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import apsw
import sqlalchemy as sa

from fieldsync.device.store.connect import KEY_BYTES, connect
from fieldsync.device.store.objects import object_tables, quoted
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.fields import TYPES
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack, PicklistValue
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.own.columns import Sql
from fieldsync.soql import parse
from fieldsync.soql.bound import BoundCondition, BoundQuery
from fieldsync.soql.compile.shape import Record
from fieldsync.soql.compile.statement import run
from fieldsync.soql.dates import Calendar
from fieldsync.soql.sql.statement import condition as postgres_condition
from fieldsync.soql.sql.statement import query as postgres_query
from fieldsync.soql.sql.statement import selection
from fieldsync.soql.sql.writer import PostgresWriter
from fieldsync.soql.sqlite.functions import register
from fieldsync.soql.sqlite.statement import condition as sqlite_condition
from fieldsync.soql.sqlite.statement import query as sqlite_query
from fieldsync.soql.values import Context

NOW = datetime(2026, 3, 10, 3, 30, tzinfo=UTC)
"""March 9, 23:30 in New York, the day after its clocks went forward; already March 10 in UTC."""
ZONES = ("UTC", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")

F, T = Field, FieldType
COLORS = (PicklistValue("red", "Rot"), PicklistValue("Green"), PicklistValue("blue", "Blau"))

PACK = Pack(
    "lab",
    "Lab",
    (
        Object("User", "User", prefix="005"),
        Object("Territory", "Territory", prefix="0MI", fields=(F(name="Region", type=T.TEXT),)),
        Object(
            "Account",
            "Account",
            prefix="001",
            fields=(
                F(name="Industry", type=T.PICKLIST, values=COLORS, restricted=False),
                F(name="Code__c", type=T.TEXT),
                F(name="Employees", type=T.NUMBER, precision=8, scale=0),
                F(name="Rate", type=T.NUMBER, precision=10, scale=3),
                F(name="Revenue", type=T.CURRENCY, precision=18, scale=6),
                F(name="Tags", type=T.MULTI_PICKLIST, values=COLORS, restricted=False),
                F(name="Active", type=T.CHECKBOX),
                F(name="Founded", type=T.DATE),
                F(name="Seen", type=T.DATETIME),
                F(name="Opens", type=T.TIME),
                F(name="Notes", type=T.LONG_TEXT),
                F(name="Photo", type=T.BASE64),
                F(name="Place__c", type=T.GEOLOCATION),
                F(name="Score__c", type=T.FORMULA, formula="1", formula_returns=T.NUMBER),
                F(name="ParentId", type=T.LOOKUP, references="Account", children="ChildAccounts"),
                F(name="TerritoryId", type=T.LOOKUP, references="Territory", children="Accounts"),
            ),
        ),
        Object(
            "Contact",
            "Contact",
            prefix="003",
            name_field=NameField(length=80),
            fields=(
                F(name="AccountId", type=T.LOOKUP, references="Account", children="Contacts"),
                F(name="Email", type=T.EMAIL),
                F(name="Age", type=T.NUMBER, precision=3, scale=0),
            ),
        ),
    ),
)
CATALOG = build([PACK])

TEXTS: tuple[str | None, ...] = (
    None, "", "a", "A", "b", "Ä", "ä", "ß", "İ", "i", "ı", "I", "Σ", "ΟΔΟΣ", "οδος", "a%b", "a_b", "a\\b", "it's",
    "e\u0301", "é", "😀", "Z", "a b", "aXb", "%", "_", "\\", "null", "ǅ",
)  # fmt: skip
WHOLES = (None, 0, 1, -1, 7, 10, 99999999)
RATES = (None, Decimal("0.000"), Decimal("0.100"), Decimal("0.300"), Decimal("-1.500"), Decimal("1000000.125"))
AMOUNTS = (
    None, Decimal("0.000000"), Decimal("0.100000"), Decimal("123456789012.123456"), Decimal("123456789012.123457"),
    Decimal("-99999999999.999999"), Decimal("5.000000"), Decimal("0.200000"),
)  # fmt: skip
TAGS = (None, "", "red", "Green", "red;Green", "red;Green;blue", "Green;blue", "other")
DATES = (None, "2026-03-09", "2026-03-10", "2026-03-08", "2025-12-31", "2026-01-01", "2024-02-29", "2026-03-16")
MOMENTS = (
    None, "2026-03-10T03:30:00+00:00", "2026-03-10T04:00:00+00:00", "2026-03-10T03:59:59+00:00",
    "2026-03-08T06:59:59+00:00", "2026-03-08T07:00:00+00:00", "2026-03-09T04:00:00+00:00", "2026-03-09T03:59:59+00:00",
    "2025-12-31T23:59:59+00:00", "2026-01-01T05:00:00+00:00", "2026-03-09T11:00:00+00:00", "2026-03-10T11:00:00+00:00",
)  # fmt: skip
TIMES = (None, "00:00:00", "10:30:00", "10:30:00.5", "23:59:59.999")
PLACES = (None, (Decimal("37.7750000"), Decimal("-122.4180000")), (Decimal("10.0000000"), Decimal("10.0000000")))


def accounts() -> Iterator[dict[str, Any]]:
    """Accounts in which every value meets many others; the lengths of the lists share few divisors."""
    columns: dict[str, Iterator[Any]] = {
        "Name": cycle(TEXTS), "Code__c": cycle(TEXTS[::-1]), "Industry": cycle((*TEXTS[2:9], "red", "RED", "blue")),
        "Employees": cycle(WHOLES), "Rate": cycle(RATES), "Revenue": cycle(AMOUNTS), "Tags": cycle(TAGS),
        "Active": cycle((True, False, False)), "Founded": cycle(DATES), "Seen": cycle(MOMENTS), "Opens": cycle(TIMES),
        "Place": cycle(PLACES), "TerritoryId": cycle((None, "0MI1", "0MI2", "0MI9")),
    }  # fmt: skip
    for number in range(120):
        row = {name: next(values) for name, values in columns.items()}
        place = row.pop("Place") or (None, None)
        row |= {"Place__Latitude__s": place[0], "Place__Longitude__s": place[1], "IsDeleted": number % 17 == 16}
        yield {"Id": f"001{number:03}", "ParentId": f"001{number // 3:03}" if number % 4 else None, **row}


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row with its object."""
    for number, region in enumerate(("North", "south", None), 1):
        yield "Territory", {"Id": f"0MI{number}", "Name": f"T{number}", "Region": region, "IsDeleted": False}
    for row in accounts():
        yield "Account", row
    for number in range(60):
        account = f"001{number % 25:03}" if number % 7 else None
        yield (
            "Contact",
            {
                "Id": f"003{number:03}", "Name": TEXTS[number % len(TEXTS)], "AccountId": account,
                "Age": WHOLES[number % 5], "IsDeleted": number % 13 == 12,
            },
        )  # fmt: skip


def context(zone: str = "UTC", **more: Any) -> Context:
    """A context at NOW."""
    return Context(NOW, Calendar(zone, fiscal_start_month=more.pop("fiscal_start_month", 1)), **more)


@dataclass(frozen=True)
class Both:
    """The same rows in two databases."""

    postgres: AdminConnection
    sqlite: apsw.Connection

    def on_postgres(self, bound: BoundQuery, given: Context) -> list[Record]:
        compiled = postgres_query(bound, CATALOG, given)
        return run(compiled, lambda statement: [tuple(row) for row in self.postgres.execute(statement)])

    def on_sqlite(self, bound: BoundQuery, given: Context) -> list[Record]:
        compiled = sqlite_query(bound, given)
        return run(compiled, lambda sql: self.sqlite.execute(sql.text, sql.values).fetchall())

    def query(self, text: str, given: Context | None = None) -> list[Record]:
        """The records both databases give, which must be the same."""
        return self.bound(parse(text).bind(CATALOG), given or context())

    def bound(self, bound: BoundQuery, given: Context) -> list[Record]:
        """The records of a bound query; without an order, by what they hold."""
        first, second = self.on_postgres(bound, given), self.on_sqlite(bound, given)
        if not bound.order:
            first, second = sorted(first, key=repr), sorted(second, key=repr)
        assert first == second
        return first

    def ids(self, text: str, given: Context | None = None) -> list[str]:
        """Ids of the accounts for which a condition holds."""
        return [r["Id"] for r in self.query(f"SELECT Id FROM Account WHERE {text}", given)]

    def held(self, rule: BoundCondition, given: Context) -> list[str]:
        """Ids of the accounts a bare condition holds for, in a statement of the caller's own."""
        row = PostgresWriter(CATALOG).row("Account", "a")
        where = sa.and_(postgres_condition(rule, CATALOG, given, row=row), row.c.IsDeleted.is_(sa.false()))
        first = list(self.postgres.scalars(sa.select(row.c.Id).where(where).order_by(row.c.Id)))
        sql = sqlite_condition(rule, given, alias="a")
        text = f'SELECT a.Id FROM "Account" AS a WHERE {sql.text} AND NOT a.IsDeleted ORDER BY a.Id'
        assert first == [i for (i,) in self.sqlite.execute(text, sql.values)]
        chosen = selection(rule, CATALOG, given)
        ids = sa.select(chosen.row.c.Id).select_from(chosen.source).where(chosen.where).order_by(chosen.row.c.Id)
        assert first == list(self.postgres.scalars(ids))
        return first


def fill(postgres: AdminConnection, path: Path) -> Both:
    """Both databases with every row."""
    sqlite = connect(path, bytes(KEY_BYTES))
    register(sqlite)
    for table in object_tables(CATALOG):
        for statement in table.ddl():
            sqlite.execute(statement)
    created = {o.name: _table(CATALOG, o.name) for o in CATALOG}
    for one in created.values():
        one.create(postgres)
    for name, row in rows():
        complete = {c: row.get(c) for c in CATALOG[name].columns}
        postgres.execute(sa.insert(created[name]).values(complete))
        names, places = ", ".join(map(quoted, complete)), ", ".join("?" * len(complete))
        sqlite.execute(f"INSERT INTO {quoted(name)} ({names}) VALUES ({places})", tuple(complete.values()))
    return Both(postgres, sqlite)


def _table(catalog: Catalog, name: str) -> sa.Table:
    columns = [sa.Column(c, Sql(TYPES[f.type].sql(f))) for c, f in catalog[name].column_fields.items()]
    return sa.Table(name, sa.MetaData(), *columns)


def only(*names: str) -> Callable[[Sequence[Record]], list[tuple[Any, ...]]]:
    """Records as tuples of these fields."""
    return lambda records: [tuple(r[n] for n in names) for r in records]
