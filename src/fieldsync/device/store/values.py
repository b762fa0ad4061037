"""Field values between Python and SQLite, so that the device equals the server field by field.

Number columns have no affinity: whole numbers are INTEGER; others REAL when the shortest text of the float is exactly
the number, TEXT otherwise (`connect._bind`). Reading brings them back to `int`, or to `Decimal` with the field's scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import BadValue, FieldValue, canonical, numeric_shape
from fieldsync.schema.model import Field, FieldType

NUMERIC = frozenset({FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.ROLL_UP, FieldType.GEOLOCATION})
Fix = Callable[[Any], FieldValue]

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def column_type(field: Field) -> str:
    """The declared type of a column; none for numbers, so that SQLite changes nothing."""
    if field.type in NUMERIC:
        return ""
    return "INTEGER" if field.type is FieldType.CHECKBOX else "TEXT"


def held_field(object_type: ObjectType, column: str) -> Field:
    """The field a column belongs to; a formula, or a roll-up of dates, counts as what it gives."""
    field = object_type.column_fields.get(column) or object_type.fields[column]
    if field.type is FieldType.FORMULA:
        return Field(name=field.name, type=field.formula_returns or FieldType.TEXT, scale=field.scale)
    if field.type is FieldType.ROLL_UP and field.formula_returns not in (None, FieldType.ROLL_UP):
        return Field(name=field.name, type=field.formula_returns or FieldType.TEXT, scale=field.scale)
    return field


def fitting(field: Field, value: FieldValue | float) -> FieldValue:
    """A value of an earlier type in the form this field holds; None where it has none."""
    plain = {FieldType.AUTO_NUMBER: FieldType.TEXT, FieldType.ROLL_UP: FieldType.NUMBER}.get(field.type, field.type)
    scale = numeric_shape(field)[1]
    shape = msgspec.structs.replace(field, type=plain, scale=scale, length=None, restricted=False)
    try:
        return canonical(shape, _as_kind(column_type(shape), value))
    except (BadValue, InvalidOperation):
        return None


def _as_kind(kind: str, value: FieldValue | float) -> FieldValue | float:
    if kind == "TEXT":
        return str(value)
    if kind == "INTEGER":
        return bool(value) if value in (0, 1) else value
    return Decimal(value) if isinstance(value, str) else value


def fixes_of(fields: Iterable[Field]) -> tuple[tuple[int, Fix], ...]:
    """Places of columns whose stored form is not yet the value, and what makes it one."""
    fixes: list[tuple[int, Fix]] = []
    for place, field in enumerate(fields):
        if field.type is FieldType.CHECKBOX:
            fixes.append((place, _checkbox))
        elif field.type in NUMERIC:
            fixes.append((place, _number(numeric_shape(field)[1])))
    return tuple(fixes)


def _checkbox(stored: Any) -> FieldValue:
    return None if stored is None else bool(stored)


def _number(scale: int) -> Fix:
    unit = Decimal(1).scaleb(-scale)

    def fix(stored: Any) -> FieldValue:
        if stored is None:
            return None
        number = Decimal(repr(stored)) if isinstance(stored, float) else Decimal(stored)
        return int(number) if scale == 0 else number.quantize(unit)

    return fix


def values_of(columns: Sequence[str], fixes: Sequence[tuple[int, Fix]], row: Sequence[Any]) -> dict[str, FieldValue]:
    """A stored row (in column order) as field values."""
    values: dict[str, FieldValue] = dict(zip(columns, row, strict=False))
    for place, fix in fixes:
        values[columns[place]] = fix(row[place])
    return values


def stored_value(value: FieldValue) -> str | int | float | None:
    """A field value as it is bound in a comparison; writing needs no such step."""
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    return value


def pack(values: Mapping[str, FieldValue]) -> bytes:
    """Field values as one JSON text, for base images and drafts."""
    return _ENCODER.encode(values)


def unpack(data: bytes) -> dict[str, Any]:
    """What `pack` wrote."""
    return _DECODER.decode(data)
