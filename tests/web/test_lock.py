"""When the app locks, by the clock; and rights, which every page asks for, are worked out once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fieldsync.base.world import ManualClock
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.web.field.context import KnownRights
from fieldsync.web.field.lock.lock import WAIT_SECONDS_MAX, Idle, Waits

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_it_locks_when_the_person_was_idle_for_longer_than_that() -> None:
    clock = ManualClock(START)
    idle = Idle(clock, 60)
    clock.advance(3600)
    assert not idle.due
    idle.touch()
    clock.advance(3600)
    assert not idle.due
    clock.advance(1)
    assert idle.due


def test_a_machine_that_slept_was_idle_and_a_clock_set_back_is_no_touch() -> None:
    clock = ManualClock(START)
    idle = Idle(clock, 60)
    clock.jump(3601)
    assert idle.due
    idle.touch()
    clock.jump(-7200)
    clock.advance(3601)
    assert idle.due


def test_each_wrong_answer_makes_that_person_wait_longer_and_nobody_else() -> None:
    clock = ManualClock(START)
    waits = Waits(clock)
    seconds = []
    for tries in range(1, 11):
        waits.wrong("sarah", tries)
        seconds.append(waits.seconds("sarah"))
    assert seconds[:4] == [0, 0, 1, 2]
    assert seconds == sorted(seconds)
    assert seconds[-1] == WAIT_SECONDS_MAX
    assert waits.seconds("tom") == 0
    clock.advance(WAIT_SECONDS_MAX)
    assert waits.seconds("sarah") == 0


@pytest.mark.parametrize("minutes", [1, 10_000])
def test_without_idle_minutes_it_never_locks_by_itself(minutes: int) -> None:
    clock = ManualClock(START)
    idle = Idle(clock, 0)
    clock.advance(60 * minutes)
    assert not idle.due


def test_rights_are_worked_out_once_for_a_person_and_a_data_model() -> None:
    known, catalog = KnownRights(), build(load_packs())
    first = known.of(catalog, "Field_Representative", ())
    assert known.of(catalog, "Field_Representative", ()) is first
    assert known.of(catalog, "Field_Manager", ()).profile == "Field_Manager"
