"""Bringing an org of an earlier version to the shape this one works with: its tables and the platform's pack.

Safe to begin anywhere, any number of times, by any number of servers: one at a time works, the others wait and find it
done. People go on working with servers of the version before. What loses data is left alone (see docs/adr/0013).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec
from sqlalchemy import func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs
from fieldsync.schema.prefixes import assign
from fieldsync.server.org.create import bring_to
from fieldsync.server.org.directory import OrgListing, enter_any_org, level_of
from fieldsync.server.postgres.connect import AdminConnection, admin_connection, lone_connection
from fieldsync.server.postgres.deploy.apply import describe
from fieldsync.server.postgres.deploy.gently import carry_out, fill
from fieldsync.server.postgres.deploy.levels import LEVELS, PLATFORM, PRESENT, note_reached
from fieldsync.server.postgres.deploy.plan import Plan, plan
from fieldsync.server.postgres.deploy.views import clear_views
from fieldsync.server.postgres.stored_catalog import assigned_prefixes, current_catalog
from fieldsync.server.postgres.tables import org_metadata

WAIT_SECONDS = 0.2


class Upgraded(msgspec.Struct, frozen=True):
    """What an upgrade did. `left`: what it would have to drop, and did not."""

    org: str
    from_level: int
    to_level: int
    steps: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def upgrade_org(uri: str, name: str, world: World) -> Upgraded:
    """Bring an org to the present level; nothing where it is there.

    Raises Refused: NO_ORG, ORG_NEWER, DEPLOY_FAILED, UNUSABLE for packs that do not fit the platform's any more.
    """
    with admin_connection(uri) as connection:
        org = enter_any_org(connection, name)
        before = level_of(connection, org)
    if before.present:
        return Upgraded(name, PRESENT, PRESENT)
    with _alone(uri, org) as connection:
        before = level_of(connection, org)  # another server may have done it meanwhile
        if before.present:
            return Upgraded(name, PRESENT, PRESENT)
        steps = plan(connection, _next_catalog(connection))
        kept = tuple(step for step in steps.steps if not step.destructive)
        clear_views(connection)
        carry_out(connection, kept, org_metadata(steps.catalog))
        for level in LEVELS:
            for filling in level.fillings if level.number > before.level else ():
                fill(connection, filling)
        _finish(uri, org, steps, world)
    left = tuple(describe(step) for step in steps.destructive)
    return Upgraded(name, before.level, PRESENT, tuple(describe(step) for step in kept), left)


def _finish(uri: str, org: OrgListing, steps: Plan, world: World) -> None:
    """The pack and all that follows from it, and that the level is reached: together, when the tables are there."""
    with admin_connection(uri) as connection:
        enter_any_org(connection, org.name)
        bring_to(connection, org, replace(steps, steps=()), world=world)
        note_reached(connection, world.clock.now())


@contextmanager
def _alone(uri: str, org: OrgListing) -> Iterator[AdminConnection]:
    """A connection that no other upgrade or deploy of this org has at the same time.

    Who waits asks again and again instead of waiting inside a statement: building an index waits for every statement
    that runs, and would wait for him for ever.
    """
    with lone_connection(uri, org.schema) as connection:
        key = func.hashtext(f"fieldsync deploy {org.schema}")
        while not connection.execute(select(func.pg_try_advisory_lock(key))).scalar():
            time.sleep(WAIT_SECONDS)
        yield connection


def _next_catalog(connection: AdminConnection) -> Catalog:
    """The org's catalog with the platform's objects as they are now; its other packs stay for an admin to deploy."""
    before = current_catalog(connection)
    assert before is not None, "an org is created with its catalog"
    own = {pack.name: pack for pack in load_packs((PLATFORM,))}
    packs = assign([own.get(pack.name, pack) for pack in before.packs], assigned_prefixes(connection))
    faults = check(packs)
    if faults:
        raise Refused(problem(Code.UNUSABLE, what="The org's catalog", reason="; ".join(map(str, faults))))
    return build(packs)
