"""List views online: the query a device runs on its rows, on the org's tables (FEATURES E21).

What the reader may not see is not there: columns are left out, a filter on one is refused, and rows meet `restrict`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import FieldType, ListView
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.oversight.records import object_of
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.formulas import FormulaColumns
from fieldsync.server.postgres.work import Work as Database
from fieldsync.soql.bound import BoundQuery, Column
from fieldsync.soql.compile.statement import run_async
from fieldsync.soql.dates import calendar_of
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_filter import ME
from fieldsync.soql.list_view import PLACE, Shown, Window, list_query, shown_columns, view_named
from fieldsync.soql.nodes import And, Comparison, Condition, Item, Path, Query, Source, Text
from fieldsync.soql.sql import statement
from fieldsync.soql.values import Context

COLUMNS_MAX = 5
_UNLISTED = (FieldType.LONG_TEXT, FieldType.BASE64, FieldType.GEOLOCATION, FieldType.FORMULA)


def list_columns(org: Org, reader: Reader, name: str, view: str) -> tuple[Shown, ...]:
    """The columns of a list view that the reader sees. Raises Refused: UNKNOWN_OBJECT, NOT_FOUND."""
    return _columns(org, reader, object_of(org, name), _named(org, name, view))


async def read_list(
    org: Org, database: Database, reader: Reader, place: tuple[str, str], window: Window
) -> list[dict[str, Any]]:
    """A list view's records; `place` is the object and the list, empty for all records. Raises Refused: UNKNOWN_OBJECT,
    NOT_FOUND, UNUSABLE, PERMISSION."""
    return await _read(org, database, reader, _Asked(*place, window))


async def read_children(
    org: Org, database: Database, reader: Reader, under: tuple[str, str, str], window: Window
) -> list[dict[str, Any]]:
    """The records of an object whose reference holds an id: `under` are the three. Raises as `read_list`."""
    name, field, record_id = under
    return await _read(org, database, reader, _Asked(name, "", window, (field, record_id)))


@dataclass(frozen=True)
class _Asked:
    name: str
    view: str
    window: Window
    under: tuple[str, str] | None = None


async def _read(org: Org, database: Database, reader: Reader, asked: _Asked) -> list[dict[str, Any]]:
    name, view = asked.name, asked.view
    object_type, found = object_of(org, name), _named(org, name, view)
    if not reader.rights.may(name, Access.READ):
        raise Refused(problem(Code.PERMISSION, object=name, operation="read"))
    kept = tuple(".".join(shown.path) for shown in _columns(org, reader, object_type, found))
    visible, calendar = msgspec.structs.replace(found, columns=kept), calendar_of(reader.zone)
    try:
        placed = reader.rights.sees(name, PLACE)
        query = list_query(org.catalog, object_type, visible, calendar=calendar, window=asked.window, placed=placed)
        if asked.under is not None:
            field, record_id = asked.under
            query = _also(query, Comparison(Path((field,)), "=", (Text(record_id),)))
        bound = query.bind(org.catalog)
        _require(reader.rights, bound)
        values = {**reader.values, ME: reader.user_id}
        context = Context(org.world.clock.now(), calendar, values, reader.restrict)
        compiled = statement.query(bound, org.catalog, context, formulas=_formulas(org))
    except SoqlError as bad:
        reason = bad.sentence.removesuffix(".")
        raise Refused(problem(Code.UNUSABLE, what=f"The list {view}", reason=reason)) from None
    return await run_async(compiled, lambda query: database.rows(compile_statement(query)))


def _also(query: Query, condition: Condition) -> Query:
    return replace(query, where=condition if query.where is None else And((query.where, condition)))


def every(object_type: ObjectType) -> ListView:
    """All records of an object as a list: with the columns of its first list view, or its first fields."""
    declared = next((view.columns for view in object_type.list_views if view.columns), ())
    plain = [f.name for f in object_type.stored if not f.system and f.type not in _UNLISTED and f.name != "OwnerId"]
    columns = declared or tuple(["Name", *(name for name in plain if name != "Name")][:COLUMNS_MAX])
    return ListView(name="", label="All by name", columns=columns)


def _named(org: Org, name: str, view: str) -> ListView:
    if not view:
        return every(object_of(org, name))
    try:
        return view_named(object_of(org, name), view)
    except SoqlError:
        raise Refused(problem(Code.NOT_FOUND, object="The list", id=view)) from None


def _columns(org: Org, reader: Reader, object_type: ObjectType, view: ListView) -> tuple[Shown, ...]:
    found = shown_columns(org.catalog, object_type, view)
    return tuple(shown for shown in found if _is_seen(org, reader.rights, object_type, shown))


def _is_seen(org: Org, rights: Rights, object_type: ObjectType, shown: Shown) -> bool:
    """Whether every field on the way to a column is open to the reader, and its value is known online."""
    source = Source(Path((object_type.name,)), None)
    bound = Query(items=(Item(Path(shown.path), None),), sources=(source,)).bind(org.catalog)
    column = bound.outputs[0].expression
    assert isinstance(column, Column)
    local = {one.field.name for one in org.logic.formulas.local(column.object)}
    return column.name not in local and all(rights.sees(*read) for read in bound.reads)


def _require(rights: Rights, bound: BoundQuery) -> None:
    for name, field in sorted(bound.reads):
        if not rights.sees(name, field):
            raise SoqlError(f"It reads {name}.{field}, which is not open to you.")


def _formulas(org: Org) -> Callable[[Any, Column], Any]:
    columns = FormulaColumns(org.logic.formulas, org.metadata)

    def value(row: Any, column: Column) -> Any:
        if column.name not in columns.names(column.object):
            raise SoqlError(f"{column.object}.{column.name} is computed on devices, and cannot be asked for online.")
        return columns.value(row, column.object, column.name)

    return value
