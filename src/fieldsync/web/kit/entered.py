"""Between a value and the text of its input, both ways. The engine checks values; here they only get their type."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.fields import TYPES, FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.locales import from_local_input, local_input
from fieldsync.web.kit.naming import label_of
from fieldsync.web.kit.pages import shown

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)


def as_text(field: Field, value: FieldValue, zone: str) -> str:
    """The value as its input shows it."""
    if field.type is FieldType.CHECKBOX:
        return "true" if value else "false"
    if field.type is FieldType.DATETIME:
        return local_input(value, zone)
    return value if isinstance(value, str) else shown(value)


def entered(field: Field, text: str, zone: str) -> FieldValue:
    """The value of what a person typed. Raises Refused for a number or date that is none."""
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
        raise Refused(problem(Code.WRONG_TYPE, field=label_of(field), expected=expected, given="a text")) from None
    return text


def entered_all(fields: Mapping[str, Field], texts: Mapping[str, str], zone: str) -> dict[str, FieldValue]:
    """Every text whose name is a field. Raises Refused."""
    return {name: entered(fields[name], text, zone) for name, text in texts.items() if name in fields}
