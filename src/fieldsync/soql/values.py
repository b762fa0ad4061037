"""What the values of a condition are when it runs: binds and tokens filled in, date literals as stretches of time.

Both back-ends compare the values made here, so they cannot disagree about them. Texts compare folded (`fold`), numbers
as `int` or `Decimal`, dates and times as their own types, in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from fieldsync.base import ids
from fieldsync.soql import limits
from fieldsync.soql.bound import BoundCondition, Operand, Template
from fieldsync.soql.dates import Calendar, days_of, instant, today
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Bind, DateLiteral, Null

Plain = str | bool | int | Decimal | date | datetime | time | None
"""A value as a caller binds it: ISO texts may stand for dates and times."""
Scalar = str | bool | int | Decimal | date | datetime | time


@dataclass(frozen=True)
class Stretch:
    """A stretch of days, or of time: `first` belongs to it, `after` no more."""

    first: date | datetime
    after: date | datetime


Ground = Scalar | Stretch | None
UTC_CALENDAR = Calendar()
DIGITS_MAX, BITS_MAX = 60, 200
"""Larger or smaller numbers than any field holds are refused before they cost anything."""
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True)
class Context:
    """What a query is run with."""

    now: datetime
    calendar: Calendar = UTC_CALENDAR
    values: Mapping[str, Plain | Sequence[Plain]] = field(default_factory=dict)
    """Bind variables by name as written, tokens in capitals (`USER_ID`); either a value or a list of values."""
    restrict: Callable[[str], BoundCondition | None] | None = None
    """A condition that rows of an object must meet beside the query's own: sharing, scope."""


@dataclass(frozen=True)
class Slot:
    """A value that another context fills in anew, in a statement that is written once for many: `whose` it is, how it
    is made, and what it is in the context the statement was written with."""

    whose: str
    made: Callable[[Context], Scalar | Sequence[Scalar]]
    here: Scalar | Sequence[Scalar]

    def then(self, step: Callable[[Any], Any]) -> Slot:
        """What a step makes of it."""
        return Slot(self.whose, lambda context: step(self.made(context)), step(self.here))


def ground(operands: Sequence[Operand], kind: Kind, context: Context, *, like: bool = False) -> list[Ground]:
    """The values an expression of this kind is compared with; a bound list counts as its values.

    With `like` they are patterns, in which what a token brings stands for itself. Raises SoqlError.
    """
    return [value for operand in operands for value in _grounded(operand, kind, context, like=like)]


def _grounded(operand: Operand, kind: Kind, context: Context, *, like: bool) -> Iterator[Ground]:
    match operand:
        case Null():
            yield None
        case Bind():
            yield from (_coerced(value, kind, operand.at) for value in bound_values(operand, context))
        case Template():
            yield from _filled(operand, kind, context, like=like)
        case DateLiteral():
            yield _stretch(operand, kind, context)
        case _:
            yield _coerced(operand.value, kind, operand.at)


def bound_values(bind: Bind, context: Context) -> Sequence[Plain]:
    """What a bind variable or token brings. Raises SoqlError."""
    if bind.name not in context.values:
        raise SoqlError(f"No value was given for {bind.name}.", bind.at)
    given = context.values[bind.name]
    values: Sequence[Plain] = given if isinstance(given, list | tuple) else [given]  # type: ignore[list-item]
    if len(values) > limits.BIND_VALUES_MAX:
        raise SoqlError(f"{bind.name} may bring {limits.BIND_VALUES_MAX} values, not {len(values)}.", bind.at)
    return values


def _filled(template: Template, kind: Kind, context: Context, *, like: bool) -> Iterator[Ground]:
    """The text with its tokens replaced; a token with several values gives several texts."""
    texts = [""]
    for part in template.parts:
        values = [part] if isinstance(part, str) else [_inserted(v, like=like) for v in bound_values(part, context)]
        if len(texts) * len(values) > limits.PATTERNS_MAX:
            raise SoqlError(f"The tokens of this text may make {limits.PATTERNS_MAX} texts.", template.at)
        texts = [text + value for text in texts for value in values]
    yield from (_coerced(text, kind, template.at) for text in texts)


