"""The demo on any day of the week: there is always a visit to plan, one to finish and one that is locked."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fieldsync.cli.demo.data import days_of_calls


@pytest.mark.parametrize("today", [date(2026, 11, 23) + timedelta(days) for days in range(7)])
def test_every_day_has_visits_of_each_status(today: date) -> None:
    found = days_of_calls(today)
    assert [status for _, status in found[-4:]] == ["Submitted", "Saved", "Saved", "Planned"]
    assert [day for day, _ in found] == sorted({day for day, _ in found})
    assert all(day.weekday() < 5 for day, _ in found[:-1])
