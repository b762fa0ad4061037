"""The table of field types: how each is stored, checked, compared and brought to its one canonical form.

Inside the product, and on the wire, a value has one form only, so that equal values look equal:

* text, picklists, ids, references: `str`; empty text is null (`None`), trailing space is dropped;
* multi-picklist: the chosen values joined by `;` in the picklist's own order;
* checkbox: `bool`; number, currency, percent, geolocation parts: `int` or `Decimal`, never `float`;
* date `2026-11-21`; time `10:30:00` with up to three decimals;
* datetime `2026-11-21T03:31:00+00:00`, UTC, whole seconds;
* base64: the text itself.

`canonical` is the door: it returns that form or raises `BadValue`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from fieldsync.base import ids, limits
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.schema.model import Field, FieldType

FieldValue = str | bool | int | Decimal | None
"""What a field holds, in canonical form."""


class BadValue(ValueError):
    """A value that its field does not take; `code` and `details` make the sync error."""

    def __init__(self, code: Code, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    def problem(self, object_name: str, record_id: str | None, column: str) -> Problem:
        """The sync error this value causes on a record."""
        return problem(self.code, object=object_name, id=record_id, field=column, **self.details)


@dataclass(frozen=True)
class TypeRow:
    """One row of the table of field types. `sql` is the PostgreSQL type; `check` takes a value that is not null."""

    sql: Callable[[Field], str]
    check: Callable[[Field, Any], FieldValue]
    expected: str


def canonical(field: Field, value: object) -> FieldValue:
    """`value` in the one form `field` stores; null for null and for empty text.

    Raises BadValue. A checkbox that is null is false, as on the platforms whose data is imported.
    """
    if value is None:
        return False if field.type is FieldType.CHECKBOX else None
    return TYPES[field.type].check(field, value)


def literal_default(field: Field) -> FieldValue:
    """The default that needs no formula: a checkbox's, the value a picklist marks, the sum of nothing."""
    if field.type is FieldType.CHECKBOX:
        return (field.default or "false").lower() == "true"
    if field.type is FieldType.PICKLIST:
        return next((v.value for v in field.values if v.default), None)
    if field.roll_up is not None and field.roll_up.operation in ("COUNT", "SUM"):
        return 0
    return None


def same(field: Field, left: FieldValue, right: FieldValue) -> bool:
    """Whether two canonical values count as equal in a conflict check (DESIGN 7, FEATURES K13)."""
    return left == right and (left is None) == (right is None)


def _refuse(field: Field, value: object) -> BadValue:
    shown = {bool: "a checkbox value", int: "a number", float: "a number", Decimal: "a number", str: "a text"}
    given = shown.get(type(value), "a list" if isinstance(value, list) else "an object")
    return BadValue(Code.WRONG_TYPE, expected=TYPES[field.type].expected, given=given)


_FORBIDDEN_TEXT = re.compile("[\x00\ud800-\udfff]")


