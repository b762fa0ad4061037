"""Who reads an org with tools of his own: a role of the database, and views for it."""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.deploy.apply import lock_deploys
from fieldsync.server.postgres.deploy.views import clear_views, drop_role, make_role, make_views
from fieldsync.server.postgres.stored_catalog import current_catalog


def make_reader(connection: AdminConnection, password: str) -> tuple[str, int]:
    """Make the role with its views, or give it another password; its name, and how many views it reads.

    Raises Refused(UNUSABLE) for a password that is too short.
    """
    if len(password) < limits.PASSWORD_CHARS_MIN:
        reason = f"it has fewer than {limits.PASSWORD_CHARS_MIN} characters"
        raise Refused(problem(Code.UNUSABLE, what="The password", reason=reason))
    lock_deploys(connection)
    catalog = current_catalog(connection)
    assert catalog is not None, "an org is created with its catalog"
    role = make_role(connection, password)
    clear_views(connection)
    return role, make_views(connection, catalog)


def drop_reader(connection: AdminConnection) -> None:
    """Take the role and its views away."""
    lock_deploys(connection)
    drop_role(connection)
