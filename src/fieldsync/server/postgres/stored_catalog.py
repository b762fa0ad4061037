"""The catalog an org runs on, as its own database keeps it: every version that was deployed, one of them current."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, MetaData, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from fieldsync.schema.catalog import Catalog, decode, encode
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import CATALOGS_KEPT, system_tables
from fieldsync.server.postgres.work import Work

_TABLES = MetaData()
system_tables(_TABLES)
_CATALOG = _TABLES.tables["_catalog"]

CURRENT_CATALOG_SQL = "SELECT version, packs FROM _catalog WHERE current"
"""For the server's pool: at most one row."""
_FORMER = compile_statement(select(_CATALOG.c.packs).where(_CATALOG.c.current.is_(False)))
_OF_VERSION = compile_statement(select(_CATALOG.c.packs).where(_CATALOG.c.version == bindparam("version")))
CATALOG_CHANNEL = "fieldsync_catalog"
"""Notified with the org's schema when a deploy has committed."""


def current_catalog(connection: Connection) -> Catalog | None:
    """The catalog deployed last; None in a schema that holds no org yet."""
    if connection.execute(select(func.to_regclass("_catalog"))).scalar() is None:
        return None
    packs = connection.execute(select(_CATALOG.c.packs).where(_CATALOG.c.current)).scalar()
    return None if packs is None else _catalog(bytes(packs))


def assigned_prefixes(connection: Connection) -> dict[str, str]:
    """Every key prefix this org ever gave, object to prefix; those of objects that are gone are never given again."""
    found: dict[str, str] = {}
    for packs in connection.execute(select(_CATALOG.c.packs).order_by(_CATALOG.c.deployed_at)).scalars():
        found |= {declared.name: declared.prefix for declared in decode(packs)}
    return found


async def former_fields(database: Work) -> dict[str, set[str]]:
    """Every object and column of the catalogs before the current one."""
    found: dict[str, set[str]] = {}
    for (packs,) in await database.rows(_FORMER):
        for name, columns in _fields_of(bytes(packs)).items():
            found.setdefault(name, set()).update(columns)
    return found


async def packs_of(database: Work, version: str) -> bytes | None:
    """A catalog that was deployed once, as `encode` wrote it; None where there was none of this version."""
    row = await database.one(_OF_VERSION, version=version)
    return None if row is None else bytes(row[0])


@lru_cache(maxsize=CATALOGS_KEPT)
def _catalog(packs: bytes) -> Catalog:
    """One value for one content, so that what is made from it is made once."""
    return decode(packs)


@lru_cache(maxsize=256)
def _fields_of(packs: bytes) -> Mapping[str, tuple[str, ...]]:
    return {object_type.name: object_type.columns for object_type in decode(packs)}


def store_catalog(connection: Connection, catalog: Catalog, at: datetime) -> None:
    """Make `catalog` the current one, and tell the servers when this transaction commits."""
    connection.execute(update(_CATALOG).values(current=False).where(_CATALOG.c.current))
    row = {"packs": encode(catalog), "deployed_at": at, "current": True}
    new = insert(_CATALOG).values(version=catalog.version, **row)
    connection.execute(new.on_conflict_do_update(index_elements=["version"], set_=row))
    connection.execute(select(func.pg_notify(CATALOG_CHANNEL, func.current_schema())))
