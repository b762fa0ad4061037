"""How a column's type may change: PostgreSQL's text for the old and new type in, the conversion out. Pure.

A conversion that keeps every value is safe; any other loses data and needs `--allow-drop`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)\Z")
_SHORT_TIME = re.compile(r"time\((\d)\)\Z")
_INSTANT = "timestamp(0) with time zone"
_DATE = "date"
_BOOLEAN = "boolean"
_TEXT = "text"
_INSTANT_TEXT = """to_char({c} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""


@dataclass(frozen=True)
class Conversion:
    """`using` is the SQL expression that gives the new value; `safe` when no value is lost or refused."""

    using: str
    safe: bool


def normal(type_text: str) -> str:
    """A column type as PostgreSQL itself writes it."""
    return _SHORT_TIME.sub(r"time(\1) without time zone", type_text)


def conversion(old: str, new: str, column: str) -> Conversion:
    """How to bring `column` (quoted) from type `old` to `new`, both in normal form and different."""
    if new == _TEXT:
        return Conversion(_INSTANT_TEXT.format(c=column) if old == _INSTANT else f"{column}::text", True)
    old_number, new_number = _NUMERIC.match(old), _NUMERIC.match(new)
    if old_number and new_number:
        wider = int(new_number[2]) >= int(old_number[2]) and _whole(new_number) >= _whole(old_number)
        return Conversion(f"{column}::{new}", wider)
    if (old, new) == (_DATE, _INSTANT):
        return Conversion(f"{column}::timestamp AT TIME ZONE 'UTC'", True)
    if (old, new) == (_INSTANT, _DATE):
        return Conversion(f"({column} AT TIME ZONE 'UTC')::date", False)
    if old == _BOOLEAN and new_number and _whole(new_number) > 0:
        return Conversion(f"({column}::int)::{new}", True)
    return _doubtful(old, new, column)


def _doubtful(old: str, new: str, column: str) -> Conversion:
    """From text PostgreSQL reads what it can, and the deploy fails on the first value it cannot read. Between other
    types nothing can be kept."""
    fallback = "false" if new == _BOOLEAN else "NULL"
    if old == _TEXT:
        return Conversion(f"COALESCE(NULLIF({column}, '')::{new}, {fallback})", False)
    return Conversion(f"{fallback}::{new}", False)


def _whole(number: re.Match[str]) -> int:
    """Digits before the point."""
    return int(number[1]) - int(number[2])
