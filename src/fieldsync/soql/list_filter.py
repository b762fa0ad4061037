"""One filter of a list view as a condition, read as the platform writes it.

No value asks for an empty field, several are alternatives, texts compare without case, a reference compares by the name
of its record. Days are the person's: on a date and time, a day means all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from fieldsync.base import ids
from fieldsync.schema.catalog import REFERENCE_TYPES
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.filters import BadFilter, Operator, compared_type, iso_date, read_texts, typed
from fieldsync.schema.model import Field, FieldType, RollUpFilter
from fieldsync.soql.dates import Calendar, instant
from fieldsync.soql.errors import SoqlError
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
    Text,
    Value,
)
from fieldsync.soql.parse import parse_condition

ME = "USER_ID"
_WORDS = re.compile(r"[A-Z_]+(?::\d+)?")
_SIGNS = {
    Operator.EQUALS: "=",
    Operator.NOT_EQUAL: "!=",
    Operator.LESS_THAN: "<",
    Operator.GREATER_THAN: ">",
    Operator.LESS_OR_EQUAL: "<=",
    Operator.GREATER_OR_EQUAL: ">=",
    Operator.INCLUDES: "INCLUDES",
    Operator.EXCLUDES: "EXCLUDES",
}


def filter_condition(
    field: Field, path: tuple[str, ...], name_path: tuple[str, ...] | None, given: RollUpFilter, calendar: Calendar
) -> Condition:
    """The condition of a filter on the field at `path`; `name_path`: of a reference, where its record's name is.

    Raises SoqlError for a filter that means nothing.
    """
    try:
        operator, texts = read_texts(field, given)
        return _condition(field, Path(_compared(field, path, name_path, texts)), operator, texts, calendar)
    except BadFilter as bad:
        raise SoqlError(f"The filter on {given.field} cannot be used: {bad}.") from None


def _condition(field: Field, path: Path, operator: Operator, texts: Sequence[str], calendar: Calendar) -> Condition:
    if operator in (Operator.CONTAINS, Operator.NOT_CONTAIN, Operator.STARTS_WITH):
        return _like(path, operator, texts)
    if not texts:
        return Comparison(path, _SIGNS[operator], (Null(),))
    if operator in (Operator.INCLUDES, Operator.EXCLUDES):
        return Comparison(path, _SIGNS[operator], tuple(Text(text) for text in texts))
    asked = Operator.EQUALS if operator is Operator.NOT_EQUAL else operator
    if compared_type(field) is FieldType.DATETIME:
        found = Or(tuple(_moment(path, calendar, _SIGNS[asked], text) for text in texts))
    else:
        found = Or(tuple(Comparison(path, _SIGNS[asked], (_value(field, text),)) for text in texts))
    return Not(found) if operator is Operator.NOT_EQUAL else found


def _compared(
    field: Field, path: tuple[str, ...], name_path: tuple[str, ...] | None, texts: Sequence[str]
) -> tuple[str, ...]:
    """What of a reference is compared: its record's name, unless ids or the person are asked for."""
    if name_path is None or not texts or all(ids.is_id(text) or _is_me(text) for text in texts):
        return path
    return (*name_path[:-1], "DeveloperName") if field.references == "RecordType" else name_path


def _is_me(text: str) -> bool:
    return text.upper() in ("$USER.ID", "{!$USER.ID}")


def _like(path: Path, operator: Operator, texts: Sequence[str]) -> Condition:
    before = "" if operator is Operator.STARTS_WITH else "%"
    found = Or(tuple(Comparison(path, "LIKE", (Text(f"{before}{literally(text)}%"),)) for text in texts))
    return Not(found) if operator is Operator.NOT_CONTAIN else found


def literally(text: str) -> str:
    """A text that stands for itself in a pattern of LIKE."""
    return re.sub(r"[\\%_]", r"\\\g<0>", text)


def _value(field: Field, text: str) -> Value:
    """A value as a query says it. Raises BadFilter."""
    if field.type in REFERENCE_TYPES and _is_me(text):
        return Bind(ME, token=True)
    if compared_type(field) is FieldType.DATE:
        words = _relative(text)
        if words is not None:
            return words
    found: FieldValue = typed(field, text)
    if field.references == "RecordType" and isinstance(found, str):
        found = found.rpartition(".")[2]
    match found:
        case bool():
            return Boolean(found)
        case int() | Decimal():
            return Number(found)
        case str() if compared_type(field) is FieldType.DATE:
            return Moment(date.fromisoformat(found))
        case str() if compared_type(field) is FieldType.TIME:
            return Moment(time.fromisoformat(found))
        case _:
            return Text(str(found))


def _moment(path: Path, calendar: Calendar, sign: str, text: str) -> Condition:
    """A date and time against a stretch of days, a day of the person's, or an instant. Raises BadFilter."""
    words = _relative(text)
    if words is not None:
        return Comparison(path, sign, (words,))
    try:
        day = date.fromisoformat(iso_date(text))
    except ValueError:
        exact = typed(Field(name=".".join(path.names), type=FieldType.DATETIME), text)
        return Comparison(path, sign, (Moment(datetime.fromisoformat(str(exact))),))
    first, after = Moment(instant(day, calendar)), Moment(instant(day + timedelta(days=1), calendar))
    if sign == "=":
        return And((Comparison(path, ">=", (first,)), Comparison(path, "<", (after,))))
    bound = after if sign in (">", "<=") else first
    return Comparison(path, {">": ">=", "<=": "<"}.get(sign, sign), (bound,))


def _relative(text: str) -> DateLiteral | None:
    """`TODAY`, `LAST_N_DAYS:7` or `this week`; None for what is no such word. Raises BadFilter."""
    words = text.strip().upper().replace(" ", "_")
    if not _WORDS.fullmatch(words):
        return None
    try:
        found = parse_condition(f"CreatedDate = {words}")
    except SoqlError:
        raise BadFilter(f"{text[:40]} is no date") from None
    assert isinstance(found, Comparison)
    literal = found.right[0] if isinstance(found.right, tuple) else None
    if not isinstance(literal, DateLiteral):
        raise BadFilter(f"{text[:40]} is no date")
    return literal
