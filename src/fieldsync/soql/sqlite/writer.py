"""The pieces of SQL for SQLite: text with parameters. Every value is a parameter, every name comes from the catalog."""

# ruff: noqa: S608 (names come from the catalog, quoted; values are bound)
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from fieldsync.schema.fields import numeric_shape
from fieldsync.soql.bound import Aggregate, BoundExpression, Column
from fieldsync.soql.compile.writer import Formulas, Parts, Side, Sort, Window, formula_of
from fieldsync.soql.dates import Calendar
from fieldsync.soql.functions import Kind
from fieldsync.soql.sqlite import parts_of_dates
from fieldsync.soql.sqlite.functions import Stored, number_key, stored
from fieldsync.soql.sqlite.text import Sql, balanced, joined, quoted
from fieldsync.soql.values import Pattern, Scalar, Slot

_TEXTS = frozenset({Kind.TEXT, Kind.MULTI, Kind.LONG_TEXT})
_EXACT_DIGITS = 15
"""A number of at most this many digits is the same as text and as REAL."""


@dataclass(frozen=True)
class Row:
    """A table and the alias its columns are written with."""

    object: str
    alias: str


@dataclass(frozen=True)
class SqliteWriter:
    """Writes for the tables of `device/store`."""

    formulas: Formulas[Row, Sql] | None = None

    def row(self, object_name: str, alias: str) -> Row:
        return Row(object_name, alias)

    def column(self, row: Row, name: str) -> Sql:
        return Sql(f"{quoted(row.alias)}.{quoted(name)}")

    def formula(self, row: Row, column: Column) -> Sql:
        return formula_of(self.formulas, row, column)

    def constant(self, value: int | None, kind: Kind) -> Sql:
        return Sql("NULL" if value is None else str(int(value)))

    def truth(self, value: bool) -> Sql:  # noqa: FBT001
        return Sql("1" if value else "0")

    def all_of(self, parts: Sequence[Sql]) -> Sql:
        return balanced(" AND ", parts) if parts else self.truth(True)

    def any_of(self, parts: Sequence[Sql]) -> Sql:
        return balanced(" OR ", parts) if parts else self.truth(False)

    def untrue(self, part: Sql) -> Sql:
        return Sql(f"({part.text} IS NOT TRUE)", part.values)

    def same(self, left: Sql, right: Sql) -> Sql:
        return joined(" = ", (left, right))

    def blank(self, side: Side[Sql]) -> Sql:
        return Sql(f"({self._filled(side)} IS NULL)", side.sql.values)

    def compare(self, side: Side[Sql], operator: str, value: Scalar | Slot) -> Sql:
        assert not isinstance(value, Slot), "statements of a device are written for one person"
        left, right = self._pair(side, [value])
        return Sql(f"({left.text} {operator} ?)", (*left.values, right[0]))

    def one_of(self, side: Side[Sql], values: Sequence[Scalar] | Slot) -> Sql:
        assert not isinstance(values, Slot), "statements of a device are written for one person"
        left, right = self._pair(side, values)
        return Sql(f"({left.text} IN (SELECT value FROM json_each(?)))", (*left.values, json.dumps(right)))

    def like(self, side: Side[Sql], pattern: Pattern) -> Sql:
        return Sql(f"(soql_fold({side.sql.text}) LIKE ? ESCAPE '\\')", (*side.sql.values, pattern.text))

    def chosen(self, side: Side[Sql], value: str) -> Sql:
        listed = f"';' || soql_fold({side.sql.text}) || ';'"
        return Sql(f"(instr({listed}, ?) > 0)", (*side.sql.values, f";{value};"))

    def inside(self, left: Sql, parts: Parts[Sql, Row]) -> Sql:
        inner = self.select(parts)
        return Sql(f"({left.text} IN ({inner.text}))", left.values + inner.values)

    def exists(self, root: Row, joins: Sequence[tuple[Row, Sql]], where: Sql) -> Sql:
        source = _joined(Sql("(SELECT 1)"), joins)
        return Sql(f"EXISTS (SELECT 1 FROM {source.text} WHERE {where.text})", source.values + where.values)

    def date_part(self, sql: Sql, part: str, of: Column, zone: str | None, calendar: Calendar) -> Sql:
        local = sql if zone is None else Sql(f"soql_local({sql.text}, ?)", (*sql.values, zone))
        return parts_of_dates.date_part(local, part, calendar)

    def label(self, sql: Sql, labels: Sequence[tuple[str, str]]) -> Sql:
        if not labels:
            return sql
        whens = " ".join("WHEN ? THEN ?" for _ in labels)
        values = tuple(text for pair in labels for text in pair)
        return Sql(f"CASE {sql.text} {whens} ELSE {sql.text} END", sql.values + values + sql.values)

    def distance(self, latitude: Sql, longitude: Sql, place: tuple[Scalar, Scalar], unit: str) -> Sql:
        values = (*(_stored(v) for v in place), unit)
        return Sql(f"soql_distance({latitude.text}, {longitude.text}, ?, ?, ?)", values)

    def aggregate(self, function: str, side: Side[Sql] | None) -> Sql:
        if side is None:
            return Sql("count(*)")
        if function.startswith("COUNT"):
            distinct = "DISTINCT " if function == "COUNT_DISTINCT" else ""
            key = self.group_key(side)
            return Sql(f"count({distinct}{key.text})", key.values)
        return Sql(f"{_function(function, side.kind)}({side.sql.text})", side.sql.values)

    def group_key(self, side: Side[Sql]) -> Sql:
        if side.kind in _TEXTS:
            return Sql(f"nullif(soql_fold({side.sql.text}), '')", side.sql.values)
        return Sql(f"soql_key({side.sql.text})", side.sql.values) if _is_wide(side.of) else side.sql

    def sort_key(self, side: Side[Sql]) -> Sql:
        return self.group_key(side)

    def grouped(self, side: Side[Sql]) -> Sql:
        return side.sql if side.kind is Kind.BOOLEAN else self.aggregate("MIN", side)

    def _filled(self, side: Side[Sql]) -> str:
        return f"nullif({side.sql.text}, '')" if side.kind in _TEXTS else side.sql.text

    def _pair(self, side: Side[Sql], values: Sequence[Scalar]) -> tuple[Sql, list[Stored]]:
        """Both sides of a comparison in the form in which SQLite compares them rightly."""
        if side.kind in _TEXTS:
            return Sql(f"soql_fold({side.sql.text})", side.sql.values), [str(v) for v in values]
        if side.kind is not Kind.NUMBER:
            return side.sql, [_stored(v) for v in values]
        numbers = [_stored(v) for v in values]
        if _is_wide(side.of) or any(isinstance(n, str) for n in numbers):
            return Sql(f"soql_key({side.sql.text})", side.sql.values), [number_key(v) for v in values]
        return side.sql, numbers

    def select(self, parts: Parts[Sql, Row]) -> Sql:
        columns = joined(", ", parts.columns)
        source = _joined(_table(parts.root), parts.joins)
        found = Sql(f"SELECT {columns.text} FROM {source.text} WHERE {parts.where.text}")
        found = Sql(found.text, columns.values + source.values + parts.where.values)
        if parts.group:
            found = found.then(" GROUP BY ", joined(", ", parts.group))
        if parts.having is not None:
            found = found.then(" HAVING ", parts.having)
        return _window(_ordered(found, parts.order), Window(parts.limit, parts.offset))

    def union(self, selects: Sequence[Parts[Sql, Row]], shown: int, sorts: Sequence[Sort[Sql]], window: Window) -> Sql:
        rows = joined(" UNION ALL ", [self._named(parts) for parts in selects])
        names = ", ".join(f"c{n}" for n in range(shown))
        found = Sql(f"SELECT {names} FROM ({rows.text})", rows.values)
        numbered = [Sort(Sql(f"c{s.sql - 1}"), s.descending, s.nulls_last) for s in sorts if isinstance(s.sql, int)]
        return _window(_ordered(found, numbered), window)

    def _named(self, parts: Parts[Sql, Row]) -> Sql:
        columns = tuple(Sql(f"{c.text} AS c{n}", c.values) for n, c in enumerate(parts.columns))
        return self.select(Parts(columns, parts.root, parts.joins, parts.where, parts.group, parts.having))

    def counted(self, parts: Parts[Sql, Row]) -> Sql:
        inner = self.select(parts)
        return Sql(f"SELECT count(*) FROM ({inner.text})", inner.values)

    def children(self, parts: Parts[Sql, Row], reference: Sql, parents: Sequence[str]) -> Sql:
        """Rows with the parent's id behind them; a LIMIT counts for each parent."""
        asked = Sql(f"{reference.text} IN (SELECT value FROM json_each(?))", (json.dumps(list(parents)),))
        order = _ordered(Sql(""), parts.order or (Sort(self.column(parts.root, "Id"), False, False),))
        place = Sql(f"row_number() OVER (PARTITION BY {reference.text}{order.text})", order.values)
        columns = (*parts.columns, place, reference)
        rows = self._named(Parts(columns, parts.root, parts.joins, self.all_of([parts.where, asked])))
        number = len(parts.columns)
        names = ", ".join(f"c{n}" for n in range(number + 2) if n != number)
        limit = Sql("") if parts.limit is None else Sql(f" WHERE c{number} <= ?", (parts.limit,))
        text = f"SELECT {names} FROM ({rows.text}){limit.text} ORDER BY c{number + 1}, c{number}"
        return Sql(text, rows.values + limit.values)


