"""The pieces of SQL for PostgreSQL, as SQLAlchemy expressions. Every value is a bound parameter.

Texts compare by `lower`, in byte order. The database's locale decides what `lower` does beyond ASCII; clusters of this
product have C.UTF-8, for others `collation` names one that exists there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from fieldsync.schema.catalog import Catalog
from fieldsync.soql.bound import Column
from fieldsync.soql.compile.writer import Formulas, Parts, Side, Sort, Window, formula_of
from fieldsync.soql.dates import Calendar
from fieldsync.soql.functions import Kind
from fieldsync.soql.sql import globe, parts_of_dates
from fieldsync.soql.values import Pattern, Scalar, Slot

Sql = sa.ColumnElement[Any]
Row = sa.FromClause

TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.BOOLEAN: sa.Boolean(),
    Kind.NUMBER: sa.Numeric(),
    Kind.DATE: sa.Date(),
    Kind.DATETIME: sa.DateTime(timezone=True),
    Kind.TIME: sa.Time(),
}
_TEXTS = frozenset({Kind.TEXT, Kind.MULTI, Kind.LONG_TEXT})
_EMPTY: Sql = sa.literal_column("''")
_OPERATORS = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class PostgresWriter:
    """Writes for the tables of a catalog, found by the connection's search path."""

    catalog: Catalog
    collation: str | None = None
    formulas: Formulas[Row, Sql] | None = None

    def row(self, object_name: str, alias: str) -> Row:
        return _table(object_name, tuple(self.catalog[object_name].columns)).alias(alias)

    def column(self, row: Row, name: str) -> Sql:
        """Not by way of `row.c`, which makes every column there is, anew for each row: most of the cost of a rule."""
        if isinstance(row, sa.Table):
            held: Sql = row.c[name]
            return held
        found: sa.ColumnClause[Any] = sa.column(name)
        found.table = row
        return found

    def formula(self, row: Row, column: Column) -> Sql:
        return formula_of(self.formulas, row, column)

    def constant(self, value: int | None, kind: Kind) -> Sql:
        return sa.cast(sa.null(), TYPES.get(kind, sa.Text())) if value is None else sa.literal(value, sa.Integer)

    def truth(self, value: bool) -> Sql:  # noqa: FBT001
        return sa.true() if value else sa.false()

    def all_of(self, parts: Sequence[Sql]) -> Sql:
        return sa.and_(sa.true(), *parts)

    def any_of(self, parts: Sequence[Sql]) -> Sql:
        return sa.or_(sa.false(), *parts)

    def untrue(self, part: Sql) -> Sql:
        return part.is_not(sa.true())

    def same(self, left: Sql, right: Sql) -> Sql:
        return left == right

    def folded(self, sql: Sql) -> Sql:
        """Texts as they compare."""
        return sa.func.lower(sql if self.collation is None else sa.collate(sql, self.collation))

    def blank(self, side: Side[Sql]) -> Sql:
        absent = side.sql.is_(None)
        return sa.or_(absent, side.sql == _EMPTY) if side.kind in _TEXTS else absent

    def compare(self, side: Side[Sql], operator: str, value: Scalar | Slot) -> Sql:
        left, right = self._comparable(side), self._value(value, side.kind)
        if side.kind in _TEXTS and operator != "=":
            left = sa.collate(left, "C")
        return left.op(_OPERATORS[operator], is_comparison=True, return_type=sa.Boolean())(right)

    def one_of(self, side: Side[Sql], values: Sequence[Scalar] | Slot) -> Sql:
        kind = TYPES.get(side.kind, sa.Text())
        listed = sa.literal(values.then(_plain_all) if isinstance(values, Slot) else _plain_all(values), ARRAY(kind))
        return self._comparable(side) == sa.any_(listed)

    def like(self, side: Side[Sql], pattern: Pattern) -> Sql:
        return self._comparable(side).like(sa.literal(pattern.text, sa.Text()), escape="\\")

    def chosen(self, side: Side[Sql], value: str) -> Sql:
        mark: Sql = sa.literal_column("';'")
        listed = mark.op("||")(self.folded(side.sql)).op("||")(mark)
        return sa.func.strpos(listed, sa.literal(f";{value};", sa.Text())) > sa.literal_column("0")

    def inside(self, left: Sql, parts: Parts[Sql, Row]) -> Sql:
        return left.in_(self.select(parts))

    def exists(self, root: Row, joins: Sequence[tuple[Row, Sql]], where: Sql) -> Sql:
        source: Row = sa.select(sa.literal_column("1").label("one")).subquery("one")
        for row, when in joins:
            source = source.outerjoin(row, when)
        return sa.select(sa.literal_column("1")).select_from(source).where(where).correlate(root).exists()

    def date_part(self, sql: Sql, part: str, of: Column, zone: str | None, calendar: Calendar) -> Sql:
        return parts_of_dates.date_part(sql, part, of, zone or "UTC", calendar)

    def label(self, sql: Sql, labels: Sequence[tuple[str, str]]) -> Sql:
        if not labels:
            return sql
        cases = {sa.literal(value, sa.Text()): sa.literal(label, sa.Text()) for value, label in labels}
        return sa.case(*((sql == value, label) for value, label in cases.items()), else_=sql)

    def distance(self, latitude: Sql, longitude: Sql, place: tuple[Scalar, Scalar], unit: str) -> Sql:
        return globe.distance(latitude, longitude, place, unit)

    def aggregate(self, function: str, side: Side[Sql] | None) -> Sql:
        if side is None:
            return sa.func.count(sa.literal_column("*"))
        if function == "COUNT":
            return sa.func.count(self.group_key(side))
        if function == "COUNT_DISTINCT":
            return sa.func.count(sa.distinct(self.group_key(side)))
        if function == "AVG":
            return sa.func.round(sa.func.avg(side.sql), sa.literal_column("8"))
        if function == "SUM":
            return sa.func.sum(side.sql)
        return self._extreme(side, descending=function == "MAX")

    def _extreme(self, side: Side[Sql], *, descending: bool) -> Sql:
        if side.kind not in _TEXTS:
            return sa.func.max(side.sql) if descending else sa.func.min(side.sql)
        keys = [sa.collate(self.folded(side.sql), "C"), sa.collate(side.sql, "C")]
        order = [k.desc() for k in keys] if descending else keys
        listed = sa.func.array_agg(aggregate_order_by(side.sql, *order), type_=ARRAY(sa.Text()))
        return sa.func.nullif(listed.filter(side.sql != _EMPTY)[1], _EMPTY)

    def group_key(self, side: Side[Sql]) -> Sql:
        return sa.func.nullif(self.folded(side.sql), _EMPTY) if side.kind in _TEXTS else side.sql

    def sort_key(self, side: Side[Sql]) -> Sql:
        key = self.group_key(side)
        return sa.collate(key, "C") if side.kind in _TEXTS else key

    def grouped(self, side: Side[Sql]) -> Sql:
        return side.sql if side.kind is Kind.BOOLEAN else self._extreme(side, descending=False)

    def _comparable(self, side: Side[Sql]) -> Sql:
        return self.folded(side.sql) if side.kind in _TEXTS else side.sql

    def _value(self, value: Scalar | Slot, kind: Kind) -> Sql:
        plain = value.then(_plain) if isinstance(value, Slot) else _plain(value)
        return sa.literal(plain, TYPES.get(kind, sa.Text()))

    def select(self, parts: Parts[Sql, Row]) -> sa.Select[Any]:
        source = parts.root
        for row, when in parts.joins:
            source = source.outerjoin(row, when)
        columns = [c.label(f"c{n}") for n, c in enumerate(parts.columns)]
        found = sa.select(*columns).select_from(source).where(parts.where)
        if parts.group:
            found = found.group_by(*parts.group)
        if parts.having is not None:
            found = found.having(parts.having)
        found = found.order_by(*(_sort(s.sql, s) for s in parts.order if not isinstance(s.sql, int)))
        return found.limit(parts.limit).offset(parts.offset)

    def union(
        self, selects: Sequence[Parts[Sql, Row]], shown: int, sorts: Sequence[Sort[Sql]], window: Window
    ) -> sa.Select[Any]:
        rows = sa.union_all(*(self.select(parts) for parts in selects)).subquery("u")
        found = sa.select(*list(rows.c)[:shown]).order_by(
            *(_sort(list(rows.c)[s.sql - 1], s) for s in sorts if isinstance(s.sql, int))
        )
        return found.limit(window.limit).offset(window.offset)

    def counted(self, parts: Parts[Sql, Row]) -> sa.Select[Any]:
        return sa.select(sa.func.count().label("c0")).select_from(self.select(parts).subquery("u"))

    def children(self, parts: Parts[Sql, Row], reference: Sql, parents: Sequence[str]) -> sa.Select[Any]:
        """Rows with the parent's id behind them; a LIMIT counts for each parent."""
        of_parents = reference == sa.any_(sa.literal(list(parents), ARRAY(sa.Text())))
        order = [_sort(s.sql, s) for s in parts.order if not isinstance(s.sql, int)]
        place = sa.func.row_number().over(partition_by=reference, order_by=order or [parts.root.c["Id"]])
        where = sa.and_(parts.where, of_parents)
        columns = (*parts.columns, place, reference)
        whole = Parts(columns, parts.root, parts.joins, where)
        rows = self.select(whole).subquery("u")
        *shown, number, parent = list(rows.c)
        found = sa.select(*shown, parent).order_by(parent, number)
        return found if parts.limit is None else found.where(number <= sa.literal(parts.limit, sa.BigInteger()))


@lru_cache(maxsize=1_000)
def _table(name: str, columns: tuple[str, ...]) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def _plain(value: Scalar) -> Scalar:
    """Whole numbers as Decimal, so that the driver sends them as `numeric` whatever their size."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain_all(values: Sequence[Scalar]) -> list[Scalar]:
    return [_plain(value) for value in values]


def _sort(sql: Sql, sort: Sort[Sql]) -> Sql:
    ordered = sql.desc() if sort.descending else sql.asc()
    return ordered.nulls_last() if sort.nulls_last else ordered.nulls_first()
