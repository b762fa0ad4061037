"""Values as they are written: texts with escapes, numbers, dates, tokens. From text to a node, and back for texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeVar

from fieldsync.base.limits import YEAR_MAX, YEAR_MIN
from fieldsync.soql import limits
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.nodes import Bind, Boolean, Currency, DateLiteral, Moment, Null, Number, Text, Value

DIGITS_MAX = 60
T = TypeVar("T")

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|[\s\S])")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_LIKE_ONLY = "%_"
_VALID_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[nrtbfNRTBF\"'\\%_])|[\\']")
_SURROGATE = re.compile("[\ud800-\udfff\x00]")


def escape(text: str) -> str:
    """`text` made safe to stand between quotes; what is an escape already stays one.

    For a value that is data and no query text, bind it instead.
    """
    return _VALID_ESCAPE.sub(lambda found: "\\" + found[0] if len(found[0]) == 1 else found[0], text)


def unescape(raw: str, at: Position) -> str:
    """What stands between the quotes, with escapes resolved."""

    def resolve(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code in _LIKE_ONLY:
            return found[0]
        if code.lower() not in _SIMPLE:
            raise SoqlError(f"\\{code} is no escape; a backslash itself is written \\\\.", at)
        return _SIMPLE[code.lower()]

    text = _ESCAPE.sub(resolve, raw)
    if _SURROGATE.search(text):
        raise SoqlError("This text holds a character that cannot be stored.", at)
    return text


def _text(raw: str, at: Position) -> Value:
    return Text(unescape(raw[1:-1], at), at)


def number(raw: str, at: Position) -> int | Decimal:
    """A number as written; more digits than any field holds are refused."""
    if len(raw) > DIGITS_MAX:
        raise SoqlError("This number has too many digits.", at)
    return Decimal(raw) if "." in raw else int(raw)


def _number(raw: str, at: Position) -> Value:
    return Number(number(raw, at), at)


def _currency(raw: str, at: Position) -> Value:
    return Currency(raw[:3].upper(), number(raw[3:], at), at)


def _date(raw: str, at: Position) -> Value:
    return Moment(_in_range(_read(date.fromisoformat, raw, at), at), at)


def _datetime(raw: str, at: Position) -> Value:
    moment = _read(datetime.fromisoformat, raw.upper().replace("Z", "+00:00"), at)
    _in_range(moment.date(), at)
    return Moment(moment.astimezone(UTC).replace(microsecond=0), at)


def _time(raw: str, at: Position) -> Value:
    return Moment(_read(time.fromisoformat, raw.upper().removesuffix("Z"), at), at)


def _read(reader: Callable[[str], T], raw: str, at: Position) -> T:
    try:
        return reader(raw)
    except (ValueError, OverflowError):
        raise SoqlError(f"{raw} is no date or time of the calendar.", at) from None


def _in_range(day: date, at: Position) -> date:
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise SoqlError(f"Years go from {YEAR_MIN} to {YEAR_MAX}.", at)
    return day


def _date_literal(raw: str, at: Position) -> Value:
    name, _, digits = raw.upper().partition(":")
    if not digits:
        return DateLiteral(name, None, at)
    if len(digits) > 4 or int(digits) > limits.PERIODS_MAX:
        raise SoqlError(f"{name} goes up to {limits.PERIODS_MAX}.", at)
    return DateLiteral(name, int(digits), at)


def bind_of(raw: str, at: Position) -> Bind:
    """`:name`, `@@USER_ID@@` or `{USER.ID}`."""
    if raw.startswith(":"):
        return Bind(raw[1:].strip(), token=False, at=at)
    return Bind(token_name(raw), token=True, at=at)


def token_name(raw: str) -> str:
    """The one name of a token in either notation: `{USER.ID}` and `@@USER_ID@@` are USER_ID."""
    return raw.strip("@{}").replace(".", "_").upper()


READERS: dict[str, Callable[[str, Position], Value]] = {
    "STRING": _text,
    "NUMBER": _number,
    "CURRENCY": _currency,
    "DATE": _date,
    "DATETIME": _datetime,
    "TIME": _time,
    "DATE_LITERAL": _date_literal,
    "BOOLEAN": lambda raw, at: Boolean(raw.lower() == "true", at),
    "NULL": lambda _, at: Null(at),
    "BIND_NAME": bind_of,
    "TOKEN": bind_of,
}
"""Terminal of the grammar to what reads it."""
