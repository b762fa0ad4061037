"""Values of every type, each spelled twice, and another value: what counts as equal (FEATURES K13), made at random."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from fieldsync.schema.model import Field, FieldType, PicklistValue

LETTERS = ("Red", "Green", "Blue", "Black")
VALUES = tuple(PicklistValue(value=one) for one in LETTERS)
FIELDS = (
    Field(name="F_Text", type=FieldType.TEXT, length=60),
    Field(name="F_Long", type=FieldType.LONG_TEXT, length=500),
    Field(name="F_Number", type=FieldType.NUMBER, precision=10, scale=2),
    Field(name="F_Whole", type=FieldType.NUMBER, precision=10, scale=0),
    Field(name="F_Check", type=FieldType.CHECKBOX),
    Field(name="F_Moment", type=FieldType.DATETIME),
    Field(name="F_Date", type=FieldType.DATE),
    Field(name="F_Time", type=FieldType.TIME),
    Field(name="F_Many", type=FieldType.MULTI_PICKLIST, values=VALUES),
    Field(name="F_One", type=FieldType.PICKLIST, values=VALUES),
)


@dataclass(frozen=True)
class Spelled:
    """`one` and `two` are the same value of `field`, written differently; `other` is another."""

    field: Field
    one: Any
    two: Any
    other: Any


def spelled() -> st.SearchStrategy[Spelled]:
    """A field, and values of its type."""
    return st.sampled_from(FIELDS).flatmap(_of)


def _of(field: Field) -> st.SearchStrategy[Spelled]:
    pairs: dict[FieldType, st.SearchStrategy[tuple[Any, Any, Any]]] = {
        FieldType.TEXT: _texts(),
        FieldType.LONG_TEXT: _texts(),
        FieldType.NUMBER: _numbers(field.scale or 0),
        FieldType.CHECKBOX: st.booleans().map(lambda b: (b, b or None, not b)),
        FieldType.DATETIME: _moments(),
        FieldType.DATE: st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(
            lambda d: (d.isoformat(), d.isoformat(), (d + timedelta(days=1)).isoformat())
        ),
        FieldType.TIME: _times(),
        FieldType.MULTI_PICKLIST: _choices(),
        FieldType.PICKLIST: st.permutations(LETTERS).map(lambda p: (p[0], p[0] + " ", p[1])),
    }
    empty = st.sampled_from([(None, "", _FILLED.get(field.type)), ("", None, _FILLED.get(field.type))])
    has_empty = field.type not in (FieldType.CHECKBOX, FieldType.NUMBER)
    found = st.one_of(pairs[field.type], empty) if has_empty else pairs[field.type]
    return found.map(lambda values: Spelled(field, *values))


_FILLED: dict[FieldType, object] = {
    FieldType.TEXT: "filled",
    FieldType.LONG_TEXT: "filled",
    FieldType.DATETIME: "2026-03-02T08:00:00+00:00",
    FieldType.DATE: "2026-03-02",
    FieldType.TIME: "08:00:00",
    FieldType.MULTI_PICKLIST: "Red",
    FieldType.PICKLIST: "Red",
}


def _texts() -> st.SearchStrategy[tuple[str, str, str]]:
    plain = st.characters(exclude_categories=("Cs", "Cc"))
    space = st.text(st.sampled_from(" \t\n"), max_size=4)
    words = st.text(plain, max_size=40).map(str.rstrip)
    return st.tuples(words, space, space).map(lambda t: (t[0] + t[1], t[0] + t[2], t[0] + "x"))


def _numbers(scale: int) -> st.SearchStrategy[tuple[Any, Any, Any]]:
    def spell(n: int) -> st.SearchStrategy[tuple[Any, Any, Any]]:
        value = Decimal(n).scaleb(-scale)
        whole = [int(value)] if value == int(value) else []
        spellings = [value, Decimal(f"{value:.{scale + 3}f}"), float(value), *whole]
        other = Decimal(n + 1).scaleb(-scale)
        return st.tuples(st.sampled_from(spellings), st.sampled_from(spellings), st.just(other))

    return st.integers(-(10**7), 10**7).flatmap(spell)


def _moments() -> st.SearchStrategy[tuple[str, str, str]]:
    moments = st.integers(-600_000_000, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
    zones = st.integers(-12 * 4, 14 * 4).map(lambda q: timezone(timedelta(minutes=15 * q)))
    micros = st.integers(0, 999_999)

    def spell(parts: tuple[datetime, timezone, int]) -> tuple[str, str, str]:
        moment, zone, micro = parts
        local = (moment + timedelta(microseconds=micro)).astimezone(zone).isoformat()
        plain = moment.isoformat().replace("+00:00", "Z")
        return plain, local, (moment + timedelta(seconds=1)).isoformat()

    return st.tuples(moments, zones, micros).map(spell)


def _times() -> st.SearchStrategy[tuple[str, str, str]]:
    def spell(parts: tuple[int, int, int, int]) -> tuple[str, str, str]:
        hour, minute, second, milli = parts
        stem = f"{hour:02}:{minute:02}:{second:02}"
        other = f"{(hour + 1) % 24:02}:{minute:02}:{second:02}"
        return f"{stem}.{milli:03}", f"{stem}.{milli:03}000Z", other

    return st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999)).map(spell)


def _choices() -> st.SearchStrategy[tuple[Any, Any, Any]]:
    def spell(parts: tuple[list[str], list[str]]) -> tuple[Any, Any, Any]:
        chosen, shuffled = parts[0], [one for one in parts[1] if one in parts[0]]
        rest = [one for one in LETTERS if one not in chosen]
        other = ";".join(rest) if rest else LETTERS[0]
        return ";".join(chosen), [*shuffled, shuffled[0]], other

    some = st.lists(st.sampled_from(LETTERS), min_size=1, unique=True)
    return st.tuples(some, st.permutations(LETTERS)).map(spell)
