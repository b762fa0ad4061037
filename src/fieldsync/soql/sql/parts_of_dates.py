"""Date functions in PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldsync.soql.bound import Column
from fieldsync.soql.dates import Calendar
from fieldsync.soql.functions import Kind

Sql = sa.ColumnElement[Any]

_FIELDS = {
    "CALENDAR_YEAR": "year",
    "CALENDAR_QUARTER": "quarter",
    "CALENDAR_MONTH": "month",
    "DAY_IN_MONTH": "day",
    "DAY_IN_YEAR": "doy",
    "HOUR_IN_DAY": "hour",
}


def date_part(sql: Sql, part: str, of: Column, zone: str, calendar: Calendar) -> Sql:
    """A part of a date, or of a date and time as the clock shows it in `zone`."""
    local: Sql = sa.func.timezone(sa.literal(zone, sa.Text()), sql) if of.kind is Kind.DATETIME else sql
    if part in _FIELDS:
        return _extract(_FIELDS[part], local)
    if part.startswith("FISCAL_"):
        return _fiscal(local, part, calendar.fiscal_start_month - 1)
    match part:
        case "DAY_IN_WEEK":
            return _extract("dow", local) + _whole(1)
        case "WEEK_IN_MONTH":
            return (_extract("day", local) + _whole(6)) // _whole(7)
        case "WEEK_IN_YEAR":
            return (_extract("doy", local) + _whole(6)) // _whole(7)
        case _:
            assert part == "DAY_ONLY"
            return sa.cast(local, sa.Date())


def _fiscal(local: Sql, part: str, shift: int) -> Sql:
    year, month = _extract("year", local), _extract("month", local)
    if part == "FISCAL_YEAR":
        return (year * _whole(12) + month + _whole((12 - shift) % 12 - 1)) // _whole(12)
    number = sa.func.mod(month + _whole(11 - shift), _whole(12))
    return (number // _whole(3) if part == "FISCAL_QUARTER" else number) + _whole(1)


def _extract(field: str, sql: Sql) -> Sql:
    return sa.cast(sa.extract(field, sql), sa.Integer())


def _whole(value: int) -> Sql:
    return sa.literal_column(str(value), sa.Integer())
