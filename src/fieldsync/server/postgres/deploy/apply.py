"""Deploying a catalog: carries out a plan in one transaction, or nothing of it.

`plan.py` decides; here the steps run as they were shown. A step that loses data runs only when it was allowed.
"""

from __future__ import annotations

from sqlalchemy import Connection, exc, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Clock
from fieldsync.formula.sql.ddl import ddl
from fieldsync.server.postgres.deploy.plan import Plan, Step
from fieldsync.server.postgres.deploy.views import clear_views, make_views
from fieldsync.server.postgres.partitions import ensure_partitions
from fieldsync.server.postgres.queue.schema import make_queue
from fieldsync.server.postgres.stored_catalog import store_catalog


def lock_deploys(connection: Connection) -> None:
    """Let one deploy of this org run at a time; lasts as long as the transaction. Taken before planning."""
    connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(func.concat("fieldsync deploy ", func.current_schema()))))
    )


def apply(connection: Connection, plan: Plan, *, clock: Clock, allow_drop: bool = False) -> None:
    """Run the plan's steps, store its catalog and make the change log's partitions, all in the caller's transaction.

    Raises Refused(DEPLOY_LOSES_DATA) before anything runs, or Refused(DEPLOY_FAILED); the caller then rolls back.
    """
    if plan.destructive and not allow_drop:
        raise Refused(problem(Code.DEPLOY_LOSES_DATA, steps=", ".join(describe(step) for step in plan.destructive)))
    _make_helpers(connection)
    make_queue(connection)
    had_views = bool(plan.steps or plan.catalog_changed) and clear_views(connection)
    for step in plan.steps:
        try:
            connection.exec_driver_sql(step.sql)
        except exc.DBAPIError as failed:
            reason = str(failed.orig).partition("\n")[0]
            raise Refused(problem(Code.DEPLOY_FAILED, step=describe(step).capitalize(), reason=reason)) from failed
    if plan.catalog_changed:
        store_catalog(connection, plan.catalog, clock.now())
    if had_views:
        make_views(connection, plan.catalog)
    ensure_partitions(connection, clock.now().date())


def _make_helpers(connection: Connection) -> None:
    """The functions that formulas are computed with: shared by every org of a database, so made by one at a time."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("fieldsync formula helpers"))))
    for statement in ddl():
        connection.exec_driver_sql(statement.replace("%", "%%"))


def describe(step: Step) -> str:
    """One step in words: `drop column Account.Fax`."""
    place = step.object if step.field is None else f"{step.object}.{step.field}"
    return f"{step.kind.value} {place}" + (f" ({step.note})" if step.note else "")