def _text(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if _FORBIDDEN_TEXT.search(value):
        raise BadValue(Code.OUT_OF_RANGE, reason="it holds a character that cannot be stored")
    trimmed = value.rstrip()
    limit = field.length or DEFAULT_LENGTH.get(field.type, limits.TEXT_CHARS_MAX)
    if len(trimmed) > limit:
        raise BadValue(Code.TOO_LONG, length=len(trimmed), limit=limit)
    return trimmed or None


def _email(field: Field, value: Any) -> FieldValue:
    text = _text(field, value)
    if isinstance(text, str) and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", text):
        raise BadValue(Code.OUT_OF_RANGE, reason="it is not an e-mail address")
    return text


def _checkbox(field: Field, value: Any) -> FieldValue:
    if isinstance(value, bool):
        return value
    raise _refuse(field, value)


def _number(field: Field, value: Any) -> FieldValue:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _refuse(field, value)
    if isinstance(value, int) and abs(value) >= 10**limits.NUMBER_DIGITS_MAX:
        raise BadValue(Code.OUT_OF_RANGE, reason=f"more than {limits.NUMBER_DIGITS_MAX} digits")
    precision, scale = numeric_shape(field)
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or number.adjusted() >= limits.NUMBER_DIGITS_MAX:
            raise BadValue(Code.OUT_OF_RANGE, reason="it is not a number that can be stored")
        rounded = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    except InvalidOperation:
        raise BadValue(Code.OUT_OF_RANGE, reason="it is not a number that can be stored") from None
    if rounded and rounded.adjusted() >= precision - scale:
        raise BadValue(Code.OUT_OF_RANGE, reason=f"at most {precision - scale} digits before the point are allowed")
    return int(rounded) if scale == 0 else rounded or abs(rounded)


def _date(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if not value:
        return None
    try:
        if len(value) != 10:
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise BadValue(Code.WRONG_TYPE, expected=TYPES[field.type].expected, given="another text") from None
    return _year_in_range(day).isoformat()


def _datetime(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValue(Code.WRONG_TYPE, expected=TYPES[field.type].expected, given="another text") from None
    _year_in_range(moment.date())
    return moment.replace(microsecond=0).isoformat()


def _year_in_range(day: date) -> date:
    if not limits.YEAR_MIN <= day.year <= limits.YEAR_MAX:
        raise BadValue(Code.OUT_OF_RANGE, reason=f"years go from {limits.YEAR_MIN} to {limits.YEAR_MAX}")
    return day


def _time(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if not value:
        return None
    try:
        moment = time.fromisoformat(value.removesuffix("Z"))
        if moment.tzinfo is not None:
            raise ValueError
    except ValueError:
        raise BadValue(Code.WRONG_TYPE, expected=TYPES[field.type].expected, given="another text") from None
    text = moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat()
    return text.rstrip("0") if "." in text else text


def _picklist(field: Field, value: Any) -> FieldValue:
    text = _text(field, value)
    if text is not None and field.restricted and not any(v.value == text and v.active for v in field.values):
        raise BadValue(Code.PICKLIST, value=text)
    return text


def _multi_picklist(field: Field, value: Any) -> FieldValue:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        value = ";".join(value)
    text = _text(field, value)
    if not isinstance(text, str):
        return None
    chosen = {part.strip() for part in text.split(";")} - {""}
    order = {v.value: i for i, v in enumerate(field.values)}
    for part in sorted(chosen - order.keys()):
        if field.restricted:
            raise BadValue(Code.PICKLIST, value=part)
    return ";".join(sorted(chosen, key=lambda part: (order.get(part, len(order)), part))) or None


def _reference(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if not value:
        return None
    try:
        return ids.parse(value)
    except ids.BadId as bad:
        raise BadValue(Code.INVALID_REF, value=value[:40], reason=str(bad)) from None


def _base64(field: Field, value: Any) -> FieldValue:
    if not isinstance(value, str):
        raise _refuse(field, value)
    if len(value) > limits.BASE64_CHARS_MAX:
        raise BadValue(Code.TOO_LONG, length=len(value), limit=limits.BASE64_CHARS_MAX)
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        raise BadValue(Code.WRONG_TYPE, expected=TYPES[field.type].expected, given="another text") from None
    return value or None


def _computed(field: Field, value: Any) -> FieldValue:
    raise BadValue(Code.READ_ONLY_FIELD)


def numeric_shape(field: Field) -> tuple[int, int]:
    """(precision, scale) of a numeric field: digits in all, and digits after the point."""
    default_scale = 7 if field.type is FieldType.GEOLOCATION else 2 if _sums_up(field) else 0
    return field.precision or limits.NUMBER_DIGITS_MAX, default_scale if field.scale is None else field.scale


def _sums_up(field: Field) -> bool:
    """A roll-up of values; a count has no digits after the point."""
    return field.type is FieldType.ROLL_UP and (field.roll_up is None or field.roll_up.operation != "COUNT")


def _numeric_sql(field: Field) -> str:
    precision, scale = numeric_shape(field)
    return f"numeric({precision},{scale})"


def _roll_up_sql(field: Field) -> str:
    """The earliest or latest of dates is a date; every other roll-up is a number."""
    returns = field.formula_returns
    return _numeric_sql(field) if returns in (None, FieldType.ROLL_UP) else TYPES[returns].sql(field)


def _id_sql(_: Field) -> str:
    return 'character varying(18) COLLATE "C"'


DEFAULT_LENGTH = {
    FieldType.TEXT: 255,
    FieldType.PICKLIST: 255,
    FieldType.MULTI_PICKLIST: 4_099,
    FieldType.EMAIL: 80,
    FieldType.PHONE: 40,
    FieldType.URL: 255,
    FieldType.AUTO_NUMBER: 30,
}

TYPES: dict[FieldType, TypeRow] = {
    FieldType.ID: TypeRow(_id_sql, _reference, "a record id"),
    FieldType.TEXT: TypeRow(lambda _: "text", _text, "a text"),
    FieldType.LONG_TEXT: TypeRow(lambda _: "text", _text, "a text"),
    FieldType.PICKLIST: TypeRow(lambda _: "text", _picklist, "one value of its list"),
    FieldType.MULTI_PICKLIST: TypeRow(lambda _: "text", _multi_picklist, "values of its list joined by ;"),
    FieldType.CHECKBOX: TypeRow(lambda _: "boolean", _checkbox, "true or false"),
    FieldType.NUMBER: TypeRow(_numeric_sql, _number, "a number"),
    FieldType.CURRENCY: TypeRow(_numeric_sql, _number, "a number"),
    FieldType.PERCENT: TypeRow(_numeric_sql, _number, "a number"),
    FieldType.DATE: TypeRow(lambda _: "date", _date, "a date like 2026-11-21"),
    FieldType.DATETIME: TypeRow(lambda _: "timestamp(0) with time zone", _datetime, "a date and time with its zone"),
    FieldType.TIME: TypeRow(lambda _: "time(3)", _time, "a time like 10:30:00"),
    FieldType.EMAIL: TypeRow(lambda _: "text", _email, "an e-mail address"),
    FieldType.PHONE: TypeRow(lambda _: "text", _text, "a text"),
    FieldType.URL: TypeRow(lambda _: "text", _text, "a text"),
    FieldType.LOOKUP: TypeRow(_id_sql, _reference, "a record id"),
    FieldType.MASTER_DETAIL: TypeRow(_id_sql, _reference, "a record id"),
    FieldType.AUTO_NUMBER: TypeRow(lambda _: "text", _computed, "nothing: it is set by the system"),
    FieldType.FORMULA: TypeRow(lambda _: "text", _computed, "nothing: it is computed"),
    FieldType.ROLL_UP: TypeRow(_roll_up_sql, _computed, "nothing: it is computed"),
    FieldType.BASE64: TypeRow(lambda _: "text", _base64, "base64 text"),
    FieldType.GEOLOCATION: TypeRow(_numeric_sql, _number, "a number"),
}
