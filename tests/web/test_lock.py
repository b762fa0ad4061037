"""The lock screen's rules, by the clock; and rights, which every page asks for, are worked out once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fieldsync.base.world import ManualClock
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.web.field.context import KnownRights
from fieldsync.web.field.lock.lock import TRIES_MAX, Answered, Keeper, Lock

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_it_locks_when_the_person_was_idle_for_longer_than_that() -> None:
    clock = ManualClock(START)
    lock = Lock(clock, Keeper(lambda text: text == "right", lambda: None), 3600.0)
    clock.advance(3600)
    assert not lock.locked
    lock.touch()
    clock.advance(3600)
    assert not lock.locked
    clock.advance(1)
    lock.touch()
    held = [lock.locked]
    assert lock.answer("right") is Answered.OPEN
    assert [*held, lock.locked] == [True, False], "only the passphrase opens it"


def test_wrong_answers_wait_longer_each_time_and_end_the_app() -> None:
    clock, stopped = ManualClock(START), list[bool]()
    lock = Lock(clock, Keeper(lambda text: text == "right", lambda: stopped.append(True)), 0.0)
    lock.close()
    assert [lock.answer("wrong") for _ in range(3)] == [Answered.WRONG] * 3
    assert lock.answer("right") is Answered.TOO_SOON
    waits = list[float]()
    for _ in range(TRIES_MAX - 4):
        clock.advance(lock.wait_seconds)
        assert lock.answer("wrong") is Answered.WRONG
        waits.append(lock.wait_seconds)
    assert waits == sorted(waits)
    clock.advance(60)
    assert lock.answer("wrong") is Answered.STOPPED
    assert stopped == [True]


@pytest.mark.parametrize("minutes", [1, 10_000])
def test_without_idle_minutes_it_never_locks_by_itself(minutes: int) -> None:
    clock = ManualClock(START)
    lock = Lock(clock, Keeper(lambda _: False, lambda: None), 0.0)
    clock.advance(60 * minutes)
    assert not lock.locked


def test_rights_are_worked_out_once_for_a_person_and_a_data_model() -> None:
    known, catalog = KnownRights(), build(load_packs())
    first = known.of(catalog, "Field_Representative", ())
    assert known.of(catalog, "Field_Representative", ()) is first
    assert known.of(catalog, "Field_Manager", ()).profile == "Field_Manager"
