"""The functions of dates and times, as rows of the table."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from fieldsync.formula.functions.run import Arguments, Run
from fieldsync.formula.functions.signature import (
    BOOLEAN,
    DATE,
    DATETIME,
    NUMBER,
    TEXT,
    TIME,
    Function,
    Kind,
    maybe,
    p,
)
from fieldsync.formula.types import FormulaType, Value
from fieldsync.formula.values import calendar


def _today(run: Run, _arguments: Arguments) -> Value:
    return run.around.local_now.date()


def _now(run: Run, _arguments: Arguments) -> Value:
    return run.around.now.astimezone(UTC).replace(microsecond=0)


def _time_now(run: Run, _arguments: Arguments) -> Value:
    local = run.around.local_now
    return local.time().replace(microsecond=local.microsecond // 1000 * 1000)


def _date_value(run: Run, arguments: Arguments) -> Value:
    """A text, or the day an instant has in the person's time zone."""
    match run.value(arguments[0]):
        case datetime() as moment:
            return moment.astimezone(run.around.zone or UTC).date()
        case str() as text:
            return calendar.parse_date(text)
        case value:
            return value


def _datetime_value(value: Any) -> datetime:
    match value:
        case datetime():
            return value
        case date():
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        case _:
            return calendar.parse_datetime(value)


def _time_value(value: Any) -> time:
    match value:
        case datetime():
            return value.time().replace(microsecond=value.microsecond // 1000 * 1000)
        case str():
            return calendar.parse_time(value)
        case _:
            assert isinstance(value, time)
            return value


def _duration(value: Any, other: Any = False) -> str:
    """Seconds with or without days; or what lies between two times, or two instants."""
    match value, other:
        case Decimal(), bool():
            return calendar.duration(value, days=other)
        case datetime(), datetime():
            return calendar.duration(Decimal(abs(value - other) // timedelta(seconds=1)), days=True)
        case _:
            return calendar.duration(Decimal(abs(calendar.ms_of(value) - calendar.ms_of(other)) // 1000), days=False)


def _duration_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    if types[0] not in (NUMBER, TIME, DATETIME, FormulaType.ANY, FormulaType.NULL):
        return 0
    expected = BOOLEAN if types[0] is NUMBER else types[0]
    fits = (len(types) == 1 and types[0] is NUMBER) or (
        len(types) == 2 and types[1] in (expected, FormulaType.ANY, FormulaType.NULL)
    )
    return TEXT if fits else len(types) - 1


def _part(name: str) -> Any:
    def part(value: Any) -> Decimal:
        return Decimal(getattr(value, name))

    return part


def _row(name: str, parameters: Any, result: Any, python: Any, sql: str, doc: str, **more: Any) -> Function:
    return Function(name, Kind.DATES, parameters, result, python, sql, doc, **more)


_DAY, _MOMENT, _NUMBER = (p("date", DATE, DATETIME),), (p("time", TIME, DATETIME),), p("number", NUMBER)

ROWS: tuple[Function, ...] = (
    _row("TODAY", (), DATE, _today, "today", "The date where the person is.", lazy=True, volatile=True),
    _row("NOW", (), DATETIME, _now, "now", "This moment.", lazy=True, volatile=True),
    _row("TIMENOW", (), TIME, _time_now, "time_now", "The time of day where the person is.", lazy=True, volatile=True),
    _row(
        "DATE",
        (p("year", NUMBER), p("month", NUMBER), p("day", NUMBER)),
        DATE,
        calendar.make_date,
        "make_date_of",
        "A date by its parts; one that does not exist is an error.",
    ),
    _row(
        "DATEVALUE",
        (p("value", TEXT, DATETIME, DATE),),
        DATE,
        _date_value,
        "date_value",
        "The date a text like 2026-11-21 says, or that a date and time has where the person is.",
        lazy=True,
    ),
    _row(
        "DATETIMEVALUE",
        (p("value", TEXT, DATE, DATETIME),),
        DATETIME,
        _datetime_value,
        "datetime_value",
        "The moment a text like 2026-11-21 10:30:00 says, in UTC.",
    ),
    _row(
        "TIMEVALUE",
        (p("value", TEXT, DATETIME, TIME),),
        TIME,
        _time_value,
        "time_value",
        "The time of day a text like 10:30:00.000 says, or that a date and time has in UTC.",
    ),
    _row("YEAR", _DAY, NUMBER, _part("year"), "year_of", "The year."),
    _row("MONTH", _DAY, NUMBER, _part("month"), "month_of", "The month, 1 to 12."),
    _row("DAY", _DAY, NUMBER, _part("day"), "day_of", "The day of the month."),
    _row(
        "WEEKDAY",
        _DAY,
        NUMBER,
        lambda day: Decimal(day.isoweekday() % 7 + 1),
        "weekday",
        "The day of the week; Sunday is 1.",
    ),
    _row(
        "DAYOFYEAR",
        _DAY,
        NUMBER,
        lambda day: Decimal(day.timetuple().tm_yday),
        "day_of_year",
        "The day of the year, 1 to 366.",
    ),
    _row(
        "ISOWEEK",
        _DAY,
        NUMBER,
        lambda day: Decimal(day.isocalendar().week),
        "iso_week",
        "The week of the year by ISO 8601.",
    ),
    _row(
        "ISOYEAR",
        _DAY,
        NUMBER,
        lambda day: Decimal(day.isocalendar().year),
        "iso_year",
        "The year the ISO week belongs to.",
    ),
    _row(
        "ADDMONTHS",
        (p("date", DATE, DATETIME), p("months", NUMBER)),
        lambda types: types[0] if types[0] is DATETIME else DATE,
        calendar.add_months_to,
        "add_months",
        "So many months later; the last day of a month stays the last.",
    ),
    _row("HOUR", _MOMENT, NUMBER, _part("hour"), "hour_of", "The hour, 0 to 23."),
    _row("MINUTE", _MOMENT, NUMBER, _part("minute"), "minute_of", "The minute."),
    _row("SECOND", _MOMENT, NUMBER, _part("second"), "second_of", "The second."),
    _row(
        "MILLISECOND",
        _MOMENT,
        NUMBER,
        lambda moment: Decimal(moment.microsecond // 1000),
        "millisecond_of",
        "The milliseconds.",
    ),
    _row(
        "UNIXTIMESTAMP",
        (p("value", DATE, DATETIME, TIME),),
        NUMBER,
        calendar.unix_timestamp,
        "unix_timestamp",
        "Seconds since 1970, or of the day.",
    ),
    _row(
        "FROMUNIXTIME",
        (_NUMBER,),
        DATETIME,
        calendar.from_unix,
        "from_unix_time",
        "The moment so many seconds after 1970.",
    ),
    _row(
        "FORMATDURATION",
        (p("value", NUMBER, TIME, DATETIME), maybe("other", BOOLEAN, TIME, DATETIME)),
        _duration_type,
        _duration,
        "format_duration",
        "Seconds as HH:MM:SS, with TRUE as D:HH:MM:SS; or what lies between two times or two moments.",
    ),
)
