"""Dates, times of day and instants. Instants are UTC with whole seconds kept as given; times have milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from fieldsync.formula.problem import NoValue
from fieldsync.formula.values import decimals

DAY_MS = 86_400_000
_DAY_US = 86_400_000_000
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DATETIME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})\.(\d{1,3})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK_EDGES = "".join(chr(code) for code in range(33))
_DAYS_MAX = Decimal(4_000_000)


def make_date(year: Decimal, month: Decimal, day: Decimal) -> date:
    try:
        return date(int(year), int(month), int(day))
    except (ValueError, OverflowError):
        raise NoValue("there is no such date") from None


def parse_date(text: str) -> date:
    found = _DATE.fullmatch(text.strip(_BLANK_EDGES))
    if found is None:
        raise NoValue("a text is not a date like 2026-11-21")
    return make_date(*(Decimal(part) for part in found.groups()))


def parse_datetime(text: str) -> datetime:
    found = _DATETIME.fullmatch(text.strip(_BLANK_EDGES))
    if found is None:
        raise NoValue("a text is not a date and time like 2026-11-21 10:30:00")
    try:
        return datetime(*(int(part) for part in found.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        raise NoValue("there is no such date and time") from None


def parse_time(text: str) -> time:
    found = _TIME.fullmatch(text.strip(_BLANK_EDGES))
    if found is None:
        raise NoValue("a text is not a time like 10:30:00.000")
    hour, minute, second, ms = (int(part) for part in found.groups())
    try:
        return time(hour, minute, second, ms * 1000)
    except ValueError:
        raise NoValue("there is no such time") from None


def ms_of(moment: time) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000


def time_of(ms: int) -> time:
    seconds, rest = divmod(ms, 1000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest * 1000)


def add_days(day: date, days: Decimal) -> date:
    """Parts of a day don't count."""
    if abs(days) > _DAYS_MAX:
        raise NoValue("a date is too far away")
    try:
        return day + timedelta(days=int(days))
    except OverflowError:
        raise NoValue("a date is too far away") from None


def add_to_datetime(moment: datetime, days: Decimal) -> datetime:
    """Rounded to whole seconds."""
    if abs(days) > _DAYS_MAX:
        raise NoValue("a date is too far away")
    seconds = decimals.multiply(days, Decimal(86_400)).quantize(Decimal(1), ROUND_HALF_UP, decimals.WIDE)
    try:
        return moment + timedelta(seconds=int(seconds))
    except OverflowError:
        raise NoValue("a date is too far away") from None


def add_to_time(moment: time, ms: Decimal) -> time:
    """Past midnight it starts again, in both directions."""
    if abs(ms) >= Decimal(10) ** 15:
        raise NoValue("a time is too far away")
    return time_of((ms_of(moment) + int(ms)) % DAY_MS)


def days_between(end: date, start: date) -> Decimal:
    return Decimal((end - start).days)


def datetimes_between(end: datetime, start: datetime) -> Decimal:
    """In days, with their parts."""
    return decimals.divide(Decimal((end - start) // timedelta(microseconds=1)), Decimal(_DAY_US))


def times_between(end: time, start: time) -> Decimal:
    """In milliseconds, forward: from 23:00 to 01:00 are two hours."""
    return Decimal((ms_of(end) - ms_of(start)) % DAY_MS)


def add_months(day: date, months: Decimal) -> date:
    """The last day of a month stays the last."""
    if abs(months) > 200_000:
        raise NoValue("a date is too far away")
    count = day.year * 12 + day.month - 1 + int(months)
    if not 12 <= count < 120_000:
        raise NoValue("a date is too far away")
    year, month = count // 12, count % 12 + 1
    last = _last_day(year, month)
    return date(year, month, last if day.day == _last_day(day.year, day.month) else min(day.day, last))


def _last_day(year: int, month: int) -> int:
    return 31 if month == 12 else (date(year, month + 1, 1) - timedelta(days=1)).day


def from_unix(seconds: Decimal) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(decimals.multiply(seconds, Decimal(1000))))
    except OverflowError:
        raise NoValue("a date is too far away") from None


def unix_timestamp(moment: date | datetime | time) -> Decimal:
    """Whole seconds since 1970, or since midnight."""
    match moment:
        case datetime():
            return Decimal((moment - _EPOCH) // timedelta(seconds=1))
        case date():
            return Decimal((moment - _EPOCH.date()).days * 86_400)
        case time():
            return Decimal(ms_of(moment) // 1000)


def duration(seconds: Decimal, *, days: bool) -> str:
    """`H:MM:SS`, or `D:HH:MM:SS`."""
    whole = abs(int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if days:
        return f"{hours // 24}:{hours % 24:02d}:{minutes:02d}:{rest:02d}"
    return f"{hours:02d}:{minutes:02d}:{rest:02d}"


def datetime_text(moment: datetime) -> str:
    return moment.strftime(f"{moment.year:04d}-%m-%d %H:%M:%SZ")


def time_text(moment: time) -> str:
    return moment.isoformat("milliseconds")


def add_months_to(day: date, months: Decimal) -> date:
    """Of an instant too, which keeps its time of day."""
    if not isinstance(day, datetime):
        return add_months(day, months)
    return datetime.combine(add_months(day.date(), months), day.timetz())
