"""What a person typed into one input, as a value of its field. The engine checks it; here it only gets its type."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.fields import TYPES, FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.pages import from_local_input

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)


def entered(field: Field, text: str, zone: str) -> FieldValue:
    """The value. Raises Refused for a number or date that is none."""
    text = text.strip()
    if field.type is FieldType.CHECKBOX:
        return text == "true"
    if not text:
        return None
    try:
        if field.type in NUMBERS:
            return Decimal(text)
        if field.type is FieldType.DATETIME:
            return from_local_input(text, zone)
    except (InvalidOperation, ValueError):
        expected = TYPES[field.type].expected
        raise Refused(
            problem(Code.WRONG_TYPE, field=field.label or field.name, expected=expected, given="a text")
        ) from None
    return text


def entered_all(fields: dict[str, Field], form: dict[str, str], zone: str) -> dict[str, FieldValue]:
    """Every input that is a field. Raises Refused."""
    return {name: entered(fields[name], text, zone) for name, text in form.items() if name in fields}
