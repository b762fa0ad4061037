"""The parts of the change log."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from fieldsync.base.limits import CHANGE_LOG_DAYS
from fieldsync.base.world import SystemClock
from fieldsync.schema.catalog import build
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.deploy.apply import apply
from fieldsync.server.postgres.deploy.plan import plan
from fieldsync.server.postgres.partitions import DAYS_AHEAD, drop_expired, ensure_partitions, expired_days, missing_days

TODAY = date(2030, 2, 1)


@contextmanager
def made(database: str) -> Iterator[AdminConnection]:
    with admin_connection(database) as admin:
        admin.exec_driver_sql("CREATE SCHEMA org_test")
    with admin_connection(database, "org_test") as admin:
        apply(admin, plan(admin, build([])), clock=SystemClock())
        yield admin


@pytest.fixture
def connection(database: str) -> Iterator[AdminConnection]:
    with made(database) as admin:
        yield admin


def log(connection: AdminConnection, day: date) -> None:
    connection.exec_driver_sql(
        "INSERT INTO _change (day, stamp, version, seq, object, id, kind, at)"
        " VALUES (%(day)s, 1, 1, 0, 'Order', '8', 'created', now())",
        {"day": day},
    )


def parts(connection: AdminConnection) -> dict[str, int]:
    found = connection.exec_driver_sql("SELECT tableoid::regclass::text, count(*) FROM _change GROUP BY 1")
    return {row[0]: row[1] for row in found}


def test_parts_reach_from_yesterday_to_two_weeks_ahead() -> None:
    days = missing_days(set(), TODAY)
    assert days[0] == TODAY - timedelta(days=1)
    assert days[-1] == TODAY + timedelta(days=DAYS_AHEAD)
    assert missing_days(set(days), TODAY) == []
    assert expired_days({TODAY - timedelta(days=CHANGE_LOG_DAYS)}, TODAY) == []


def test_a_change_of_a_day_without_a_part_is_kept_and_moves_when_the_part_is_made(connection: AdminConnection) -> None:
    log(connection, TODAY)
    assert parts(connection) == {"_change_default": 1}
    assert TODAY in ensure_partitions(connection, TODAY)
    assert parts(connection) == {"_change_20300201": 1}
    assert ensure_partitions(connection, TODAY) == []
    log(connection, TODAY)
    assert parts(connection) == {"_change_20300201": 2}


def test_two_servers_that_start_at_once_make_them_once(database: str) -> None:
    with made(database):
        pass

    def other() -> list[date]:
        with admin_connection(database, "org_test") as admin:
            return ensure_partitions(admin, TODAY)

    with ThreadPoolExecutor(1) as beside:
        with admin_connection(database, "org_test") as admin:
            assert TODAY in ensure_partitions(admin, TODAY)
            later = beside.submit(other)
            while not later.done() and not admin.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").all():
                wait([later], timeout=0.01)
            assert not later.done(), "it waits for the first"
        assert later.result() == []


def test_parts_older_than_the_log_are_dropped(connection: AdminConnection) -> None:
    ensure_partitions(connection, TODAY)
    log(connection, TODAY)
    later = TODAY + timedelta(days=CHANGE_LOG_DAYS + 1)
    assert max(drop_expired(connection, later)) == TODAY
    assert parts(connection) == {}


def test_parts_are_no_part_of_the_plan(connection: AdminConnection) -> None:
    ensure_partitions(connection, TODAY)
    assert plan(connection, build([])).empty
