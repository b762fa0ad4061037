"""What can be wrong with one field by itself, as sentences. A visible table says which attributes a type needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from fieldsync.base import limits
from fieldsync.schema import autonumber
from fieldsync.schema.catalog import columns_of
from fieldsync.schema.model import Field, FieldType, NameField, PicklistValue

NAME_BYTES_MAX = 63
"""PostgreSQL cuts longer names without a word."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_LENGTH_MAX = {
    FieldType.TEXT: 255,
    FieldType.PICKLIST: 255,
    FieldType.EMAIL: 255,
    FieldType.PHONE: 255,
    FieldType.URL: 2_000,
    FieldType.AUTO_NUMBER: 255,
    FieldType.MULTI_PICKLIST: 4_099,
    FieldType.LONG_TEXT: limits.TEXT_CHARS_MAX,
}
_NOT_RETURNED = {
    FieldType.ID,
    FieldType.LOOKUP,
    FieldType.MASTER_DETAIL,
    FieldType.AUTO_NUMBER,
    FieldType.FORMULA,
    FieldType.ROLL_UP,
    FieldType.BASE64,
    FieldType.GEOLOCATION,
}


def bad_name(name: str) -> str | None:
    """Why a name cannot name an object or field; None when it can."""
    if not _NAME.match(name):
        return "a name is a letter, then letters, digits and _"
    if len(name.encode()) > NAME_BYTES_MAX:
        return f"a name has at most {NAME_BYTES_MAX} characters"
    return None


def field_faults(field: Field) -> Iterator[str]:
    """What is wrong with a declared field, apart from what it refers to."""
    for column in columns_of(field):
        reason = bad_name(column)
        if reason is not None:
            yield reason if column == field.name else f"{reason}; its column is {column}"
    if field.type is FieldType.ID:
        yield "only the standard field Id has this type"
    yield from _length_faults(field)
    yield from _number_faults(field)
    yield from _stray_attributes(field)
    for applies, check in _BY_TYPE:
        if field.type in applies:
            yield from check(field)


def name_field_faults(declared: NameField, fields: Mapping[str, Field]) -> Iterator[str]:
    """What is wrong with the declaration of an object's `Name`."""
    if declared.type not in (FieldType.TEXT, FieldType.AUTO_NUMBER):
        yield "a name is a text or an auto-number"
    if not 1 <= declared.length <= _LENGTH_MAX[FieldType.TEXT]:
        yield "the length of a name is between 1 and 255"
    if declared.type is FieldType.AUTO_NUMBER:
        yield from _format_faults(declared.display_format, declared.starting_number)
        if declared.compose:
            yield "a numbered name is not composed of fields"
    elif declared.display_format is not None:
        yield "only an auto-number has a display format"
    for part in declared.compose:
        if part == "Name" or part not in fields or fields[part].type not in (FieldType.TEXT, FieldType.PICKLIST):
            yield f"it is composed of {part}, which is no text field of this object"


def picklist_faults(values: Sequence[PicklistValue]) -> Iterator[str]:
    """Values that are empty or repeated, and more than one default."""
    for value, times in Counter(v.value.lower() for v in values).items():
        if times > 1:
            yield f"the value {value} is there more than once"
        if not value.strip():
            yield "a value cannot be empty"
    for v in values:
        if v.value != v.value.strip():
            yield f"the value {v.value!r} begins or ends with a space"
    if sum(v.default for v in values) > 1:
        yield "more than one value is the default"


def _length_faults(field: Field) -> Iterator[str]:
    if field.length is None:
        return
    longest = _LENGTH_MAX.get(field.type)
    if longest is None and field.type is not FieldType.FORMULA:
        yield f"a field of the type {field.type.value} has no length"
    elif longest is not None and not 1 <= field.length <= longest:
        yield f"its length must be between 1 and {longest}"


def _number_faults(field: Field) -> Iterator[str]:
    precision, scale = field.precision, field.scale
    if precision is None and scale is None:
        return
    if field.type not in (*_NUMERIC_TYPES, FieldType.FORMULA, FieldType.ROLL_UP):
        yield f"a field of the type {field.type.value} has no precision and scale"
    elif not 1 <= (limits.NUMBER_DIGITS_MAX if precision is None else precision) <= limits.NUMBER_DIGITS_MAX:
        yield f"its precision must be between 1 and {limits.NUMBER_DIGITS_MAX}"
    elif not 0 <= (scale or 0) <= (precision or limits.NUMBER_DIGITS_MAX):
        yield "its scale must be between 0 and its precision"