def _inserted(value: Plain, *, like: bool) -> str:
    text = "" if value is None else str(value)
    return re.sub(r"[\\%_]", r"\\\g<0>", text) if like else text


def _stretch(literal: DateLiteral, kind: Kind, context: Context) -> Stretch:
    calendar = context.calendar
    days = days_of(literal.name, literal.count, today(context.now, calendar), calendar)
    if kind is Kind.DATE:
        return Stretch(days.first, days.after)
    return Stretch(instant(days.first, calendar), instant(days.after, calendar))


def _coerced(value: Plain, kind: Kind, at: Position) -> Scalar | None:
    if value is None or value == "":
        return None
    found = _READERS[kind](value)
    if found is None:
        raise SoqlError(f"This takes a {kind}, not a {type(value).__name__}.", at)
    return found


def _text(value: Plain) -> Scalar | None:
    return fold(value) if isinstance(value, str) and not _UNSTORABLE.search(value) else None


def _id(value: Plain) -> Scalar | None:
    if not isinstance(value, str) or _UNSTORABLE.search(value):
        return None
    try:
        return ids.parse(value)
    except ids.BadId:
        return value


def _multi(value: Plain) -> Scalar | None:
    return value if isinstance(value, str) and not _UNSTORABLE.search(value) else None


def _boolean(value: Plain) -> Scalar | None:
    return value if isinstance(value, bool) else None


def _number(value: Plain) -> Scalar | None:
    if isinstance(value, Decimal):
        return value if value.is_finite() and abs(value.adjusted()) < DIGITS_MAX else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < BITS_MAX else None


def _date(value: Plain) -> Scalar | None:
    if isinstance(value, str):
        return _iso(date.fromisoformat, value)
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _datetime(value: Plain) -> Scalar | None:
    moment = _iso(datetime.fromisoformat, value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return None
    return moment.astimezone(UTC).replace(microsecond=0)


def _time(value: Plain) -> Scalar | None:
    if isinstance(value, str):
        return _iso(time.fromisoformat, value.removesuffix("Z"))
    return value if isinstance(value, time) else None


def _iso(reader: Callable[[str], Scalar], text: str) -> Scalar | None:
    try:
        return reader(text)
    except ValueError:
        return None


def _never(_: Plain) -> Scalar | None:
    return None


_READERS: dict[Kind, Callable[[Plain], Scalar | None]] = {
    Kind.TEXT: _text,
    Kind.LONG_TEXT: _never,
    Kind.ID: _id,
    Kind.MULTI: _multi,
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIME: _time,
    Kind.LOCATION: _never,
    Kind.BINARY: _never,
}

_DOTTED_I = "\u0130"


def fold(text: str) -> str:
    """`text` in small letters as PostgreSQL's `lower` writes it: letter by letter, never longer or shorter."""
    lowered = text.lower()
    if len(lowered) == len(text) and "\u03c2" not in lowered:
        return lowered
    return "".join("i" if char == _DOTTED_I else char.lower() for char in text)


@dataclass(frozen=True)
class Pattern:
    """A LIKE pattern in one form for both databases: wildcards bare, everything else escaped by a backslash."""

    text: str
    matches_empty: bool


def pattern_of(folded: str, at: Position) -> Pattern:
    """A LIKE pattern as written: `%`, `_`, and a backslash before either for the sign itself. Raises SoqlError."""
    if len(folded) > limits.LIKE_CHARS_MAX:
        raise SoqlError(f"A pattern may have {limits.LIKE_CHARS_MAX} characters.", at)
    out: list[str] = []
    chars = iter(folded)
    for char in chars:
        if char == "\\":
            literal = next(chars, "\\")
            out.append("\\" + literal if literal in "\\%_" else literal)
        elif not (char == "%" and out and out[-1] == "%"):
            out.append(char)
    if out.count("%") > limits.LIKE_WILDCARDS_MAX:
        raise SoqlError(f"A pattern may have {limits.LIKE_WILDCARDS_MAX} signs %.", at)
    return Pattern("".join(out), set(out) <= {"%"})


RADIUS = {"km": Decimal("6371.0088"), "mi": Decimal("3958.761316")}
"""Mean radius of the earth."""
