"""How each formula type looks in PostgreSQL, and which of its values stands for an error.

No field can hold these values: numbers are never NaN, days and moments never infinite, no time is 24:00, a checkbox
is 0 or 1 here, and the text lies in the private use area.
"""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.formula.types import FormulaType


@dataclass(frozen=True)
class SqlType:
    """A type's PostgreSQL name, its error as SQL, and a test for it; `{x}` is the value."""

    name: str
    error: str
    failed: str


NUMBER = SqlType("numeric", "'NaN'::numeric", "{x} = 'NaN'")
TEXT = SqlType("text", "U&'\\E000#Error!\\E000'::text", "{x} = U&'\\E000#Error!\\E000'")
BOOLEAN = SqlType("smallint", "(-1)::smallint", "{x} = -1")
DATE = SqlType("date", "'infinity'::date", "{x} = 'infinity'")
DATETIME = SqlType("timestamptz", "'infinity'::timestamptz", "{x} = 'infinity'")
TIME = SqlType("time", "'24:00'::time", "{x} = '24:00'")
PLACE = SqlType("numeric[]", "ARRAY['NaN','NaN']::numeric[]", "{x}[1] = 'NaN'")

BY_NAME = {t.name: t for t in (NUMBER, TEXT, BOOLEAN, DATE, DATETIME, TIME, PLACE)}
OF_TYPE = {
    FormulaType.TEXT: TEXT,
    FormulaType.PICKLIST: TEXT,
    FormulaType.MULTI_PICKLIST: TEXT,
    FormulaType.NULL: TEXT,
    FormulaType.NUMBER: NUMBER,
    FormulaType.BOOLEAN: BOOLEAN,
    FormulaType.DATE: DATE,
    FormulaType.DATETIME: DATETIME,
    FormulaType.TIME: TIME,
    FormulaType.GEOLOCATION: PLACE,
}
