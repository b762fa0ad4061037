"""Runs cases in PostgreSQL: the cases of one formula are one SELECT over a VALUES list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import literal_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import ColumnElement

from fieldsync.formula.conformance.case import Case, Outcome
from fieldsync.formula.conformance.compare import Actual
from fieldsync.formula.conformance.run import checked, outcome
from fieldsync.formula.problem import BadFormula, Fault, FormulaError
from fieldsync.formula.record import Stored
from fieldsync.formula.sql.compile import Column, SqlFormula, to_sql
from fieldsync.formula.sql.pieces import quoted
from fieldsync.schema.model import FieldType

Rows = Sequence[Sequence[Any]]
Execute = Callable[[str], Rows]
"""Runs a statement and gives its rows; numbers are decimals, dates and times Python's."""

_SQL_TYPES = {
    FieldType.NUMBER: "numeric",
    FieldType.CURRENCY: "numeric",
    FieldType.PERCENT: "numeric",
    FieldType.CHECKBOX: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "timestamptz",
    FieldType.TIME: "time",
}


def in_postgres(cases: Iterable[Case], execute: Execute) -> Iterator[Outcome]:
    """Every case's outcome in the database, which must have the routines."""
    statements: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        statements.setdefault(_statement_of(case), []).append(case)
    for members in statements.values():
        for case, actual in zip(members, actuals(members, execute), strict=True):
            yield outcome(case, actual)


def _statement_of(case: Case) -> tuple[object, ...]:
    """Cases with one key run in one statement."""
    globals_ = tuple(sorted((n, str(v)) for n, v in case.record.new.items() if n.startswith("$")))
    return case.suite, case.formula, tuple(case.fields.items()), case.derived, case.blanks_as_zero, globals_


def actuals(cases: Sequence[Case], execute: Execute) -> list[Actual]:
    """What cases of one formula give, in their order."""
    try:
        statement = select(cases)
    except BadFormula as refused:
        return [refused] * len(cases)
    return [_actual(value, failed=failed) for value, failed in execute(statement)]


def _actual(value: Any, *, failed: bool) -> Actual:
    if failed:
        return FormulaError(Fault.EVALUATION, 1, 1, "no value")
    if isinstance(value, list):
        return Decimal(value[0]), Decimal(value[1])
    known: Actual = value
    return known


def select(cases: Sequence[Case]) -> str:
    """The statement whose rows are the value and the error flag of each case."""
    first = cases[0]
    fields = [(n, k) for n, k in first.fields.items() if n not in {d.name for d in first.derived} and n[0] != "$"]
    columns: dict[str, Column] = {name: _column(index, kind) for index, (name, kind) in enumerate(fields)}
    for derived in first.derived:
        columns[derived.name] = _compiled(first, derived.formula, columns)
    formula = _compiled(first, first.formula, columns)
    names = ["n", *(f"c{index}{part}" for index, (_, kind) in enumerate(fields) for part in _parts(kind))]
    rows = ", ".join(f"({', '.join([str(number), *_values(case, fields)])})" for number, case in enumerate(cases))
    value, error = (_text(column) for column in (formula.value, formula.error))
    table = f"(VALUES {rows}) AS rows({', '.join(names)})"
    return f"SELECT {value}, {error} FROM {table} ORDER BY n"  # noqa: S608  every value in it is quoted


def _compiled(case: Case, formula: str, columns: dict[str, Column]) -> SqlFormula:
    return to_sql(checked(formula, tuple(case.fields.items())), columns, case.around)


def _text(column: ColumnElement[Any]) -> str:
    return str(column.compile(dialect=postgresql.dialect(paramstyle="named")))  # type: ignore[no-untyped-call]


def _parts(kind: FieldType) -> tuple[str, ...]:
    return ("a", "b") if kind is FieldType.GEOLOCATION else ("",)


def _column(index: int, kind: FieldType) -> Column:
    parts: list[ColumnElement[Any]] = [literal_column(f"rows.c{index}{part}") for part in _parts(kind)]
    return (parts[0], parts[1]) if len(parts) == 2 else parts[0]


def _values(case: Case, fields: list[tuple[str, FieldType]]) -> Iterator[str]:
    for name, kind in fields:
        way, _, last = name.rpartition(".")
        source = case.record.related.get(way, {}) if way else case.record.new
        value = source.get(last)
        for index, _part in enumerate(_parts(kind)):
            yield _literal(value[index] if isinstance(value, tuple) else value, kind)


def _literal(value: Stored, kind: FieldType) -> str:
    """The stored value as SQL; an empty text is null, as every stored one."""
    name = "numeric" if kind is FieldType.GEOLOCATION else _SQL_TYPES.get(kind, "text")
    if value is None or value == "":
        return f"NULL::{name}"
    if isinstance(value, str) and kind is FieldType.DATETIME:
        value = datetime.fromisoformat(value).isoformat()
    text = str(value).removesuffix("Z") if kind is FieldType.TIME else str(value)
    return quoted(text).removesuffix("::text") + f"::{name}"
