"""The versions of the data model that were ever deployed, and which devices work with which."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, literal, select

from fieldsync.base.world import instant
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.sync.forcing import reload

VERSIONS_MAX = 100


@dataclass(frozen=True)
class Version:
    """One version; `devices` said last that they work with it."""

    version: str
    deployed_at: str
    current: bool
    devices: int


async def versions(org: Org, database: Database) -> list[Version]:
    """The newest first."""
    catalog, device = org.metadata.tables["_catalog"], org.metadata.tables["Device"]
    held = select(func.count()).where(
        device.c.Metadata_Version == catalog.c.version, device.c.Active.is_(True), device.c.IsDeleted.is_(False)
    )
    query = select(catalog.c.version, catalog.c.deployed_at, catalog.c.current, held.scalar_subquery())
    newest = case((catalog.c.current, 0), else_=1)
    rows = await database.rows(
        compile_statement(query.order_by(newest, catalog.c.deployed_at.desc()).limit(VERSIONS_MAX))
    )
    return [Version(row[0], instant(row[1]), row[2], row[3]) for row in rows]


async def behind(org: Org, database: Database) -> list[tuple[str, str, str, str]]:
    """(person, device, version, last seen) of active devices that work with another version than the current."""
    device, user = org.metadata.tables["Device"], org.metadata.tables["User"]
    query = select(user.c.Name, device.c.Name, device.c.Metadata_Version, device.c.Last_Seen_At).select_from(
        device.join(user, user.c.Id == device.c.UserId)
    )
    others = query.where(
        device.c.Active.is_(True),
        device.c.IsDeleted.is_(False),
        device.c.Metadata_Version.is_not(None),
        device.c.Metadata_Version != org.catalog.version,
    )
    rows = await database.rows(compile_statement(others.order_by(device.c.Last_Seen_At).limit(VERSIONS_MAX)))
    return [(r[0] or "", r[1] or "", r[2][:12], instant(r[3]) if r[3] else "") for r in rows]


async def owing(org: Org, database: Database, asked: reload.Asked) -> list[tuple[str, str, str, str]]:
    """(person, id of the device, device, last seen) of active devices that have not loaded everything anew since."""
    device, user = org.metadata.tables["Device"], org.metadata.tables["User"]
    query = select(user.c.Name, device.c.Id, device.c.Name, device.c.Last_Seen_At).select_from(
        device.join(user, user.c.Id == device.c.UserId)
    )
    still = query.where(
        device.c.Active.is_(True),
        device.c.IsDeleted.is_(False),
        device.c.Support_ById.is_(None),
        reload.behind(device, literal(asked.asked_at)),
    )
    rows = await database.rows(compile_statement(still.order_by(device.c.Last_Seen_At).limit(VERSIONS_MAX)))
    return [(r[0] or "", r[1], r[2] or "", instant(r[3]) if r[3] else "") for r in rows]
