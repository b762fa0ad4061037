"""Stretches of days that date literals name, from today, the first day of the week and the fiscal year.

Source: Salesforce's list of date formats and date literals. Every stretch includes its first day and ends before its
last. `LAST_N_DAYS:n` and `LAST_90_DAYS` include today; `NEXT_N_DAYS:n` begins tomorrow; other units count whole periods
beside the current one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldsync.base.limits import YEAR_MAX, YEAR_MIN

SUNDAY = 6


@dataclass(frozen=True)
class Calendar:
    """A person's calendar. `first_weekday` counts from Monday, 0."""

    zone: str = "UTC"
    first_weekday: int = SUNDAY
    fiscal_start_month: int = 1


def calendar_of(zone: str) -> Calendar:
    """The calendar of a person in this time zone; UTC for one this machine does not know."""
    try:
        return Calendar(ZoneInfo(zone).key)
    except (ZoneInfoNotFoundError, ValueError):
        return Calendar()


@dataclass(frozen=True)
class Days:
    """From `first` to the day before `after`."""

    first: date
    after: date


def today(now: datetime, calendar: Calendar) -> date:
    """The person's date at this instant."""
    return now.astimezone(ZoneInfo(calendar.zone)).date()


def days_of(name: str, count: int | None, day: date, calendar: Calendar) -> Days:
    """The days that a date literal names on `day`; `LAST_N_DAYS:7` is ("LAST_N_DAYS", 7)."""
    unit, first, after = _periods(name, count or 0)
    return Days(_start(unit, first, day, calendar), _start(unit, after, day, calendar))


def instant(day: date, calendar: Calendar) -> datetime:
    """When this day begins for the person, in UTC."""
    try:
        return datetime.combine(day, time(), ZoneInfo(calendar.zone)).astimezone(UTC)
    except OverflowError:
        return datetime.combine(day, time(), UTC)


_NAMED = {
    "YESTERDAY": ("DAY", -1, 0),
    "TODAY": ("DAY", 0, 1),
    "TOMORROW": ("DAY", 1, 2),
    "LAST_90_DAYS": ("DAY", -90, 1),
    "NEXT_90_DAYS": ("DAY", 1, 91),
}


def _periods(name: str, n: int) -> tuple[str, int, int]:
    """Unit, first period and the one after the last, counted from the current one."""
    if name in _NAMED:
        return _NAMED[name]
    if name.endswith("_AGO"):
        return name.removeprefix("N_").removesuffix("S_AGO"), -n, 1 - n
    side, _, unit = name.partition("_")
    if unit.startswith("N_"):
        unit = unit.removeprefix("N_").removesuffix("S")
        return (unit, -n, int(unit == "DAY")) if side == "LAST" else (unit, 1, n + 1)
    place = {"LAST": -1, "THIS": 0, "NEXT": 1}[side]
    return unit, place, place + 1


_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def _start(unit: str, periods: int, day: date, calendar: Calendar) -> date:
    """First day of the period that many periods after the one `day` is in."""
    if unit in ("DAY", "WEEK"):
        back = (day.weekday() - calendar.first_weekday) % 7 if unit == "WEEK" else 0
        ordinal = day.toordinal() - back + periods * (7 if unit == "WEEK" else 1)
        return date.fromordinal(min(max(ordinal, _EARLIEST.toordinal()), _LATEST.toordinal()))
    months = _MONTHS[unit.removeprefix("FISCAL_")]
    shift = calendar.fiscal_start_month - 1 if unit.startswith("FISCAL_") else 0
    index = (day.year * 12 + day.month - 1 - shift) // months * months + shift + periods * months
    return min(max(date(min(max(index // 12, 1), 9999), index % 12 + 1, 1), _EARLIEST), _LATEST)


_EARLIEST = date(YEAR_MIN, 1, 1)
_LATEST = date(YEAR_MAX, 12, 31) + timedelta(days=1)
