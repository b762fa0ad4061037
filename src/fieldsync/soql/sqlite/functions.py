"""Functions that a SQLite connection must have before a compiled query runs on it: one table of them.

SQLite folds only ASCII, adds numbers as binary fractions, and knows no time zones. Numbers come as INTEGER, REAL, or
TEXT where a REAL would lose digits (`device/store/values.py`), and go back the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from fieldsync.soql.sqlite import letters
from fieldsync.soql.values import RADIUS, fold

Stored = str | int | float | None
_WIDE = Context(prec=200)
_PLACES = 60
_OFFSET = 10 ** (2 * _PLACES)


def stored(number: Decimal | int | None) -> Stored:
    """A number as SQLite holds it without losing a digit."""
    if number is None or (isinstance(number, int) and -(2**63) <= number < 2**63):
        return number
    decimal = Decimal(number)
    if decimal == decimal.to_integral_value() and abs(decimal) < 2**63:
        return int(decimal)
    near = float(decimal)
    return near if Decimal(repr(near)) == decimal else str(decimal)


def exact(value: Any) -> Decimal:
    """The number that SQLite holds."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def number_key(value: Any) -> str | None:
    """A text that sorts as the number does, however many digits it has."""
    if value is None:
        return None
    whole = int(_WIDE.scaleb(exact(value), _PLACES).to_integral_value(context=_WIDE))
    return f"{whole + _OFFSET:0{2 * _PLACES + 1}d}"


def fold_text(value: Any) -> str | None:
    """A text as it compares."""
    return None if value is None else fold(str(value))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_time(value: Any, zone: str) -> str | None:
    """A date and time as the clock shows it in a zone, without offset."""
    if not value:
        return None
    return datetime.fromisoformat(value).astimezone(_zone(zone)).replace(tzinfo=None).isoformat()


def distance(latitude: Any, longitude: Any, to_latitude: Any, to_longitude: Any, unit: str) -> Stored:
    """Distance on the globe by the haversine formula, to six decimals."""
    if latitude is None or longitude is None:
        return None
    here_latitude, here_longitude, there_latitude, there_longitude = (
        math.radians(exact(v)) for v in (latitude, longitude, to_latitude, to_longitude)
    )
    chord = math.sin((there_latitude - here_latitude) / 2) ** 2
    chord += math.cos(here_latitude) * math.cos(there_latitude) * math.sin((there_longitude - here_longitude) / 2) ** 2
    length = math.asin(min(1.0, math.sqrt(chord))) * float(2 * RADIUS[unit])
    return stored(Decimal(repr(length)).quantize(Decimal("0.000001"), ROUND_HALF_UP))


class _Total:
    """SUM and AVG without losing a digit. A group without numbers has neither."""

    def __init__(self) -> None:
        self.total = Decimal(0)
        self.count = 0

    def step(self, value: Any) -> None:
        if value is not None:
            self.total = _WIDE.add(self.total, exact(value))
            self.count += 1


class Sum(_Total):
    """SUM."""

    def final(self) -> Stored:
        return stored(self.total) if self.count else None


class Average(_Total):
    """AVG, to eight decimals."""

    def final(self) -> Stored:
        if not self.count:
            return None
        mean = _WIDE.divide(self.total, Decimal(self.count))
        return stored(mean.quantize(Decimal("1e-8"), ROUND_HALF_UP, context=_WIDE))


class _Extreme:
    """The value whose key comes first or last."""

    def __init__(self) -> None:
        self.found: tuple[Any, Any] | None = None

    def key(self, value: Any) -> Any:
        raise NotImplementedError

    def better(self, new: Any, old: Any) -> bool:
        raise NotImplementedError

    def step(self, value: Any) -> None:
        if value is None or value == "":
            return
        key = self.key(value)
        if self.found is None or self.better(key, self.found[0]):
            self.found = (key, value)

    def final(self) -> Stored:
        return None if self.found is None else self.found[1]


class FirstText(_Extreme):
    """MIN of texts."""

    def key(self, value: Any) -> Any:
        return (fold(value), value)

    def better(self, new: Any, old: Any) -> bool:
        return bool(new < old)


class LastText(FirstText):
    """MAX of texts."""

    def better(self, new: Any, old: Any) -> bool:
        return bool(new > old)


class Least(_Extreme):
    """MIN of numbers."""

    def key(self, value: Any) -> Any:
        return exact(value)

    def better(self, new: Any, old: Any) -> bool:
        return bool(new < old)


class Greatest(Least):
    """MAX of numbers."""

    def better(self, new: Any, old: Any) -> bool:
        return bool(new > old)


SCALARS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "soql_fold": (fold_text, 1),
    "soql_key": (number_key, 1),
    "soql_local": (local_time, 2),
    "soql_distance": (distance, 5),
}
"""Name to function and number of arguments; all are deterministic."""

INDEXED: Mapping[str, tuple[Callable[..., Any], int]] = {letters.FUNCTION: (letters.sorting, 2)}
"""The same, of those that an index may stand on: they look at nothing but their arguments, and do no harm."""
_INNOCUOUS = 0x200000

AGGREGATES: Mapping[str, tuple[Callable[[], Any], int]] = {
    "soql_sum": (Sum, 1),
    "soql_avg": (Average, 1),
    "soql_first_text": (FirstText, 1),
    "soql_last_text": (LastText, 1),
    "soql_least": (Least, 1),
    "soql_greatest": (Greatest, 1),
}
"""Name to a class with `step` and `final`, and number of arguments."""


class Connection(Protocol):
    """What apsw's connection offers for this."""

    def create_scalar_function(
        self, name: str, callable: Any, numargs: int = -1, *, deterministic: bool = False, flags: int = 0
    ) -> None: ...
    def create_aggregate_function(self, name: str, factory: Any, numargs: int = -1) -> None: ...


def register(connection: Connection) -> None:
    """Gives an apsw connection the functions. Once for each connection, when it is opened."""
    for name, (function, count) in SCALARS.items():
        connection.create_scalar_function(name, function, count, deterministic=True)
    for name, (function, count) in INDEXED.items():
        connection.create_scalar_function(name, function, count, deterministic=True, flags=_INNOCUOUS)
    for name, (factory, count) in AGGREGATES.items():
        connection.create_aggregate_function(name, factory, count)
