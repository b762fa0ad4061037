"""Steps of a plan carried out while people work: each a transaction of its own, none that writers wait for long.

A step that does not get its lock at once gives up and tries again, so that saves never queue behind it. Indexes are
built beside the writing, under another name, and then take the place of the one they replace. A run that was killed
leaves nothing that the next one does not find and finish.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, MetaData, Table, exc, text
from sqlalchemy.schema import CreateIndex

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.deploy.apply import describe
from fieldsync.server.postgres.deploy.levels import Filling
from fieldsync.server.postgres.deploy.plan import Step, StepKind
from fieldsync.server.postgres.names import fitting, quoted

LOCK_TIMEOUT_MS = 1_000
LOCK_TRIES = 60
LOCK_PAUSE_SECONDS = 0.5


def carry_out(connection: Connection, steps: Iterable[Step], metadata: MetaData) -> None:
    """Run these steps on a connection without a transaction. Raises Refused(DEPLOY_FAILED) with the step."""
    listed = list(steps)
    drop_leftovers(connection)
    built = {step.field for step in listed if step.kind is StepKind.CREATE_INDEX}
    for step in listed:
        if step.kind is StepKind.CREATE_INDEX:
            run = partial(build_index, connection, metadata.tables[step.object], str(step.field))
        elif step.kind is StepKind.DROP_INDEX and step.field in built:
            continue  # it stays until the one that replaces it is there
        else:
            run = partial(_patiently, connection, step.sql)
        _named(describe(step), run)


def build_index(connection: Connection, table: Table, name: str) -> None:
    """Build an index of a table while it is written to; then it takes the name from the one that has it."""
    index = next(index for index in table.indexes if index.name == name)
    _, _, on = str(CreateIndex(index).compile(connection)).partition(" ON ")
    kind, fresh = "UNIQUE INDEX" if index.unique else "INDEX", fitting(f"{name}_new")
    _patiently(connection, f"DROP INDEX IF EXISTS {quoted(fresh)}")
    parts = _parts(connection, table.name)
    if parts is None:
        _unhurried(connection, f"CREATE {kind} CONCURRENTLY {quoted(fresh)} ON {on}")
    else:
        _patiently(connection, f"CREATE {kind} {quoted(fresh)} ON ONLY {on}")
        for part in sorted(set(parts) - _attached(connection, fresh)):
            _build_part(connection, kind, fresh, part)
    _patiently(connection, f"DROP INDEX IF EXISTS {quoted(name)}; ALTER INDEX {quoted(fresh)} RENAME TO {quoted(name)}")


def _build_part(connection: Connection, kind: str, parent: str, part: str) -> None:
    """One part's own index, attached. A part that was made after the parent's index has got one with it."""
    made = text("SELECT pg_get_indexdef(CAST(:name AS regclass))")
    _, _, how = str(connection.execute(made, {"name": quoted(parent)}).scalar_one()).partition(" USING ")
    before = _indexes(connection, part)
    _unhurried(connection, f"CREATE {kind} CONCURRENTLY ON {quoted(part)} USING {how}")
    [new] = _indexes(connection, part) - before
    _patiently(connection, f"ALTER INDEX {quoted(parent)} ATTACH PARTITION {quoted(new)}")


def drop_leftovers(connection: Connection) -> None:
    """What a run that was killed has begun: indexes that a part has by itself."""
    found = text(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "JOIN pg_class t ON t.oid = i.indrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND t.relispartition "
        "AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)"
    )
    for name in connection.execute(found).scalars().all():
        _patiently(connection, f"DROP INDEX IF EXISTS {quoted(name)}")


def fill(connection: Connection, filling: Filling) -> None:
    """Fill in values, part by part where the table has parts. Raises Refused(DEPLOY_FAILED)."""
    for table in _parts(connection, filling.table) or (filling.table,):
        statement = filling.sql.format(table=quoted(table))
        _named(f"fill in {table}", partial(_unhurried, connection, statement))


def _parts(connection: Connection, table: str) -> list[str] | None:
    """The parts of a table; None where it has none, and is whole."""
    kind = connection.execute(
        text("SELECT relkind::text FROM pg_class WHERE oid = CAST(:name AS regclass)"), {"name": quoted(table)}
    ).scalar_one()
    found = text(
        "SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid "
        "WHERE h.inhparent = CAST(:name AS regclass) ORDER BY 1"
    )
    return list(connection.execute(found, {"name": quoted(table)}).scalars()) if kind == "p" else None


def _attached(connection: Connection, index: str) -> set[str]:
    """Parts that have their index under this one."""
    found = text(
        "SELECT t.relname FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid "
        "JOIN pg_class t ON t.oid = i.indrelid WHERE h.inhparent = CAST(:name AS regclass)"
    )
    return set(connection.execute(found, {"name": quoted(index)}).scalars())


def _indexes(connection: Connection, table: str) -> set[str]:
    found = text(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = CAST(:name AS regclass)"
    )
    return set(connection.execute(found, {"name": quoted(table)}).scalars())


def _named(what: str, run: partial[None]) -> None:
    try:
        run()
    except exc.DBAPIError as failed:
        reason = str(failed.orig).partition("\n")[0]
        raise Refused(problem(Code.DEPLOY_FAILED, step=what.capitalize(), reason=reason)) from failed


def _patiently(connection: Connection, sql: str) -> None:
    """Run what needs a lock that stops writers for a moment: soon, or not now."""
    connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            connection.exec_driver_sql(sql)
            return
        except exc.DBAPIError as failed:
            if not isinstance(failed.orig, LockNotAvailable) or not tries_left:
                raise
        time.sleep(LOCK_PAUSE_SECONDS)


def _unhurried(connection: Connection, sql: str) -> None:
    """Run what takes its time and stops nobody: it may wait for those who work."""
    connection.exec_driver_sql("SET lock_timeout = 0")
    connection.exec_driver_sql(sql)
