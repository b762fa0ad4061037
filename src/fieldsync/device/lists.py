"""Questions to the rows of this device: list views and queries in SOQL, formula fields as they are now.

The same trees as on the server, compiled for SQLite. Formula fields that only a device computes, and those of records
with changes the server has not seen, are computed first; the query reads them by a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.device import reading
from fieldsync.device.computed import ALL_ROWS, Computed
from fieldsync.device.record import Record
from fieldsync.device.store.objects import ObjectTables
from fieldsync.device.store.values import stored_value
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_account
from fieldsync.schema.model import FieldType, ListView
from fieldsync.soql.bound import Column, Read
from fieldsync.soql.compile.statement import run
from fieldsync.soql.dates import Calendar, calendar_of
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_filter import ME
from fieldsync.soql.list_view import Window, list_query, view_named
from fieldsync.soql.nodes import Query
from fieldsync.soql.parse import parse
from fieldsync.soql.sqlite import statement
from fieldsync.soql.sqlite.text import Sql, quoted
from fieldsync.soql.sqlite.writer import Row
from fieldsync.soql.values import Context, Plain

FORMULA = "fieldsync_formula"
"""The SQL function that gives a formula field: (object.field, record, stored value)."""
Overlay = Mapping[str, Mapping[str, Any]]
"""Values that stand in no column, by object.field and record."""


class Lists:
    """Answers questions in one snapshot each."""

    def __init__(self, world: World, computed: Computed) -> None:
        self._world, self._computed = world, computed

    def views(self, tables: ObjectTables, name: str) -> tuple[ListView, ...]:
        """An object's list views, as the catalog brought them."""
        return reading.table_of(tables, name).type.list_views

    def rows(self, work: Work, tables: ObjectTables, name: str, view: str, window: Window) -> list[dict[str, Any]]:
        """A list view's records."""
        object_type = reading.table_of(tables, name).type
        try:
            found, calendar = view_named(object_type, view), self._calendar(work)
            query = list_query(tables.catalog, object_type, found, calendar=calendar, window=window)
            return self._run(work, tables, query, {})
        except SoqlError as bad:
            raise _refused(f"The list {view}", bad) from None

    def soql(self, work: Work, tables: ObjectTables, text: str, values: Mapping[str, Plain]) -> list[dict[str, Any]]:
        """A query's records."""
        try:
            return self._run(work, tables, parse(text), values)
        except SoqlError as bad:
            raise _refused("The query", bad) from None

    def _run(self, work: Work, tables: ObjectTables, query: Query, values: Mapping[str, Plain]) -> list[dict[str, Any]]:
        bound = query.bind(tables.catalog)
        account = read_account(work)
        own: dict[str, Plain] = {} if account is None else {ME: account.user.id}
        context = Context(self._world.clock.now(), self._calendar(work), {**values, **own})
        overlay = self._overlay(work, tables, bound.reads)
        compiled = statement.query(bound, context, formulas=_reader(overlay))
        work.offer(FORMULA, lambda key, record_id, stored: overlay[key].get(record_id, stored), 3)
        return run(compiled, lambda sql: work.rows(sql.text, *sql.values))

    def _calendar(self, work: Work) -> Calendar:
        account = read_account(work)
        return calendar_of("UTC" if account is None else account.user.time_zone)

    def _overlay(self, work: Work, tables: ObjectTables, reads: Iterable[Read]) -> Overlay:
        asked: dict[str, list[str]] = {}
        for name, column in sorted(reads):
            field = tables[name].type.fields.get(column)
            if field is not None and field.type is FieldType.FORMULA:
                asked.setdefault(name, []).append(column)
        found: dict[str, dict[str, Any]] = {}
        for name, columns in asked.items():
            records = self._not_as_stored(work, tables, name, columns)
            for column in columns:
                found[f"{name}.{column}"] = {r.id: _held(r.values.get(column)) for r in records}
        return found

    def _not_as_stored(self, work: Work, tables: ObjectTables, name: str, columns: Sequence[str]) -> list[Record]:
        """Records whose formula fields may be another than their columns hold."""
        local = {one.field.name for one in tables.formulas.local(name)}
        if local.intersection(columns):
            window = (ALL_ROWS, 0)
            return self._computed.find(work, tables, name, where={}, search=None, order=("Id", False), window=window)
        changed = f"SELECT DISTINCT t.id FROM _touch t JOIN {tables[name].name} o ON o.Id = t.id WHERE t.kind < 2"
        found = (self._computed.get(work, tables, name, record_id) for (record_id,) in work.rows(changed))
        return [record for record in found if record is not None]


def _reader(overlay: Overlay) -> Any:
    def formula(row: Row, column: Column) -> Sql:
        held, key = f"{quoted(row.alias)}.{quoted(column.name)}", f"{row.object}.{column.name}"
        if not overlay.get(key):
            return Sql(held)
        return Sql(f"{FORMULA}(?, {quoted(row.alias)}.Id, {held})", (key,))

    return formula


def _held(value: Any) -> Any:
    """A formula's value as SQLite would hold it."""
    if isinstance(value, bool):
        return int(value)
    return stored_value(value) if isinstance(value, Decimal) else value


def _refused(what: str, bad: SoqlError) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=what, reason=bad.sentence.removesuffix(".")))
