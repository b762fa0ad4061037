"""Orgs are made whole, live apart, take new catalogs and go without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from fieldsync.base import ids
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.schema.access.permissions import Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack, PicklistValue
from fieldsync.server.org.create import catalog_of, create_org, deploy_catalog, seeding_org
from fieldsync.server.org.directory import drop_org, enter_org, list_orgs, org_row
from fieldsync.server.org.passwords import verify
from fieldsync.server.org.seed import Seeding, insert_rows, mint_ids
from fieldsync.server.org.statistics import ROWS_FROM
from fieldsync.server.org.users import NewUser, create_user, find_user, set_password
from fieldsync.server.postgres.connect import AdminConnection, admin_connection

WORLD = system_world()
PASSWORD = "mango river staple"
ADMIN = NewUser("admin@example.com", PASSWORD, "Admin", "Miller", {"FirstName": "Ada"})
CALL = Object(
    name="Call",
    label="Call",
    prefix="a01",
    name_field=NameField(type=FieldType.AUTO_NUMBER, display_format="C-{0000}", starting_number=7),
    fields=(
        Field(name="Status", type=FieldType.PICKLIST, values=(PicklistValue(value="Planned", default=True),)),
        Field(name="When__c", type=FieldType.DATETIME),
        Field(name="Price__c", type=FieldType.CURRENCY, scale=2),
        Field(name="Signed__c", type=FieldType.CHECKBOX),
        Field(name="ParentId", type=FieldType.LOOKUP, references="Call"),
    ),
)
USER = Object(
    name="User",
    label="User",
    prefix="005",
    name_field=NameField(compose=("FirstName", "LastName")),
    fields=(
        Field(name="Username", type=FieldType.TEXT, required=True, unique=True),
        Field(name="FirstName", type=FieldType.TEXT),
        Field(name="LastName", type=FieldType.TEXT, required=True),
        Field(name="IsActive", type=FieldType.CHECKBOX),
        Field(name="ProfileId", type=FieldType.LOOKUP, references="Profile"),
    ),
)


def catalog(*more: Object, profiles: tuple[str, ...] = ("Admin", "Rep")) -> Catalog:
    declared = tuple(Profile(name=name, label=name, admin=name == "Admin") for name in profiles)
    objects = (Object(name="Profile", label="Profile", prefix="00e"), USER, CALL, *more)
    return build([Pack(name="test", label="Test", objects=objects, profiles=declared)])


@contextmanager
def inside(uri: str, org: str) -> Iterator[AdminConnection]:
    with admin_connection(uri) as connection:
        enter_org(connection, org)
        yield connection


def names(uri: str) -> list[str]:
    with admin_connection(uri) as connection:
        return [org.name for org in list_orgs(connection)]


def test_an_org_begins_with_its_tables_profiles_key_and_admin(database: str) -> None:
    org = create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    assert org.org_id.startswith("00D")
    with inside(database, "acme") as connection:
        assert len(org_row(connection, org).mac_key) == 32
        user = connection.execute(text('SELECT * FROM "User"')).mappings().one()
        profiles = connection.execute(text('SELECT "Name" FROM "Profile" ORDER BY 1')).scalars().all()
        kept = connection.execute(text("SELECT password_hash FROM _credential")).scalar_one()
        logged = connection.execute(text("SELECT object, id FROM _change WHERE object = 'User'")).one()
        heads = connection.execute(text("SELECT user_id, position FROM _user_head")).all()
    assert user["Name"] == "Ada Miller"
    assert user["OwnerId"] == user["CreatedById"] == user["Id"]
    assert user["IsActive"] is True
    assert profiles == ["Admin", "Rep"]
    assert verify(kept, PASSWORD)
    assert logged.id == user["Id"]
    assert heads == [(user["Id"], 0)]
    assert catalog_of(database, "acme").version == catalog().version


@pytest.mark.parametrize("bad", ["", "Acme", "9lives", 'a"b', "public; drop", "x" * 60])
def test_a_name_that_is_no_org_name_is_refused(database: str, bad: str) -> None:
    with pytest.raises(Refused) as refused:
        create_org(database, bad, catalog(), admin=ADMIN, world=WORLD)
    assert refused.value.problem.code is Code.BAD_NAME


def test_a_name_is_given_once_and_a_failed_creation_leaves_nothing(database: str) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    with pytest.raises(Refused, match="ORG_EXISTS"):
        create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    weak = NewUser("admin", "short", "Admin", "Miller")
    with pytest.raises(Refused, match="WEAK_PASSWORD"):
        create_org(database, "other", catalog(), admin=weak, world=WORLD)
    assert names(database) == ["acme"]
    with admin_connection(database) as connection:
        assert connection.execute(text("SELECT to_regnamespace('org_other')")).scalar() is None


def test_orgs_live_apart_and_a_dropped_one_is_gone(database: str) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    create_org(database, "beta", catalog(), admin=ADMIN, world=WORLD)
    with seeding_org(database, "acme", WORLD) as seeding:
        insert_rows(seeding, "Call", [{}])
    with inside(database, "beta") as connection:
        assert connection.execute(text('SELECT count(*) FROM "Call"')).scalar_one() == 0
    with admin_connection(database) as connection:
        drop_org(connection, "acme")
    assert names(database) == ["beta"]
    with pytest.raises(Refused, match="NO_ORG"):
        catalog_of(database, "acme")


def test_who_fills_a_table_tells_the_planner_so_that_a_refresh_reads_it_in_order_instead_of_sorting_it(
    database: str,
) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    with seeding_org(database, "acme", WORLD) as seeding:
        insert_rows(seeding, "Call", [{}] * 3 * ROWS_FROM)
    with inside(database, "acme") as connection:
        counted = "SELECT reltuples FROM pg_class WHERE oid = '\"Call\"'::regclass"
        assert connection.execute(text(counted)).scalar_one() == 3 * ROWS_FROM
        in_order = """EXPLAIN SELECT json_build_array("Id", "Name") FROM "Call" WHERE "Id" > '' ORDER BY "Id\""""
        assert "Sort" not in "".join(connection.execute(text(in_order)).scalars())


