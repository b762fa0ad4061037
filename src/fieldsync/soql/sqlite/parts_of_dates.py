"""Date functions in SQLite. Dates are ISO texts, so most parts are places in the text."""

from __future__ import annotations

from fieldsync.soql.dates import Calendar
from fieldsync.soql.sqlite.text import Sql

_YEAR, _MONTH, _DAY, _HOUR = "substr({0}, 1, 4)", "substr({0}, 6, 2)", "substr({0}, 9, 2)", "substr({0}, 12, 2)"
_DAY_ONLY = "substr({0}, 1, 10)"
_PARTS = {
    "CALENDAR_YEAR": f"CAST({_YEAR} AS INTEGER)",
    "CALENDAR_QUARTER": f"((CAST({_MONTH} AS INTEGER) + 2) / 3)",
    "CALENDAR_MONTH": f"CAST({_MONTH} AS INTEGER)",
    "DAY_IN_MONTH": f"CAST({_DAY} AS INTEGER)",
    "DAY_IN_WEEK": f"(CAST(strftime('%w', {_DAY_ONLY}) AS INTEGER) + 1)",
    "DAY_IN_YEAR": f"CAST(strftime('%j', {_DAY_ONLY}) AS INTEGER)",
    "WEEK_IN_MONTH": f"((CAST({_DAY} AS INTEGER) + 6) / 7)",
    "WEEK_IN_YEAR": f"((CAST(strftime('%j', {_DAY_ONLY}) AS INTEGER) + 6) / 7)",
    "HOUR_IN_DAY": f"CAST({_HOUR} AS INTEGER)",
    "DAY_ONLY": _DAY_ONLY,
}


def date_part(local: Sql, part: str, calendar: Calendar) -> Sql:
    """A part of a date or of a date and time; the text says what the clock shows."""
    written = _PARTS.get(part) or _fiscal(part, calendar.fiscal_start_month - 1)
    return Sql(written.format(local.text), local.values * written.count("{0}"))


def _fiscal(part: str, shift: int) -> str:
    year, month = _PARTS["CALENDAR_YEAR"], _PARTS["CALENDAR_MONTH"]
    if part == "FISCAL_YEAR":
        return f"(({year} * 12 + {month} - 1 + {(12 - shift) % 12}) / 12)"
    number = f"(({month} + {11 - shift}) % 12)"
    return f"({number} / 3 + 1)" if part == "FISCAL_QUARTER" else f"({number} + 1)"
