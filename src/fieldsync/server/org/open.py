"""The orgs a server process serves: found in the directory, opened with a pool each, and kept up with deploys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from fieldsync.base.world import World
from fieldsync.schema.catalog import Catalog
from fieldsync.server.org.begin.record_types import known_record_types
from fieldsync.server.org.begin.upgrade import upgrade_org
from fieldsync.server.org.directory import enter_org, find_org, list_orgs, org_row
from fieldsync.server.org.runtime import KnownRecordType, Org, OrgRow, make_org
from fieldsync.server.postgres.connect import admin_connection, open_database
from fieldsync.server.postgres.partitions import ensure_partitions
from fieldsync.server.postgres.queue.schema import make_queue
from fieldsync.server.postgres.stored_catalog import current_catalog
from fieldsync.server.postgres.work import Pool, Work, transaction
from fieldsync.soql.parse import make_ready

T = TypeVar("T")


async def open_orgs(stack: AsyncExitStack, uri: str, world: World) -> dict[str, Org]:
    """Every org by name, each with an open pool that `stack` closes."""
    return {name: await open_org(stack, uri, name, world) for name in await asyncio.to_thread(_names, uri)}


async def open_org(stack: AsyncExitStack, uri: str, name: str, world: World) -> Org:
    """One org with an open pool that `stack` closes, brought to this version first (`begin/upgrade.py`).

    Raises Refused: NO_ORG, and what an upgrade refuses.
    """
    await asyncio.to_thread(upgrade_org, uri, name, world)
    schema = await asyncio.to_thread(_schema, uri, name)
    database = await open_database(uri, schema, world=world, application_name=f"fieldsync {name}")
    stack.push_async_callback(database.close)
    return await asyncio.to_thread(_made, uri, name, (database.pool, database.beside), world)


async def at_work(uri: str, name: str, world: World, act: Callable[[Org, Work], Awaitable[T]]) -> T:
    """One act in one transaction, on an org that no server of this process serves. Raises what the act raises."""
    async with AsyncExitStack() as stack:
        org = await open_org(stack, uri, name, world)
        async with transaction(org.pool) as work:
            return await act(org, work)


async def reopen_org(uri: str, org: Org) -> Org:
    """The org with the catalog deployed last, on the pool it has."""
    return await asyncio.to_thread(_made, uri, org.name, (org.pool, org.beside), org.world)


def _names(uri: str) -> list[str]:
    with admin_connection(uri) as connection:
        return [org.name for org in list_orgs(connection)]


def _schema(uri: str, name: str) -> str:
    with admin_connection(uri) as connection:
        return find_org(connection, name).schema


def _made(uri: str, name: str, pools: tuple[Pool, Pool], world: World) -> Org:
    """Beside the event loop, because statements and formulas are compiled."""
    row, catalog, record_types = _prepare(uri, name, world)
    make_ready()
    return make_org(row, catalog, pools, world, record_types)


def _prepare(uri: str, name: str, world: World) -> tuple[OrgRow, Catalog, dict[str, KnownRecordType]]:
    """What the org's own tables say, once the queue and the parts of its change log for the next days are there."""
    with admin_connection(uri) as connection:
        org = enter_org(connection, name)
        ensure_partitions(connection, world.clock.now().date())
        make_queue(connection)
        catalog = current_catalog(connection)
        assert catalog is not None, "an org is created with its catalog"
        return org_row(connection, org), catalog, known_record_types(connection, catalog)