def _stray_attributes(field: Field) -> Iterator[str]:
    """Attributes that mean nothing for the type: they are refused, so that nobody believes they do something."""
    for names, types in _ONLY_FOR:
        for name in names:
            if getattr(field, name) and field.type not in types:
                yield f"{name} means nothing for the type {field.type.value}"


def _reference_faults(field: Field) -> Iterator[str]:
    if field.references is None:
        yield "it must say which object it references"
    for name in (field.relationship, field.children):
        reason = bad_name(name) if name is not None else None
        if reason is not None:
            yield f"{name}: {reason}"


def _choice_faults(field: Field) -> Iterator[str]:
    if field.values and field.value_set is not None:
        yield "it has values of its own and a value set; it can have only one of them"
    if not field.values and field.value_set is None and field.restricted:
        yield "it needs values or a value set"
    yield from picklist_faults(field.values)
    for value in field.values:
        if field.type is FieldType.MULTI_PICKLIST and ";" in value.value:
            yield f"the value {value.value} holds a semicolon, which separates chosen values"


def _checkbox_faults(field: Field) -> Iterator[str]:
    if field.unique:
        yield "a checkbox cannot be unique"


def _auto_number_faults(field: Field) -> Iterator[str]:
    yield from _format_faults(field.display_format, field.starting_number)


def _format_faults(display_format: str | None, starting_number: int) -> Iterator[str]:
    if display_format is None:
        yield "an auto-number needs a display format such as C-{0000}"
        return
    try:
        autonumber.parse(display_format)
    except autonumber.BadFormat as bad:
        yield f"the display format {display_format} cannot be used: {bad}"
    if not 0 <= starting_number < 10**autonumber.COUNTER_DIGITS_MAX:
        yield "its starting number is out of range"


def _formula_faults(field: Field) -> Iterator[str]:
    if not (field.formula or "").strip():
        yield "it needs a formula"
    if field.formula_returns is None or field.formula_returns in _NOT_RETURNED:
        yield "it must say what its formula returns, a type of simple values"


def _roll_up_faults(field: Field) -> Iterator[str]:
    if field.roll_up is None:
        yield "it needs a roll_up"


_NUMERIC_TYPES = frozenset({FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.GEOLOCATION})
_REFERENCES = frozenset({FieldType.LOOKUP, FieldType.MASTER_DETAIL})
_CHOICES = frozenset({FieldType.PICKLIST, FieldType.MULTI_PICKLIST})
_KEYS = frozenset(
    {
        FieldType.TEXT,
        FieldType.NUMBER,
        FieldType.EMAIL,
        FieldType.PHONE,
        FieldType.URL,
        FieldType.AUTO_NUMBER,
        FieldType.LOOKUP,
        FieldType.CURRENCY,
        FieldType.PERCENT,
        FieldType.DATE,
        FieldType.DATETIME,
        FieldType.CHECKBOX,
    }
)

_BY_TYPE: tuple[tuple[frozenset[FieldType], Callable[[Field], Iterator[str]]], ...] = (
    (_REFERENCES, _reference_faults),
    (_CHOICES, _choice_faults),
    (frozenset({FieldType.CHECKBOX}), _checkbox_faults),
    (frozenset({FieldType.AUTO_NUMBER}), _auto_number_faults),
    (frozenset({FieldType.FORMULA}), _formula_faults),
    (frozenset({FieldType.ROLL_UP}), _roll_up_faults),
)
"""Type to its own checks."""

_ONLY_FOR: tuple[tuple[tuple[str, ...], frozenset[FieldType]], ...] = (
    (("references", "relationship", "children"), _REFERENCES),
    (("family",), frozenset({FieldType.LOOKUP})),
    (("values", "value_set"), _CHOICES),
    (("display_format",), frozenset({FieldType.AUTO_NUMBER})),
    (("formula",), frozenset({FieldType.FORMULA})),
    (("formula_returns",), frozenset({FieldType.FORMULA, FieldType.ROLL_UP})),
    (("roll_up",), frozenset({FieldType.ROLL_UP})),
    (("unique", "external_id"), _KEYS),
)
"""Attributes, and the types they mean something for."""
