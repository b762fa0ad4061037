"""Which orgs this PostgreSQL holds, and where each lives: the table `_fieldsync_org` in the schema `public`.

Only names and places. What an org holds is in its own schema.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Column, DateTime, MetaData, Table, Text, delete, func, insert, select, text

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import OrgRow
from fieldsync.server.postgres.connect import AdminConnection
from fieldsync.server.postgres.deploy.levels import PRESENT, Reached, reached
from fieldsync.server.postgres.deploy.views import views_schema
from fieldsync.server.postgres.names import quoted
from fieldsync.server.postgres.tables import system_tables

_HAS_ROLE = text("SELECT rolname FROM pg_roles WHERE rolname = :role")
_DIRECTORY = Table(
    "_fieldsync_org",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("org_id", Text, nullable=False, unique=True),
    Column("schema", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    schema="public",
)
_TABLES = MetaData()
system_tables(_TABLES)
_SECRET = _TABLES.tables["_secret"]
_MAC = "mac"


class OrgListing(msgspec.Struct, frozen=True):
    """An org as the directory lists it."""

    name: str
    org_id: str
    schema: str
    created_at: datetime


def list_orgs(connection: AdminConnection) -> list[OrgListing]:
    """Every org, by name."""
    if not _exists(connection):
        return []
    return [OrgListing(*row) for row in connection.execute(select(_DIRECTORY).order_by(_DIRECTORY.c.name))]


def find_org(connection: AdminConnection, name: str) -> OrgListing:
    """One org. Raises Refused(NO_ORG)."""
    for org in list_orgs(connection):
        if org.name == name:
            return org
    raise Refused(problem(Code.NO_ORG, name=name))


def enter_org(connection: AdminConnection, name: str) -> OrgListing:
    """Point the rest of this transaction at an org's schema. Raises Refused: NO_ORG, ORG_NEWER, ORG_OLDER."""
    org = enter_any_org(connection, name)
    if not level_of(connection, org).present:
        raise Refused(problem(Code.ORG_OLDER, name=name))
    return org


def enter_any_org(connection: AdminConnection, name: str) -> OrgListing:
    """As `enter_org`, for who creates or upgrades it. Raises Refused(NO_ORG)."""
    org = find_org(connection, name)
    connection.execute(select(func.set_config("search_path", quoted(org.schema), True)))
    return org


def level_of(connection: AdminConnection, org: OrgListing) -> Reached:
    """Where an org that was entered stands. Raises Refused(ORG_NEWER)."""
    found = reached(connection)
    if found.newer:
        raise Refused(problem(Code.ORG_NEWER, name=org.name, level=found.level, known=PRESENT))
    return found


def org_row(connection: AdminConnection, org: OrgListing) -> OrgRow:
    """What a server needs of an org it has entered, its secret included."""
    key = connection.execute(select(_SECRET.c.value).where(_SECRET.c.name == _MAC)).scalar_one()
    return OrgRow(name=org.name, org_id=org.org_id, schema=org.schema, mac_key=bytes(key))


def add_mac_key(connection: AdminConnection, key: bytes) -> None:
    """Keep the key that seals a new org's tokens."""
    connection.execute(insert(_SECRET).values(name=_MAC, value=key))


def add_org(connection: AdminConnection, org: OrgListing) -> None:
    """Enter an org that is being created. Raises Refused(ORG_EXISTS); two creations wait for each other."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("fieldsync directory"))))
    _DIRECTORY.create(connection, checkfirst=True)
    if any(org.name == other.name for other in list_orgs(connection)):
        raise Refused(problem(Code.ORG_EXISTS, name=org.name))
    connection.execute(insert(_DIRECTORY).values(**msgspec.structs.asdict(org)))


def drop_org(connection: AdminConnection, name: str) -> None:
    """Remove an org with everything in it, for good. Raises Refused(NO_ORG)."""
    org = find_org(connection, name)
    for role in connection.execute(_HAS_ROLE, {"role": views_schema(org.schema)}).scalars().all():
        connection.execute(text(f"DROP SCHEMA IF EXISTS {quoted(role)} CASCADE"))
        connection.execute(text(f"DROP OWNED BY {quoted(role)}"))
        connection.execute(text(f"DROP ROLE {quoted(role)}"))
    connection.execute(text(f"DROP SCHEMA IF EXISTS {quoted(org.schema)} CASCADE"))
    connection.execute(delete(_DIRECTORY).where(_DIRECTORY.c.name == name))


def _exists(connection: AdminConnection) -> bool:
    return connection.execute(select(func.to_regclass("public._fieldsync_org"))).scalar() is not None
