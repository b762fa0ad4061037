"""Records with their formula fields, computed when they are read: right after an offline edit, or after midnight.

What the server sent is shown as it came. Computed here are formulas that read the clock, the person or settings, and on
records with changes the server has not seen, every formula whose related rows are on the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldsync.base.world import World, instant
from fieldsync.device import reading
from fieldsync.device.record import Mark, Record
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.records import read_row
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import read_account
from fieldsync.formula import Surroundings
from fieldsync.formula.catalog import CatalogFormulas, FieldFormula, record_of
from fieldsync.formula.catalog.rows import is_whole
from fieldsync.formula.record import Stored
from fieldsync.schema.fields import FieldValue
from fieldsync.soql.sqlite.letters import sorting

ALL_ROWS = 1_000_000_000


class Computed:
    """Reads records as `reading` does, formula fields included."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get(self, work: Work, tables: ObjectTables, name: str, record_id: str) -> Record | None:
        """See `reading.get`."""
        found = reading.get(work, tables, name, record_id)
        return None if found is None else self._with_formulas(work, tables, [found])[0]

    def find(
        self,
        work: Work,
        tables: ObjectTables,
        name: str,
        *,
        where: Mapping[str, FieldValue],
        search: str | None,
        order: tuple[str, bool],
        window: tuple[int, int],
    ) -> list[Record]:
        """See `reading.find`. A formula that is computed here is compared after all rows were read."""
        table = reading.table_of(tables, name)
        local = _local_names(tables, table)
        late = {column: value for column, value in where.items() if column in local}
        if not late and order[0] not in local:
            found = reading.find(work, tables, name, where=where, search=search, order=order, window=window)
            return self._with_formulas(work, tables, found)
        early = {column: value for column, value in where.items() if column not in local}
        every = (("Id", False), (ALL_ROWS, 0))
        rows = reading.find(work, tables, name, where=early, search=search, order=every[0], window=every[1])
        found = self._with_formulas(work, tables, rows)
        kept = [r for r in found if all(r.values.get(column) == value for column, value in late.items())]
        column, descending = order
        empty = [r for r in kept if r.values.get(column) is None]
        filled = sorted(
            (r for r in kept if r.values.get(column) is not None), key=partial(_sort_key, column, tables.language)
        )
        ordered = [*reversed(filled), *empty] if descending else [*empty, *filled]
        limit, offset = window
        return ordered[offset : offset + limit]

    def _with_formulas(self, work: Work, tables: ObjectTables, records: list[Record]) -> list[Record]:
        if not records or not tables[records[0].object].type.formulas:
            return records
        formulas, table = tables.formulas, tables[records[0].object]
        around = self._around(work, tables, formulas)
        local = _local_names(tables, table)

        def row(object_name: str, record_id: str) -> Mapping[str, Any] | None:
            stored = read_row(work, tables[object_name], record_id) if object_name in tables else None
            return stored.values if stored is not None else None

        result = []
        for record in records:
            wanted = list(formulas[record.object].fields.values())
            if record.mark is Mark.CLEAN:
                wanted = [one for one in wanted if one.field.name in local]
            else:
                wanted = [
                    one
                    for one in wanted
                    if one.field.name in local or is_whole(formulas, table.type, record.values, one.checked, row)
                ]
            seen = record_of(formulas, record.object, record.values, None, row, around)
            values = {one.field.name: held(seen.new[one.field.name], one) for one in wanted}
            result.append(replace(record, values={**record.values, **values}))
        return result

    def _around(self, work: Work, tables: ObjectTables, formulas: CatalogFormulas) -> Surroundings:
        account, now = read_account(work), self._world.clock.now()
        if account is None:
            return Surroundings(now)
        user = read_row(work, tables["User"], account.user.id) if "User" in tables else None
        values: dict[str, Stored] = {f"$User.{name}": value for name, value in (user.values if user else {}).items()}
        values |= {"$User.Id": account.user.id, "$User.Username": account.user.username}
        values |= {"$Profile.Name": account.user.profile}
        values |= {"$Organization.Id": account.org_id, "$Organization.Name": account.org}
        try:
            zone = ZoneInfo(account.user.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = None
        return Surroundings(now, zone, values)


def _sort_key(column: str, language: str, record: Record) -> tuple[Any, str]:
    value = record.values[column]
    return (sorting(value, language) if isinstance(value, str) else value, record.id)


def _local_names(tables: ObjectTables, table: ObjectTable) -> frozenset[str]:
    if not table.type.formulas:
        return frozenset()
    return frozenset(one.field.name for one in tables.formulas.local(table.type.name))


def held(value: Stored, one: FieldFormula) -> FieldValue:
    """A formula's value in canonical form; None where it ends in an error."""
    match value:
        case datetime():
            return instant(value)
        case date() | time():
            return value.isoformat()
        case Decimal() if one.field.scale == 0:
            return int(value)
        case str() | bool() | int() | Decimal():
            return value
        case _:
            return None
