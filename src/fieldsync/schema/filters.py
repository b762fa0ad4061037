"""Filters of roll-ups and list views, read into typed values: the operators of Salesforce's metadata, as data.

A filter says `field operator value`. Several values stand in one text, separated by commas, each optionally in double
quotes; any of them may match. What cannot be read is a `BadFilter` with a sentence.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field, FieldType, RollUpFilter


class Operator(StrEnum):
    """What a filter compares with."""

    EQUALS = "equals"
    NOT_EQUAL = "notEqual"
    LESS_THAN = "lessThan"
    GREATER_THAN = "greaterThan"
    LESS_OR_EQUAL = "lessOrEqual"
    GREATER_OR_EQUAL = "greaterOrEqual"
    CONTAINS = "contains"
    NOT_CONTAIN = "notContain"
    STARTS_WITH = "startsWith"
    INCLUDES = "includes"
    EXCLUDES = "excludes"


class BadFilter(ValueError):
    """A filter that means nothing, with a sentence."""


@dataclass(frozen=True)
class Filter:
    """A filter that was understood. No values: it asks for an empty field."""

    field: Field
    operator: Operator
    values: tuple[FieldValue, ...]


TEXTS = frozenset(
    {
        FieldType.TEXT,
        FieldType.LONG_TEXT,
        FieldType.PICKLIST,
        FieldType.EMAIL,
        FieldType.PHONE,
        FieldType.URL,
        FieldType.AUTO_NUMBER,
        FieldType.ID,
        FieldType.LOOKUP,
        FieldType.MASTER_DETAIL,
    }
)
_NUMBERS = frozenset({FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.ROLL_UP})
_EQUALITY = frozenset({Operator.EQUALS, Operator.NOT_EQUAL})
_ORDER = _EQUALITY | {
    Operator.LESS_THAN,
    Operator.GREATER_THAN,
    Operator.LESS_OR_EQUAL,
    Operator.GREATER_OR_EQUAL,
}
_PARTS = frozenset({Operator.CONTAINS, Operator.NOT_CONTAIN, Operator.STARTS_WITH})
_LISTS = frozenset({Operator.INCLUDES, Operator.EXCLUDES})


def operators_of(field_type: FieldType) -> frozenset[Operator]:
    """What fields of a type can be compared with."""
    if field_type is FieldType.MULTI_PICKLIST:
        return _EQUALITY | _LISTS
    if field_type in TEXTS:
        return _ORDER | _PARTS
    return _EQUALITY if field_type is FieldType.CHECKBOX else _ORDER


def read_filter(field: Field, given: RollUpFilter) -> Filter:
    """A filter on this field. Raises BadFilter."""
    operator, texts = read_texts(field, given)
    return Filter(field, operator, tuple(typed(field, text) for text in texts))


def read_texts(field: Field, given: RollUpFilter) -> tuple[Operator, list[str]]:
    """A filter on this field with its values as they are written, which may be words like `TODAY`. Raises BadFilter."""
    try:
        operator = Operator(given.operator)
    except ValueError:
        raise BadFilter(f"{given.operator} is no operator of a filter") from None
    if operator not in operators_of(compared_type(field)):
        raise BadFilter(f"{operator.value} does not work on {field.name}, a field of the type {field.type.value}")
    texts = split_values(given.value or "")
    if not texts and operator not in _EQUALITY:
        raise BadFilter(f"{operator.value} on {field.name} has no value to compare with")
    return operator, texts


def split_values(text: str) -> list[str]:
    """The values of a filter's text: `a, "b, c"` are two."""
    if not text.strip():
        return []
    [row] = csv.reader([text.replace("\n", " ")], skipinitialspace=True)
    return [value.strip() for value in row]


def compared_type(field: Field) -> FieldType:
    """The type of what a field holds; a formula's is that of its result."""
    if field.type in (FieldType.FORMULA, FieldType.ROLL_UP):
        return field.formula_returns or FieldType.NUMBER
    return field.type


def typed(field: Field, text: str) -> FieldValue:
    """One value of a filter on this field. Raises BadFilter."""
    effective = compared_type(field)
    if effective in TEXTS or effective is FieldType.MULTI_PICKLIST:
        return text
    if effective is FieldType.CHECKBOX:
        return text.lower() in ("true", "1", "yes")
    try:
        if effective in _NUMBERS:
            return Decimal(text.replace(",", ""))
        return canonical(Field(name=field.name, type=effective), iso_date(text))
    except (BadValue, ValueError, InvalidOperation):
        raise BadFilter(f"{text[:40]} is no value of {field.name}, a field of the type {effective.value}") from None


def iso_date(text: str) -> str:
    """`11/21/2026` as metadata writes it, or `2026-11-21`."""
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    return date(int(found[3]), int(found[1]), int(found[2])).isoformat() if found else text
