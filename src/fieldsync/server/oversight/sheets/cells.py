"""Between a value and its cell in a CSV file, both ways. Pure.

A text that a spreadsheet would run as a formula gets an apostrophe before it, which comes off again on the way in
(THREATS, formula injection).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.fields import TYPES, FieldValue
from fieldsync.schema.model import Field, FieldType

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)
RUNS = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet takes for a formula."""
YES, NO = frozenset({"true", "1", "yes", "x"}), frozenset({"false", "0", "no", ""})


def cell_of(value: object) -> str:
    """A value as it is written."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value}" if value.startswith(RUNS) else value
        case _:
            return f"{value}"


def value_of(field: Field, cell: str, zone: ZoneInfo) -> FieldValue:
    """A cell as a value; a moment without a zone is in `zone`. Raises Refused(WRONG_TYPE)."""
    text = cell[1:] if cell.startswith("'") and cell[1:].startswith(RUNS) else cell
    plain = text.strip()
    if field.type is FieldType.CHECKBOX and plain.lower() in YES | NO:
        return plain.lower() in YES
    if not plain:
        return None
    try:
        if field.type in NUMBERS:
            return Decimal(plain)
        if field.type is FieldType.DATETIME:
            moment = datetime.fromisoformat(plain)
            return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).isoformat()
    except (InvalidOperation, ValueError):
        expected = TYPES[field.type].expected
        name = field.label or field.name
        raise Refused(problem(Code.WRONG_TYPE, field=name, expected=expected, given=f"“{plain[:40]}”")) from None
    return text if field.type is FieldType.LONG_TEXT else plain
