"""The parts of the change log, one a day: made ahead of time, and dropped when the log is old enough."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, func, select, text

from fieldsync.base import limits
from fieldsync.server.postgres.names import CHANGE_LOG, DEFAULT_PARTITION, partition_day, partition_name, quoted

DAYS_AHEAD = 14
_LOCK = "fieldsync change log "
LOCK_TIMEOUT_MS = 2_000
"""Dropping a part waits for readers of the log and makes later ones wait: it gives up soon and is tried again."""


def missing_days(there: set[date], today: date) -> list[date]:
    """The days from yesterday (clocks differ) to `DAYS_AHEAD` that have no part yet."""
    wanted = (today + timedelta(days=n) for n in range(-1, DAYS_AHEAD + 1))
    return [day for day in wanted if day not in there]


def expired_days(there: set[date], today: date) -> list[date]:
    """The days whose part is older than the log is kept."""
    return sorted(day for day in there if day < today - timedelta(days=limits.CHANGE_LOG_DAYS))


def ensure_partitions(connection: Connection, today: date) -> list[date]:
    """Make the parts that are missing; the days they are for. Run at every deploy, every start and every day:
    by one at a time."""
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": DEFAULT_PARTITION}).scalar() is None:
        connection.exec_driver_sql(f"CREATE TABLE {DEFAULT_PARTITION} PARTITION OF {CHANGE_LOG} DEFAULT")
    if not missing_days(_days(connection), today):
        return []
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(func.concat(_LOCK, func.current_schema())))))
    missing = missing_days(_days(connection), today)  # another may have made them while this one waited
    for day in missing:
        _make(connection, day)
    return missing


def drop_expired(connection: Connection, today: date) -> list[date]:
    """Drop the parts older than `CHANGE_LOG_DAYS`; their days. Raises a lock time-out when readers hold the log."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    expired = expired_days(_days(connection), today)
    for day in expired:
        connection.exec_driver_sql(f"DROP TABLE {quoted(partition_name(day))}")
    return expired


def _days(connection: Connection) -> set[date]:
    names = connection.execute(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:log)"),
        {"log": CHANGE_LOG},
    ).scalars()
    return {day for name in names if (day := partition_day(name)) is not None}


def _make(connection: Connection, day: date) -> None:
    """Changes of that day that were written already lie in the default part, and move."""
    name, following = quoted(partition_name(day)), day + timedelta(days=1)
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {CHANGE_LOG} INCLUDING ALL)")
    connection.exec_driver_sql(
        f"WITH moved AS (DELETE FROM {DEFAULT_PARTITION} WHERE day = '{day}' RETURNING *) "  # noqa: S608 our own names
        f"INSERT INTO {name} SELECT * FROM moved"
    )
    connection.exec_driver_sql(
        f"ALTER TABLE {CHANGE_LOG} ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{following}')"
    )
