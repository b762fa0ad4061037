"""The simple filter editor's language (FEATURES A16): rows of field, operator, type and value, and a logic. Pure.

    write_filter(SimpleFilter((FilterRow("Status", Operator.EQUALS, ValueType.TEXT, ("Open",)),)))
    "Status = 'Open'"

`read_filter` gives the rows back for a condition of this shape; one with a subquery or a function is not simple. What
was read and written again means the same: a value is quoted whole, so what looks like an escape in it stays a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fieldsync.server.configuration.logic import BadLogic, Denied, Joined, Logic, Row, read_logic, write_logic
from fieldsync.soql import SoqlError, parse_condition
from fieldsync.soql.nodes import (
    And,
    Bind,
    Boolean,
    Comparison,
    Condition,
    DateLiteral,
    Moment,
    Not,
    Null,
    Number,
    Or,
    Path,
    Query,
    Text,
    Value,
)

ROWS_MAX = 100
_FIELD = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*", re.ASCII)


class Operator(StrEnum):
    """What a row compares with; the text is what a condition says."""

    EQUALS = "="
    NOT_EQUALS = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "LIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    INCLUDES = "INCLUDES"
    EXCLUDES = "EXCLUDES"
    IS_NULL = "is null"
    IS_NOT_NULL = "is not null"


class ValueType(StrEnum):
    """What a row's values are, and so how they are written."""

    TEXT = "text"
    """Between quotes; it may hold tokens."""
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    RELATIVE = "relative date"
    """`TODAY`, `LAST_N_DAYS:7`."""
    TOKEN = "token"
    """`{USER.ID}` or `@@USER_ID@@` alone; it may stand for several values."""


MANY = frozenset({Operator.IN, Operator.NOT_IN, Operator.INCLUDES, Operator.EXCLUDES})
"""Operators that take several values."""
NONE = {Operator.IS_NULL: "= null", Operator.IS_NOT_NULL: "!= null"}
"""Operators that take no value, and how they are written."""
_NODES: Mapping[ValueType, type[Value]] = {
    ValueType.TEXT: Text,
    ValueType.NUMBER: Number,
    ValueType.BOOLEAN: Boolean,
    ValueType.DATE: Moment,
    ValueType.DATETIME: Moment,
    ValueType.RELATIVE: DateLiteral,
    ValueType.TOKEN: Bind,
}


@dataclass(frozen=True)
class FilterRow:
    """One row. `field` may lead over relationships: `Account.Status`."""

    field: str
    operator: Operator
    type: ValueType = ValueType.TEXT
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class SimpleFilter:
    """Rows, and `AND`, `OR` or their numbers as in `1 AND (2 OR 3)`."""

    rows: tuple[FilterRow, ...]
    logic: str = "AND"


