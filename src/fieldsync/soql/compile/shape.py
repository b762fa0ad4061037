"""The shape of an answer: from the flat rows of a statement to records, the same from either database.

A record is a dict by field name; a relationship is a dict inside it, null when there is no parent. Values have the
canonical form of `schema.fields`, so a date is `2026-11-21` and a number an `int` or `Decimal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from fieldsync.schema.fields import numeric_shape
from fieldsync.soql.bound import Aggregate, BoundExpression, Column, DistanceTo, Label, Output
from fieldsync.soql.functions import Kind

Record = dict[str, Any]
"""Field values (`schema.fields.FieldValue`), records of parents, and lists of child records."""
Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """How a row becomes a record. `hops` are the columns that hold the ids of parents, by place in the record."""

    columns: tuple[tuple[tuple[str, ...], Decode], ...]
    hops: tuple[tuple[tuple[str, ...], int], ...]

    def record(self, row: Sequence[Any]) -> Record:
        """The record of one row."""
        absent = {keys for keys, place in self.hops if row[place] is None}
        found: Record = {}
        for (keys, decode), value in zip(self.columns, row, strict=False):
            self._put(found, keys, absent, decode(value))
        return found

    def _put(self, record: Record, keys: tuple[str, ...], absent: set[tuple[str, ...]], value: Any) -> None:
        for depth, key in enumerate(keys[:-1], 1):
            if keys[:depth] in absent:
                record[key] = None
                return
            record = record.setdefault(key, {})
        record[keys[-1]] = value


def shape_of(outputs: Sequence[Output], hops: Mapping[tuple[str, ...], int]) -> Shape:
    """The shape of a statement whose first columns are the outputs."""
    return Shape(tuple((o.keys, decoder(o.expression)) for o in outputs), tuple(hops.items()))


def decoder(expression: BoundExpression) -> Decode:
    """What brings a database's value of this expression to its canonical form."""
    match expression.kind:
        case Kind.BOOLEAN:
            return lambda value: None if value is None else bool(value)
        case Kind.NUMBER:
            return _number(_scale(expression))
        case Kind.DATE | Kind.DATETIME | Kind.TIME:
            return _moment
        case _:
            return lambda value: None if value is None or value == "" else str(value)


def _scale(expression: BoundExpression) -> int | None:
    match expression:
        case Column():
            return numeric_shape(expression.field)[1]
        case Aggregate(function="SUM" | "MIN" | "MAX", of=Column()):
            assert isinstance(expression.of, Column)
            return _scale(expression.of)
        case Aggregate(function="AVG") | DistanceTo() | Label():
            return None
        case _:
            return 0


def _number(scale: int | None) -> Decode:
    def decode(value: Any) -> int | Decimal | None:
        if value is None:
            return None
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if scale is None:
            return int(number) if number == number.to_integral_value() else number.normalize()
        return int(number) if scale == 0 else number.quantize(Decimal(1).scaleb(-scale))

    return decode


def _moment(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        text = value.isoformat()
        return text.rstrip("0") if "." in text else text
    return None if value is None or value == "" else str(value)
