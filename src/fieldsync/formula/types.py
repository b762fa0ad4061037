"""The types of formula values, and which Python value each is.

TEXT `str`, NUMBER `Decimal` (percent as its hundredth), BOOLEAN `bool`, DATE `date`, DATETIME `datetime` in UTC,
TIME `time` in milliseconds, PICKLIST and MULTI_PICKLIST `str` (choices joined by `;`), GEOLOCATION a pair of Decimals.
Blank is None for every type: an empty text is None too. No value is ever a float.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from fieldsync.schema.model import FieldType

Place = tuple[Decimal, Decimal]
"""Latitude and longitude in degrees."""
Value = str | bool | Decimal | date | datetime | time | Place | None


class FormulaType(StrEnum):
    """What kind of value an expression gives."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "checkbox"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    PICKLIST = "picklist"
    MULTI_PICKLIST = "multi-select picklist"
    GEOLOCATION = "geolocation"
    NULL = "null"
    ANY = "any"
    """Of a setting whose type nobody declared: known only when it is read."""


_TEXTS = (
    FieldType.ID,
    FieldType.TEXT,
    FieldType.LONG_TEXT,
    FieldType.EMAIL,
    FieldType.PHONE,
    FieldType.URL,
    FieldType.LOOKUP,
    FieldType.MASTER_DETAIL,
    FieldType.AUTO_NUMBER,
    FieldType.BASE64,
)
OF_FIELD: dict[FieldType, FormulaType] = {
    **dict.fromkeys(_TEXTS, FormulaType.TEXT),
    FieldType.PICKLIST: FormulaType.PICKLIST,
    FieldType.MULTI_PICKLIST: FormulaType.MULTI_PICKLIST,
    FieldType.CHECKBOX: FormulaType.BOOLEAN,
    FieldType.NUMBER: FormulaType.NUMBER,
    FieldType.CURRENCY: FormulaType.NUMBER,
    FieldType.PERCENT: FormulaType.NUMBER,
    FieldType.ROLL_UP: FormulaType.NUMBER,
    FieldType.DATE: FormulaType.DATE,
    FieldType.DATETIME: FormulaType.DATETIME,
    FieldType.TIME: FormulaType.TIME,
    FieldType.GEOLOCATION: FormulaType.GEOLOCATION,
}
"""The formula type of a stored field; a formula field counts as what it returns."""

IDS = (FieldType.ID, FieldType.LOOKUP, FieldType.MASTER_DETAIL)
"""Read in a formula as their first 15 characters; CASESAFEID gives the 18."""


def common(left: FormulaType, right: FormulaType) -> FormulaType | None:
    """The one type both have: null goes with everything; None where they don't go together."""
    if FormulaType.NULL in (left, right):
        return right if left is FormulaType.NULL else left
    if FormulaType.ANY in (left, right):
        return right if left is FormulaType.ANY else left
    return left if left is right else None
