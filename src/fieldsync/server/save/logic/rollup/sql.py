"""Roll-ups as SQL: one query gives every summary of many masters over one list of children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.filters import TEXTS, Filter, Operator, read_filter
from fieldsync.schema.model import Field, FieldType, RollUp

_COMPARISONS = {
    Operator.LESS_THAN: "__lt__",
    Operator.GREATER_THAN: "__gt__",
    Operator.LESS_OR_EQUAL: "__le__",
    Operator.GREATER_OR_EQUAL: "__ge__",
}


@dataclass(frozen=True)
class Rows:
    """The children as rows to sum up: their columns, formula fields computed."""

    source: FromClause
    columns: Mapping[str, ColumnElement[Any]]


def summaries(child: ObjectType, rows: Rows, reference: str, fields: tuple[Field, ...]) -> Select[Any]:
    """(Id, a column for each roll-up field) of the masters bound as `ids`; those without children too."""
    ids = func.unnest(cast(bindparam("ids"), ARRAY(Text))).table_valued("id", name="masters").render_derived()
    present = (rows.columns[reference] == ids.c.id) & rows.columns["IsDeleted"].is_(False)
    joined = ids.outerjoin(rows.source, present)
    columns = [_summary(child, rows, field.roll_up).label(field.name) for field in fields if field.roll_up is not None]
    return select(ids.c.id.label("Id"), *columns).select_from(joined).group_by(ids.c.id)


def _summary(child: ObjectType, rows: Rows, roll_up: RollUp) -> ColumnElement[Any]:
    filters = [condition(rows.columns, read_filter(child.fields[f.field], f)) for f in roll_up.filters]
    counted = and_(true(), *filters)
    if roll_up.operation == "COUNT":
        return func.count(rows.columns["Id"]).filter(counted)
    column = rows.columns[roll_up.field or ""]
    match roll_up.operation:
        case "SUM":
            return func.coalesce(func.sum(column).filter(counted), 0)
        case "MIN":
            return func.min(column).filter(counted)
        case _:
            return func.max(column).filter(counted)


def condition(columns: Mapping[str, ColumnElement[Any]], wanted: Filter) -> ColumnElement[bool]:
    """A filter over columns by name. Text compares without case; an empty field differs from every value."""
    column = columns[wanted.field.name]
    if not wanted.values:
        is_empty = column.is_(null())
        return is_empty if wanted.operator is Operator.EQUALS else ~is_empty
    kind = wanted.field.formula_returns or wanted.field.type
    if kind is FieldType.MULTI_PICKLIST:
        return _chosen(column, wanted)
    if kind in TEXTS:
        return _text(column, wanted)
    typed: list[ColumnElement[Any]] = [
        cast(literal(str(value)) if value is not None else null(), column.type) for value in wanted.values
    ]
    if kind is FieldType.CHECKBOX:
        typed = [true() if value else false() for value in wanted.values]
    return _compared(column, wanted.operator, typed)


def _text(column: ColumnElement[Any], wanted: Filter) -> ColumnElement[bool]:
    lowered = func.lower(cast(column, String))
    values = [str(value).lower() for value in wanted.values]
    match wanted.operator:
        case Operator.CONTAINS:
            return or_(*[lowered.contains(v, autoescape=True) for v in values])
        case Operator.NOT_CONTAIN:
            return and_(*[_or_empty(column, ~lowered.contains(v, autoescape=True)) for v in values])
        case Operator.STARTS_WITH:
            return or_(*[lowered.startswith(v, autoescape=True) for v in values])
        case _:
            return _compared(lowered, wanted.operator, [literal(v) for v in values])


def _chosen(column: ColumnElement[Any], wanted: Filter) -> ColumnElement[bool]:
    """A multi-picklist holds its values as `a;b;c`."""
    listed = func.concat(";", func.lower(column), ";")
    parts = [literal(f";{str(value).lower()};") for value in wanted.values]
    if wanted.operator in (Operator.INCLUDES, Operator.EXCLUDES):
        found = or_(*[func.strpos(listed, part) > 0 for part in parts])
        return found if wanted.operator is Operator.INCLUDES else ~found
    return _compared(func.lower(column), wanted.operator, [literal(str(v).lower()) for v in wanted.values])


def _compared(column: ColumnElement[Any], operator: Operator, values: list[ColumnElement[Any]]) -> ColumnElement[bool]:
    match operator:
        case Operator.EQUALS:
            return or_(*[column == value for value in values])
        case Operator.NOT_EQUAL:
            return and_(*[column.is_distinct_from(value) for value in values])
        case _:
            return or_(*[getattr(column, _COMPARISONS[operator])(value) for value in values])


def _or_empty(column: ColumnElement[Any], holds: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(column.is_(null()), holds)
