"""Making an org, and bringing another catalog to one: each in one transaction, so there is never half an org."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.formula.catalog import CatalogFormulas, LogicFault
from fieldsync.schema.access.permissions import PermissionSet, Profile
from fieldsync.schema.catalog import Catalog
from fieldsync.server.org.begin.record_types import seed_record_types
from fieldsync.server.org.begin.retention import seed_retention
from fieldsync.server.org.begin.schedules import seed_schedules
from fieldsync.server.org.begin.sync_rules import seed_sync_rules
from fieldsync.server.org.directory import OrgListing, add_mac_key, add_org, enter_any_org, enter_org
from fieldsync.server.org.recalculate import changed_masters, note_due
from fieldsync.server.org.seed import Seeding, insert_rows, mint_ids
from fieldsync.server.org.statistics import refresh_statistics
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.deploy.apply import apply, lock_deploys
from fieldsync.server.postgres.deploy.levels import note_reached
from fieldsync.server.postgres.deploy.plan import Plan, plan
from fieldsync.server.postgres.epoch import current_epoch
from fieldsync.server.postgres.names import is_org_name, org_schema, quoted
from fieldsync.server.postgres.stored_catalog import assigned_prefixes, current_catalog
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.sync.session_statements import PERMISSION_SET

ORG_PREFIX = "00D"
MAC_KEY_BYTES = 32


@dataclass(frozen=True)
class Deployed:
    """What a deploy did, or would do."""

    plan: Plan
    applied: bool
    faults: tuple[LogicFault, ...] = ()
    """Formulas, rules and defaults that cannot run, and do not, until they are corrected."""


def create_org(uri: str, name: str, catalog: Catalog, *, admin: NewUser, world: World) -> OrgListing:
    """A new org with its tables, profiles and one admin.

    Raises Refused: BAD_NAME, ORG_EXISTS, and what `create_user` refuses.
    """
    if not is_org_name(name):
        reason = "an org's name is a small letter and up to 39 small letters, digits and _"
        raise Refused(problem(Code.BAD_NAME, name=repr(name), reason=reason))
    org = OrgListing(name, _org_id(world), org_schema(name), world.clock.now())
    with admin_connection(uri) as connection:
        add_org(connection, org)
        connection.exec_driver_sql(f"CREATE SCHEMA {quoted(org.schema)}")
        enter_any_org(connection, name)
        apply(connection, plan(connection, catalog), clock=world.clock)
        note_reached(connection, world.clock.now())
        current_epoch(connection, org.schema, world)
        add_mac_key(connection, world.chance.bytes(MAC_KEY_BYTES))
        _seed(connection, catalog, admin, world)
    return org


def _nothing_more(_: AdminConnection, __: Plan) -> None:
    """A deploy that nobody watches."""


def deploy_catalog(
    uri: str,
    name: str,
    catalog: Catalog,
    *,
    world: World,
    dry_run: bool,
    allow_drop: bool,
    within: Callable[[AdminConnection, Plan], None] = _nothing_more,
) -> Deployed:
    """Bring an org to `catalog`, or with `dry_run` only say what that would take. `within` is called in the transaction
    once all of it is done; what it raises takes it back.

    Raises Refused: NO_ORG, DEPLOY_LOSES_DATA, DEPLOY_FAILED.
    """
    with admin_connection(uri) as connection:
        org = enter_org(connection, name)
        lock_deploys(connection)
        steps = plan(connection, catalog)
        faults = tuple(CatalogFormulas(catalog).faults)
        if dry_run or steps.empty:
            return Deployed(steps, applied=False, faults=faults)
        bring_to(connection, org, steps, world=world, allow_drop=allow_drop)
        within(connection, steps)
        return Deployed(steps, applied=True, faults=faults)


def bring_to(
    connection: AdminConnection, org: OrgListing, steps: Plan, *, world: World, allow_drop: bool = False
) -> None:
    """Carry out a plan in the org that was entered, with all that follows from it.

    Raises Refused: DEPLOY_LOSES_DATA, DEPLOY_FAILED.
    """
    before = current_catalog(connection)
    if before is None or _access_of(before) != _access_of(steps.catalog):
        _renew_rights(connection)
    apply(connection, steps, clock=world.clock, allow_drop=allow_drop)
    note_due(connection, changed_masters(before, steps.catalog))
    current_epoch(connection, org.schema, world)
    _seed_declared(_seeding(connection, steps.catalog, world))


def catalog_of(uri: str, name: str) -> Catalog:
    """The catalog an org runs on. Raises Refused(NO_ORG)."""
    with admin_connection(uri) as connection:
        enter_org(connection, name)
        catalog = current_catalog(connection)
    assert catalog is not None, "an org is created with its catalog"
    return catalog


def prefixes_of(uri: str, name: str) -> dict[str, str]:
    """Every key prefix an org ever gave, object to prefix. Raises Refused(NO_ORG)."""
    with admin_connection(uri) as connection:
        enter_org(connection, name)
        return assigned_prefixes(connection)


@contextmanager
def seeding_org(uri: str, name: str, world: World) -> Iterator[Seeding]:
    """A transaction in which rows may be brought into an org, as its first admin. Raises Refused(NO_ORG)."""
    with admin_connection(uri) as connection:
        org = enter_org(connection, name)
        current_epoch(connection, org.schema, world)
        catalog = current_catalog(connection)
        assert catalog is not None, "an org is created with its catalog"
        yield _seeding(connection, catalog, world)
        refresh_statistics(connection)


def _org_id(world: World) -> str:
    number = ids.DeviceNumber(ids.base62(world.chance.below(ids.DEVICE_NUMBERS), ids.DEVICE_CHARS))
    return ids.mint(ORG_PREFIX, number, world.chance.below(ids.COUNTER_LIMIT))


def _seed(connection: AdminConnection, catalog: Catalog, admin: NewUser, world: World) -> None:
    """The first person owns himself: his id is given before his row is."""
    nobody = Seeding(connection, catalog, RecordId(""), world.clock)
    [admin_id] = mint_ids(nobody, "User", 1)
    seeding = Seeding(connection, catalog, admin_id, world.clock)
    _seed_declared(seeding)
    with_id = NewUser(admin.username, admin.password, admin.profile, admin.last_name, {**admin.values, "Id": admin_id})
    create_user(seeding, with_id, world.chance)


def _seed_declared(seeding: Seeding) -> None:
    """Records for what the catalog declares, where the org does not have them."""
    _seed_profiles(seeding)
    seed_record_types(seeding)
    seed_sync_rules(seeding)
    seed_schedules(seeding)
    seed_retention(seeding)


def _seed_profiles(seeding: Seeding) -> None:
    """A record for each profile and permission set of the catalog that has none, so that others can refer to it."""
    catalog = seeding.catalog
    for name, declared in (("Profile", catalog.profiles), (PERMISSION_SET, catalog.permission_sets)):
        if name in catalog:
            table = seeding.metadata.tables[name]
            there = set(seeding.connection.execute(select(table.c.Name)).scalars())
            insert_rows(seeding, name, [{"Name": one} for one in declared if one not in there])


def _access_of(catalog: Catalog) -> tuple[Mapping[str, Profile], Mapping[str, PermissionSet]]:
    return catalog.profiles, catalog.permission_sets


def _renew_rights(connection: AdminConnection) -> None:
    """Saves in progress end first; those that begin later read the rights that are deployed here (THREATS T20)."""
    head = system_table("_user_head")
    connection.execute(update(head).values(rights_version=head.c.rights_version + 1))


def _seeding(connection: AdminConnection, catalog: Catalog, world: World) -> Seeding:
    """Rows brought in later belong to the org's first user, its admin."""
    users = Seeding(connection, catalog, RecordId(""), world.clock).metadata.tables["User"]
    first = connection.execute(select(users.c.Id).order_by(users.c.CreatedDate, users.c.Id).limit(1)).scalar_one()
    return Seeding(connection, catalog, RecordId(first), world.clock)
