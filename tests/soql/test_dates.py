"""Date literals: the days each names, in any calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fieldsync.soql.dates import Calendar, days_of, instant, today

DAY = date(2026, 3, 10)  # a Tuesday
US, DE = Calendar("America/New_York"), Calendar("Europe/Berlin", first_weekday=0)
APRIL = Calendar("UTC", fiscal_start_month=4)


@pytest.mark.parametrize(
    ("name", "count", "calendar", "first", "last"),
    [
        ("YESTERDAY", None, US, "2026-03-09", "2026-03-09"),
        ("TODAY", None, US, "2026-03-10", "2026-03-10"),
        ("TOMORROW", None, US, "2026-03-11", "2026-03-11"),
        ("LAST_WEEK", None, US, "2026-03-01", "2026-03-07"),
        ("THIS_WEEK", None, US, "2026-03-08", "2026-03-14"),
        ("THIS_WEEK", None, DE, "2026-03-09", "2026-03-15"),
        ("NEXT_WEEK", None, DE, "2026-03-16", "2026-03-22"),
        ("LAST_MONTH", None, US, "2026-02-01", "2026-02-28"),
        ("NEXT_MONTH", None, US, "2026-04-01", "2026-04-30"),
        ("LAST_90_DAYS", None, US, "2025-12-10", "2026-03-10"),
        ("NEXT_90_DAYS", None, US, "2026-03-11", "2026-06-08"),
        ("LAST_N_DAYS", 7, US, "2026-03-03", "2026-03-10"),
        ("NEXT_N_DAYS", 7, US, "2026-03-11", "2026-03-17"),
        ("N_DAYS_AGO", 2, US, "2026-03-08", "2026-03-08"),
        ("LAST_N_WEEKS", 2, US, "2026-02-22", "2026-03-07"),
        ("NEXT_N_WEEKS", 1, US, "2026-03-15", "2026-03-21"),
        ("N_WEEKS_AGO", 2, US, "2026-02-22", "2026-02-28"),
        ("LAST_N_MONTHS", 3, US, "2025-12-01", "2026-02-28"),
        ("NEXT_N_MONTHS", 2, US, "2026-04-01", "2026-05-31"),
        ("N_MONTHS_AGO", 3, US, "2025-12-01", "2025-12-31"),
        ("THIS_QUARTER", None, US, "2026-01-01", "2026-03-31"),
        ("LAST_N_QUARTERS", 2, US, "2025-07-01", "2025-12-31"),
        ("LAST_YEAR", None, US, "2025-01-01", "2025-12-31"),
        ("LAST_N_YEARS", 2, US, "2024-01-01", "2025-12-31"),
        ("N_YEARS_AGO", 2, US, "2024-01-01", "2024-12-31"),
        ("THIS_FISCAL_YEAR", None, APRIL, "2025-04-01", "2026-03-31"),
        ("NEXT_FISCAL_YEAR", None, APRIL, "2026-04-01", "2027-03-31"),
        ("THIS_FISCAL_QUARTER", None, APRIL, "2026-01-01", "2026-03-31"),
        ("LAST_N_FISCAL_QUARTERS", 2, APRIL, "2025-07-01", "2025-12-31"),
        ("N_FISCAL_YEARS_AGO", 1, APRIL, "2024-04-01", "2025-03-31"),
        ("NEXT_N_FISCAL_YEARS", 2, APRIL, "2026-04-01", "2028-03-31"),
    ],
)
def test_a_literal_names_these_days(name: str, count: int | None, calendar: Calendar, first: str, last: str) -> None:
    found = days_of(name, count, DAY, calendar)
    assert (found.first.isoformat(), date.fromordinal(found.after.toordinal() - 1).isoformat()) == (first, last)


@pytest.mark.parametrize("name", ["LAST_N_DAYS", "NEXT_N_YEARS", "LAST_N_FISCAL_YEARS", "NEXT_N_WEEKS", "N_YEARS_AGO"])
def test_far_away_is_cut_off_at_the_years_a_date_may_have(name: str) -> None:
    found = days_of(name, 9_999, DAY, US)
    assert 1700 <= found.first.year <= 4001
    assert 1700 <= found.after.year <= 4001


def test_today_is_the_persons_date() -> None:
    now = datetime(2026, 3, 10, 3, 30, tzinfo=UTC)
    assert today(now, US) == date(2026, 3, 9)
    assert today(now, Calendar("Pacific/Auckland")) == date(2026, 3, 10)


def test_a_day_may_have_23_hours() -> None:
    begins, ends = instant(date(2026, 3, 8), US), instant(date(2026, 3, 9), US)
    assert (ends - begins).total_seconds() == 23 * 3600
