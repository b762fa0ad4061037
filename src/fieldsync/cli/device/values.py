"""`FIELD=VALUE` on a command line, as the value its field stores."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import typer

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field, FieldType

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.GEOLOCATION, FieldType.ROLL_UP)
YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def assignments(object_type: ObjectType, given: Sequence[str]) -> dict[str, FieldValue]:
    """Column to value. Raises Refused for a field the object lacks or a value the field does not take."""
    found: dict[str, FieldValue] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not FIELD=VALUE")
        field = object_type.column_fields.get(column)
        if field is None:
            raise Refused(problem(Code.UNKNOWN_FIELD, object=object_type.name, field=column))
        try:
            found[column] = canonical(field, _read(field, value)) if not field.system else value
        except BadValue as bad:
            raise Refused(bad.problem(object_type.name, None, column)) from None
    return found


def _read(field: Field, text: str) -> object:
    """The text as the kind of value the field's check expects; it stays text where it cannot be read."""
    if not text:
        return None
    if field.type is FieldType.CHECKBOX:
        return YES_NO.get(text.lower(), text)
    if field.type in NUMBERS:
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    return text