def test_a_deploy_shows_its_steps_adds_profiles_and_then_has_nothing_to_do(database: str) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    wanted = catalog(Object(name="Extra__c", label="Extra", prefix="a02"), profiles=("Admin", "Rep", "Boss"))
    shown = deploy_catalog(database, "acme", wanted, world=WORLD, dry_run=True, allow_drop=False)
    assert not shown.applied
    assert shown.plan.steps
    assert deploy_catalog(database, "acme", wanted, world=WORLD, dry_run=False, allow_drop=False).applied
    again = deploy_catalog(database, "acme", wanted, world=WORLD, dry_run=False, allow_drop=False)
    assert again.plan.empty
    assert not again.applied
    with inside(database, "acme") as connection:
        assert connection.execute(text('SELECT count(*) FROM "Profile"')).scalar_one() == 3


def test_seeded_rows_get_all_a_saved_row_would(database: str) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    with seeding_org(database, "acme", WORLD) as seeding:
        [parent] = mint_ids(seeding, "Call", 1)
        child, told = insert_rows(
            seeding,
            "Call",
            [
                {"ParentId": parent, "When__c": "2026-01-02T04:04:05+01:00", "Price__c": 1.5},
                {"Id": parent, "CreatedDate": "2020-01-01T00:00:00Z", "Signed__c": True, "Name": "C-old"},
            ],
        )
        stamp = seeding.stamp
    assert told == parent
    assert ids.is_id(child)
    with inside(database, "acme") as connection:
        rows = {row["Id"]: row for row in connection.execute(text('SELECT * FROM "Call"')).mappings()}
        changes = connection.execute(text("SELECT id, kind, stamp FROM _change WHERE object = 'Call'")).all()
    assert rows[child]["Name"] == "C-0007"
    assert rows[child]["Status"] == "Planned"
    assert str(rows[child]["Price__c"]) == "1.50"
    assert rows[child]["When__c"].isoformat() == "2026-01-02T03:04:05+00:00"
    assert rows[child]["Signed__c"] is False
    assert rows[parent]["Name"] == "C-old"
    assert rows[parent]["CreatedDate"].year == 2020
    assert rows[child]["_stamp"] == stamp
    assert sorted(changes) == sorted([(child, "created", stamp), (parent, "created", stamp)])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"Nope": 1}, Code.UNKNOWN_FIELD),
        ({"Price__c": "much"}, Code.WRONG_TYPE),
        ({"Status": "Elsewhere"}, Code.PICKLIST),
        ({"ParentId": "123"}, Code.INVALID_REF),
    ],
)
def test_a_bad_value_is_refused_with_its_field_and_nothing_is_kept(
    database: str, row: dict[str, object], code: Code
) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)

    def bring_in(seeding: Seeding) -> None:
        insert_rows(seeding, "Call", [{}])
        insert_rows(seeding, "Call", [row])

    with pytest.raises(Refused) as refused, seeding_org(database, "acme", WORLD) as seeding:
        bring_in(seeding)
    assert refused.value.problem.code is code
    assert refused.value.problem.field in row
    with inside(database, "acme") as connection:
        assert connection.execute(text('SELECT count(*) FROM "Call"')).scalar_one() == 0


def test_a_user_name_is_given_once_in_any_spelling_and_a_profile_must_be_there(database: str) -> None:
    create_org(database, "acme", catalog(), admin=ADMIN, world=WORLD)
    with seeding_org(database, "acme", WORLD) as seeding:
        sarah = create_user(seeding, NewUser("sarah@example.com", PASSWORD, "Rep", "Kern"), WORLD.chance)
        assert find_user(seeding, "SARAH@example.com") == sarah
        with pytest.raises(Refused, match="DUPLICATE"):
            create_user(seeding, NewUser("Sarah@Example.com", PASSWORD, "Rep", "Kern"), WORLD.chance)
        with pytest.raises(Refused, match="INVALID_REF"):
            create_user(seeding, NewUser("bob@example.com", PASSWORD, "Nobody", "Kern"), WORLD.chance)
        set_password(seeding, "sarah@example.com", "another good one", WORLD.chance)
        kept = seeding.connection.execute(
            text("SELECT password_hash FROM _credential WHERE user_id = :id"), {"id": sarah}
        ).scalar_one()
    assert verify(kept, "another good one")
