"""Formula fields as SQL: computed when a row is read, so never stale, with the rows above it joined in.

A row that is read with formulas of its relatives is as new as the newest of them: its stamp is the greatest on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, MetaData, Table, false, func, literal_column, select

from fieldsync.formula import CatalogScope, Surroundings
from fieldsync.formula.catalog import CatalogFormulas, FieldFormula
from fieldsync.formula.catalog.compiled import Way, follow, reference_named
from fieldsync.formula.sql.compile import SqlFormula, to_sql
from fieldsync.schema.catalog import columns_of
from fieldsync.schema.model import FieldType
from fieldsync.schema.standard import STAMP

_NUMERIC = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)
_TIMELESS = datetime(1970, 1, 1, tzinfo=UTC)
"""Formulas that are computed here never ask for the clock."""


@dataclass
class Computed:
    """An object's table with what its formula fields read joined to it. `columns` are those fields by name."""

    source: FromClause
    table: Table
    columns: dict[str, ColumnElement[Any]]
    stamp: ColumnElement[Any]


class FormulaColumns:
    """The formula fields of one catalog as columns."""

    def __init__(self, formulas: CatalogFormulas, metadata: MetaData) -> None:
        self.formulas = formulas
        self._tables = metadata.tables

    def names(self, object_name: str) -> tuple[str, ...]:
        """Formula fields that travel, in the order of the wire."""
        return tuple(one.field.name for one in self.formulas.travelling(object_name))

    def of(self, object_name: str, fields: Iterable[FieldFormula] | None = None) -> Computed:
        """The object's table and its formula fields; by default those that travel."""
        chosen = self.formulas.travelling(object_name) if fields is None else tuple(fields)
        return _Joins(self, self._tables, object_name).computed(chosen)

    def value(self, row: Any, object_name: str, field: str, tables: Mapping[str, Any] | None = None) -> Any:
        """One formula field of `row`, in a statement of the caller's; `tables`: where to look for the rows above it."""
        one = self.formulas[object_name].fields[field]
        joins = _Joins(self, tables or self._tables, object_name, row)
        value = joins.computed((one,)).columns[field]
        if joins.is_alone:
            return value
        return select(value).select_from(joins.source).correlate(row).scalar_subquery()

    def readers(self) -> Iterator[tuple[str, str, FromClause, Table, Any, tuple[str, ...]]]:
        """For each way that travelling formulas take: (reader, object at its end, both joined, the reader's table, the
        alias at the end, columns read there)."""
        ways: dict[tuple[str, Way, str], set[str]] = {}
        for reading in self.formulas.reads:
            ways.setdefault((reading.reader, reading.way, reading.object), set()).add(reading.column)
        for (reader, way, target), columns in sorted(ways.items()):
            joins = _Joins(self, self._tables, reader)
            alias = joins.alias(way)
            yield reader, target, joins.source, self._tables[reader], alias, tuple(sorted(columns))


class _Joins:
    """Joins each way once."""

    def __init__(self, columns: FormulaColumns, tables: Any, object_name: str, row: Any = None) -> None:
        """With `row`, a row of a statement around this one, `source` holds the rows above it alone."""
        self._formulas, self._tables, self._object = columns.formulas, tables, object_name
        self._table: Any = tables[object_name] if row is None else row
        self.source: FromClause = (
            self._table if row is None else select(literal_column("1").label("one")).subquery("one")
        )
        self._aliases: dict[Way, Any] = {(): self._table}

    @property
    def is_alone(self) -> bool:
        """Whether no row above was needed."""
        return len(self._aliases) == 1

    def computed(self, fields: Iterable[FieldFormula]) -> Computed:
        columns = {one.field.name: as_stored(self._sql((), self._object, one), one) for one in fields}
        stamps = [alias.c[STAMP] for alias in self._aliases.values() if STAMP in alias.c]
        stamp = stamps[0] if len(stamps) == 1 else func.greatest(literal_column("0"), *stamps)
        return Computed(self.source, self._table, columns, stamp)

    def _sql(self, way: Way, object_name: str, one: FieldFormula) -> SqlFormula:
        """A formula field of the row at the end of a way."""
        catalog = self._formulas.catalog
        columns: dict[str, Any] = {}
        for path in one.checked.formula.paths:
            found = CatalogScope(catalog, object_name).find(path)
            assert found is not None
            *hops, name = found.names
            target = follow(catalog, catalog[object_name], hops)
            assert target is not None
            alias = self.alias((*way, *hops))
            inner = self._formulas[target.name].fields.get(name)
            if inner is not None:
                columns[".".join(found.names)] = self._sql((*way, *hops), target.name, inner)
                continue
            held = [alias.c[column] for column in columns_of(target.fields[name])]
            columns[".".join(found.names)] = held[0] if len(held) == 1 else tuple(held)
        around = Surroundings(_TIMELESS, blanks_as_zero=one.field.formula_blanks_as_zero)
        return to_sql(one.checked, columns, around)

    def alias(self, way: Way) -> Any:
        """The row at the end of a way, joined."""
        if way not in self._aliases:
            catalog = self._formulas.catalog
            before = follow(catalog, catalog[self._object], way[:-1])
            assert before is not None
            reference = reference_named(before, way[-1])
            assert reference is not None
            above = self.alias(way[:-1])
            alias = self._tables[reference.references].alias(f"up{len(self._aliases)}")
            self.source = self.source.outerjoin(alias, alias.c.Id == above.c[reference.name])
            self._aliases[way] = alias
        return self._aliases[way]


def as_stored(formula: SqlFormula, one: FieldFormula) -> ColumnElement[Any]:
    """A formula's value as its field holds it."""
    returns, value = one.field.formula_returns, formula.value
    if returns is FieldType.CHECKBOX:
        return func.coalesce(value, false())
    if returns in _NUMERIC:
        number: ColumnElement[Any] = value * 100 if returns is FieldType.PERCENT else value
        return number if one.field.scale is None else func.round(number, one.field.scale)
    return value
