"""Display formats of auto-numbers: `C-{00000000}`, `I-{YYYY}-{0000}`. Pure; who counts is the database's business.

A format is literal text with exactly one counter, a group of zeros in braces whose length is the least number of
digits, and any number of date groups: `{YYYY}`, `{YY}`, `{MM}`, `{DD}`. A number wider than its zeros is not cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_GROUP = re.compile(r"\{([^{}]*)\}")
_DATES = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d"}
COUNTER_DIGITS_MAX = 10


class BadFormat(ValueError):
    """A text that is not a display format; the message says why."""


@dataclass(frozen=True)
class Literal:
    """Text that appears as it is."""

    text: str


@dataclass(frozen=True)
class Counter:
    """The number, filled up with zeros to `digits`."""

    digits: int


@dataclass(frozen=True)
class DatePart:
    """A part of the day the record is created: one of YYYY, YY, MM, DD."""

    name: str


Part = Literal | Counter | DatePart


@lru_cache(maxsize=1_000)
def parse(display_format: str) -> tuple[Part, ...]:
    """The parts of a display format in order. Raises BadFormat."""
    parts: list[Part] = []
    end = 0
    for group in _GROUP.finditer(display_format):
        parts += _literal(display_format[end : group.start()])
        parts.append(_group(group[1]))
        end = group.end()
    parts += _literal(display_format[end:])
    if sum(isinstance(part, Counter) for part in parts) != 1:
        raise BadFormat("it must hold the counter exactly once, as zeros in braces like {0000}")
    return tuple(parts)


def format_number(display_format: str, number: int, today: date) -> str:
    """What the record shows. `today` is the day of creation in UTC. Raises BadFormat for a format that is none."""
    return "".join(_shown(part, number, today) for part in parse(display_format))


def _shown(part: Part, number: int, today: date) -> str:
    match part:
        case Literal(text):
            return text
        case Counter(digits):
            return f"{number:0{digits}d}"
        case DatePart("YYYY"):
            return f"{today.year:04d}"
        case DatePart(name):
            return today.strftime(_DATES[name])


def _literal(text: str) -> list[Part]:
    if "{" in text or "}" in text:
        raise BadFormat("a brace in it is not closed or not opened")
    return [Literal(text)] if text else []


def _group(name: str) -> Part:
    if name and not name.strip("0"):
        if len(name) > COUNTER_DIGITS_MAX:
            raise BadFormat(f"its counter has more than {COUNTER_DIGITS_MAX} digits")
        return Counter(len(name))
    if name in _DATES:
        return DatePart(name)
    raise BadFormat(f"{{{name}}} is none of {{0}}, {{YYYY}}, {{YY}}, {{MM}} and {{DD}}")
