"""Records as somebody looks at them on a page: in lists, and one with every field he may read, formulas included."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from sqlalchemy import any_, bindparam, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.formula import Surroundings
from fieldsync.formula.catalog import record_of
from fieldsync.formula.catalog.compiled import reference_named
from fieldsync.formula.record import Stored
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader, open_to
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, decode_row

PAGE = 50
COUNTED_MAX = 10_000
"""More than so many records of an object are not counted one by one."""


@dataclass(frozen=True)
class Whole:
    """A record with what a page has to know of it: every field that may be read, and its version."""

    values: dict[str, FieldValue]
    stamp: int
    may_write: bool
    """Whether sharing lets the reader change it."""


def object_of(org: Org, name: str) -> ObjectType:
    """An object of the org. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    return org.catalog[name]


async def count_all(org: Org, database: Database, reader: Reader) -> dict[str, int]:
    """How many present records each object has that the reader may see, up to one more than are counted."""
    counts = {}
    for object_type in (o for o in org.catalog if reader.rights.may(o.name, Access.READ)):
        table = org.metadata.tables[object_type.name]
        seen = select(table.c.Id).where(table.c.IsDeleted.is_(False), reader.may_see(object_type.name, table))
        query = select(func.count()).select_from(seen.limit(COUNTED_MAX + 1).subquery("seen"))
        row = await database.one(compile_statement(query))
        counts[object_type.name] = int(row[0]) if row is not None else 0
    return counts


async def read_record(org: Org, database: Database, reader: Reader, name: str, record_id: str) -> Whole:
    """A record; `$User` is blank in formulas. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
    object_type, rights = open_to(org, reader, name), reader.rights
    rows: dict[str, Row] = {}
    await _fetch(org, database, name, [record_id], rows)
    access = await _access(database, reader, name, [record_id])
    if record_id not in rows or rows[record_id]["IsDeleted"] or record_id not in access:
        raise Refused(problem(Code.NOT_FOUND, object=name, id=record_id))
    formulas = org.logic.formulas[name].fields
    shown = [field for field in rights.formulas(name) if field in formulas]
    for one in (formulas[field] for field in shown):
        for way in org.logic.formulas.ways_of(object_type, one.checked):
            await _follow(org, database, object_type, rows[record_id], way, rows)
    around = Surroundings(org.world.clock.now())
    seen = record_of(org.logic.formulas, name, rows[record_id], None, lambda _, i: rows.get(i), around)
    stored = {column: rows[record_id][column] for column in rights.columns(name)}
    values = stored | {field: _plain(seen.new[field]) for field in shown}
    return Whole(values, rows[record_id][STAMP], access[record_id])


async def _access(database: Database, reader: Reader, name: str, ids: Sequence[str]) -> dict[str, bool]:
    """Those of the ids that the reader may see, and whether he may write them."""
    if reader.scope is None:
        return dict.fromkeys(ids, True)
    return dict(await database.rows(reader.scope.access(name), ids=list(ids)))


async def names_of(
    org: Org, database: Database, reader: Reader, wanted: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """The names of records by their ids, of those that the reader may see; `wanted` are ids by object."""
    found: dict[str, str] = {}
    for name, ids in wanted.items():
        if ids and name in org.catalog and reader.rights.may(name, Access.READ):
            table, access = org.metadata.tables[name], await _access(database, reader, name, sorted(ids))
            query = select(table.c.Id, func.coalesce(table.c.Name, table.c.Id))
            there = query.where(table.c.Id == any_(bindparam("ids")), table.c.IsDeleted.is_(False))
            found |= dict(await database.rows(compile_statement(there), ids=sorted(access)))
    return found


async def names_led_to(
    org: Org, database: Database, reader: Reader, changes: Iterable[tuple[str, str, FieldValue]]
) -> dict[str, str]:
    """The names of the records that values of references lead to; `changes` are (object, column, value)."""
    wanted: dict[str, set[str]] = {}
    for name, column, value in changes:
        field = org.catalog[name].column_fields.get(column) if name in org.catalog else None
        if field is not None and field.references is not None and isinstance(value, str):
            wanted.setdefault(field.references, set()).add(value)
    return await names_of(org, database, reader, wanted)


async def root_stamp(org: Org, database: Database, name: str, values: Mapping[str, FieldValue]) -> int:
    """The version of the root of a record's family, for a detail of one; 0 for every other record."""
    stamp, family = 0, org.catalog.family_of(name)
    while family is not None and name != family.root:
        master = org.catalog[name].master
        record_id = values.get(master.name) if master is not None else None
        if master is None or master.references is None or not isinstance(record_id, str):
            return stamp
        rows: dict[str, Row] = {}
        await _fetch(org, database, master.references, [record_id], rows)
        if record_id not in rows:
            return stamp
        name, values, stamp = master.references, rows[record_id], rows[record_id][STAMP]
    return stamp


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