class BadFilter(ValueError):
    """A filter that cannot be written, or a condition that is not simple. `row` counts from 1; `column` is a place in
    the logic, or with neither row nor logic at fault None."""

    def __init__(self, sentence: str, *, row: int | None = None, column: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence, self.row, self.column = sentence, row, column


def write_filter(given: SimpleFilter) -> str:
    """The condition; empty without rows. Raises BadFilter."""
    if not given.rows:
        return ""
    if len(given.rows) > ROWS_MAX:
        raise BadFilter(f"A filter may have {ROWS_MAX} rows.")
    texts = [_written(row, number) for number, row in enumerate(given.rows, 1)]
    try:
        logic = read_logic(given.logic, len(texts))
    except BadLogic as bad:
        raise BadFilter(bad.sentence, column=bad.column) from None
    return write_logic(logic, lambda number: texts[number - 1])


def _written(row: FilterRow, number: int) -> str:
    if not _FIELD.fullmatch(row.field):
        raise BadFilter("A field is named here, over relationships with points between.", row=number)
    if row.operator in NONE:
        if row.values:
            raise BadFilter(f"{row.operator.value} takes no value.", row=number)
        return f"{row.field} {NONE[row.operator]}"
    if not row.values or (len(row.values) > 1 and row.operator not in MANY):
        raise BadFilter(f"{row.operator.value} takes {'values' if row.operator in MANY else 'one value'}.", row=number)
    values = [_value(row.type, value, number) for value in row.values]
    written = f"({', '.join(values)})" if row.operator in MANY else values[0]
    return f"{row.field} {row.operator.value} {written}"


def _value(kind: ValueType, value: str, number: int) -> str:
    """A value as a condition has it: nothing that is more than one value of its type gets through."""
    text = _quoted(value) if kind is ValueType.TEXT else value.strip()
    try:
        found = parse_condition(f"Field = {text}")
    except SoqlError:
        raise BadFilter(f"{value[:40]} is no {kind.value}.", row=number) from None
    right = found.right if isinstance(found, Comparison) else ()
    if isinstance(right, Query) or len(right) != 1 or _type_of(right[0]) is not kind:
        raise BadFilter(f"{value[:40]} is no {kind.value}.", row=number)
    return text


def _quoted(value: str) -> str:
    whole = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{whole}'"


def read_filter(text: str) -> SimpleFilter:
    """The rows and logic of a condition. Raises BadFilter for one that is not simple, and SoqlError for none."""
    if not text.strip():
        return SimpleFilter(())
    rows: list[FilterRow] = []
    logic = _logic(parse_condition(text), rows)
    plain = isinstance(logic, Joined) and all(isinstance(part, Row) for part in logic.parts)
    words = logic.word if plain and isinstance(logic, Joined) else write_logic(logic)
    return SimpleFilter(tuple(rows), "AND" if isinstance(logic, Row) else words)


def _logic(condition: Condition, rows: list[FilterRow]) -> Logic:
    match condition:
        case And():
            return Joined("AND", tuple(_logic(part, rows) for part in condition.parts))
        case Or():
            return Joined("OR", tuple(_logic(part, rows) for part in condition.parts))
        case Not():
            return Denied(_logic(condition.part, rows))
        case Comparison():
            rows.append(_row(condition))
            return Row(len(rows))


def _row(comparison: Comparison) -> FilterRow:
    if not isinstance(comparison.left, Path) or isinstance(comparison.right, Query):
        raise BadFilter("The condition has a function or a subquery; edit it as text.")
    name, operator, right = str(comparison.left), comparison.operator, comparison.right
    if len(right) == 1 and isinstance(right[0], Null) and operator in ("=", "!="):
        return FilterRow(name, Operator.IS_NULL if operator == "=" else Operator.IS_NOT_NULL)
    types = {_type_of(value) for value in right}
    kind = types.pop()
    if types or kind is None:
        raise BadFilter("The condition compares with values a row cannot hold; edit it as text.")
    return FilterRow(name, Operator(operator), kind, tuple(_shown(value) for value in right))


def _type_of(value: Value) -> ValueType | None:
    """None for a value no row holds: null in a list, an amount with its currency, a time, a bind variable."""
    match value:
        case Moment(value=datetime()):
            return ValueType.DATETIME
        case Moment():
            return ValueType.DATE if hasattr(value.value, "year") else None
        case Bind(token=False):
            return None
        case _:
            return next((kind for kind, node in _NODES.items() if isinstance(value, node)), None)


def _shown(value: Value) -> str:
    """A value as its row has it."""
    match value:
        case Moment(value=datetime() as moment):
            return moment.isoformat().replace("+00:00", "Z")
        case Moment():
            return value.value.isoformat()
        case Boolean():
            return "true" if value.value else "false"
        case DateLiteral():
            return value.name if value.count is None else f"{value.name}:{value.count}"
        case Bind():
            return f"@@{value.name}@@"
        case Text():
            return value.value
        case Number():
            return str(value.value) if isinstance(value.value, int) else f"{value.value:f}"
        case _:
            raise AssertionError("rows hold no other values")