def _joined(source: Sql, joins: Sequence[tuple[Row, Sql]]) -> Sql:
    for row, when in joins:
        source = Sql(f"{source.text} LEFT JOIN {_table(row).text} ON {when.text}", source.values + when.values)
    return source


def _table(row: Row) -> Sql:
    return Sql(f"{quoted(row.object)} AS {quoted(row.alias)}")


def _ordered(select: Sql, sorts: Sequence[Sort[Sql]]) -> Sql:
    keys = []
    for sort in sorts:
        assert isinstance(sort.sql, Sql)
        direction = "DESC" if sort.descending else "ASC"
        place = "LAST" if sort.nulls_last else "FIRST"
        keys.append(Sql(f"{sort.sql.text} {direction} NULLS {place}", sort.sql.values))
    return select.then(" ORDER BY ", joined(", ", keys)) if keys else select


def _window(select: Sql, window: Window) -> Sql:
    if window.limit is None and window.offset is None:
        return select
    limit = -1 if window.limit is None else window.limit
    return select.then(" LIMIT ", Sql("? OFFSET ?", (limit, window.offset or 0)))


def _function(function: str, kind: Kind) -> str:
    if kind in _TEXTS:
        return "soql_first_text" if function == "MIN" else "soql_last_text"
    if kind is Kind.NUMBER:
        return {"SUM": "soql_sum", "AVG": "soql_avg", "MIN": "soql_least", "MAX": "soql_greatest"}[function]
    return function.lower()


def _is_wide(expression: BoundExpression) -> bool:
    """Whether its numbers may be stored as TEXT, because a REAL would lose digits."""
    if isinstance(expression, Aggregate):
        return expression.kind is Kind.NUMBER and not expression.function.startswith("COUNT")
    if not isinstance(expression, Column) or expression.kind is not Kind.NUMBER:
        return False
    precision, scale = numeric_shape(expression.field)
    return scale > 0 and precision > _EXACT_DIGITS


def _stored(value: Any) -> Stored:
    match value:
        case bool():
            return int(value)
        case int() | Decimal():
            return stored(value)
        case datetime() | date():
            return value.isoformat()
        case time():
            text = value.replace(microsecond=value.microsecond // 1000 * 1000).isoformat()
            return text.rstrip("0") if "." in text else text
        case _:
            return str(value)
