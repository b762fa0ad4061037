"""Records as somebody looks at them on a page: in lists, and one with every field he may read, formulas included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import bindparam, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.formula import Surroundings
from fieldsync.formula.catalog import record_of
from fieldsync.formula.catalog.compiled import reference_named
from fieldsync.formula.record import Stored
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, decode_row

PAGE = 50


@dataclass(frozen=True)
class Line:
    """A record in a list."""

    id: str
    name: str


def object_of(org: Org, name: str) -> ObjectType:
    """An object of the org. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    return org.catalog[name]


def _open_to(org: Org, rights: Rights, name: str) -> ObjectType:
    """An object that may be read. One that may not looks as if it were not there."""
    if not rights.may(name, Access.READ):
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    return org.catalog[name]


async def count_all(org: Org, database: Database, rights: Rights) -> dict[str, int]:
    """How many present records each object has that may be read."""
    counts = {}
    for object_type in (o for o in org.catalog if rights.may(o.name, Access.READ)):
        table = org.metadata.tables[object_type.name]
        query = select(func.count()).select_from(table).where(table.c.IsDeleted.is_(False))
        row = await database.one(compile_statement(query))
        counts[object_type.name] = int(row[0]) if row is not None else 0
    return counts


async def list_records(
    org: Org, database: Database, rights: Rights, name: str, *, search: str, first: int
) -> list[Line]:
    """A page of records whose name holds `search`, and one more where there are more. Raises Refused."""
    table = org.metadata.tables[_open_to(org, rights, name).name]
    named = func.strpos(func.lower(func.coalesce(table.c.Name, "")), func.lower(bindparam("search"))) > 0
    rows = select(table.c.Id, func.coalesce(table.c.Name, table.c.Id)).where(table.c.IsDeleted.is_(False), named)
    query = rows.order_by(table.c.Name, table.c.Id).limit(PAGE + 1).offset(bindparam("first"))
    found = await database.rows(compile_statement(query), search=search, first=max(0, first))
    return [Line(*row) for row in found]


async def read_record(org: Org, database: Database, rights: Rights, name: str, record_id: str) -> dict[str, FieldValue]:
    """Every field of a record that may be read; `$User` is blank in formulas. Raises Refused(NOT_FOUND)."""
    object_type = _open_to(org, rights, name)
    rows: dict[str, Row] = {}
    await _fetch(org, database, name, [record_id], rows)
    if record_id not in rows or rows[record_id]["IsDeleted"]:
        raise Refused(problem(Code.NOT_FOUND, object=name, id=record_id))
    formulas = org.logic.formulas[name].fields
    shown = [field for field in rights.formulas(name) if field in formulas]
    for one in (formulas[field] for field in shown):
        for way in org.logic.formulas.ways_of(object_type, one.checked):
            await _follow(org, database, object_type, rows[record_id], way, rows)
    around = Surroundings(org.world.clock.now())
    seen = record_of(org.logic.formulas, name, rows[record_id], None, lambda _, i: rows.get(i), around)
    stored = {column: rows[record_id][column] for column in rights.columns(name)}
    return stored | {field: _plain(seen.new[field]) for field in shown}


async def _follow(
    org: Org, database: Database, object_type: ObjectType, row: Row, way: tuple[str, ...], rows: dict[str, Row]
) -> None:
    current: Row | None = row
    for relationship in way:
        reference = reference_named(object_type, relationship)
        target = reference.references if reference is not None else None
        record_id = current.get(reference.name) if reference is not None and current is not None else None
        if target is None or not isinstance(record_id, str):
            return
        await _fetch(org, database, target, [record_id], rows)
        object_type, current = org.catalog[target], rows.get(record_id)


async def _fetch(org: Org, database: Database, name: str, ids: list[str], rows: dict[str, Row]) -> None:
    missing = [record_id for record_id in ids if record_id not in rows]
    for (text,) in await database.rows(org.save.read(name), ids=missing) if missing else ():
        row = decode_row(text)
        rows[row["Id"]] = row


def _plain(value: Stored) -> FieldValue:
    """A formula's value as a page shows it; one that ends in an error says so, as on the platform."""
    match value:
        case datetime():
            return instant(value)
        case date() | time():
            return value.isoformat()
        case None | str() | bool() | int() | Decimal():
            return value
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return "#Error!"
