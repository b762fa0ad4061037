"""The deploy plan: what it finds, what it refuses, and that a second deploy finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SystemClock
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.fields import TYPES
from fieldsync.schema.model import Field, FieldType, NameField, Object, Pack
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.deploy.apply import apply, describe
from fieldsync.server.postgres.deploy.plan import StepKind, plan
from fieldsync.server.postgres.deploy.retype import normal
from fieldsync.server.postgres.stored_catalog import current_catalog

REFERENCES = (FieldType.LOOKUP, FieldType.MASTER_DETAIL)
LONG = "A_Very_Long_Name_Of_Exactly_Forty_Three__c"


def catalog(*fields: Field, objects: tuple[Object, ...] = ()) -> Catalog:
    user = Object(name="User", label="User", prefix="005")
    order = Object(name="Order", label="Order", prefix="801", fields=fields)
    return build([Pack(name="test", label="Test", objects=(user, order, *objects))])


def field(kind: FieldType, name: str = "F__c", **more: object) -> Field:
    if kind in REFERENCES:
        more["references"] = "User"
    if kind is FieldType.AUTO_NUMBER:
        more["display_format"] = "N-{0000}"
    return Field(name=name, type=kind, **more)  # type: ignore[arg-type]


@pytest.fixture
def connection(database: str) -> Iterator[AdminConnection]:
    with admin_connection(database) as admin:
        admin.exec_driver_sql("CREATE SCHEMA org_test")
    with admin_connection(database, "org_test") as admin:
        yield admin


def deploy(connection: AdminConnection, wanted: Catalog, *, allow_drop: bool = False) -> list[str]:
    steps = plan(connection, wanted)
    apply(connection, steps, clock=SystemClock(), allow_drop=allow_drop)
    assert plan(connection, wanted).empty
    return [describe(step) for step in steps.steps]


def test_a_second_deploy_of_every_field_type_plans_nothing(connection: AdminConnection) -> None:
    every = [field(kind, f"F_{kind.value}__c") for kind in FieldType if kind is not FieldType.ID]
    variants = [field(FieldType.TEXT, "U__c", unique=True), field(FieldType.TEXT, "X__c", external_id=True)]
    deploy(connection, catalog(*every, *variants))
    assert plan(connection, catalog(*every, *variants)).empty


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in (FieldType.ID, FieldType.FORMULA)])
def test_each_field_type_has_the_column_its_table_row_states(connection: AdminConnection, kind: FieldType) -> None:
    deploy(connection, catalog(field(kind)))
    found = connection.execute(
        text(
            "SELECT format_type(atttypid, atttypmod) || CASE attcollation WHEN '\"C\"'::regcollation "
            "THEN ' COLLATE \"C\"' ELSE '' END FROM pg_attribute "
            "WHERE attrelid = '\"Order\"'::regclass AND attname LIKE 'F\\_%'"
        )
    ).scalars()
    expected = normal(TYPES[kind].sql(field(kind)))
    assert list(found) == [expected] * (2 if kind is FieldType.GEOLOCATION else 1)


def test_a_formula_has_no_column(connection: AdminConnection) -> None:
    deploy(connection, catalog())
    with_formula = catalog(field(FieldType.FORMULA, formula="1"))
    found = plan(connection, with_formula)
    assert found.steps == ()
    assert found.catalog_changed


def test_new_fields_are_added_and_the_catalog_is_kept(connection: AdminConnection) -> None:
    deploy(connection, catalog())
    wanted = catalog(field(FieldType.TEXT), field(FieldType.EMAIL, "Mail__c", unique=True))
    assert deploy(connection, wanted) == [
        "add column Order.F__c",
        "add column Order.Mail__c",
        "create index Order.ix_Order_Mail__c",
    ]
    stored = current_catalog(connection)
    assert stored is not None
    assert stored.version == wanted.version


def test_a_checkbox_added_to_rows_that_are_there_is_false(connection: AdminConnection) -> None:
    deploy(connection, catalog())
    connection.exec_driver_sql('INSERT INTO "Order" ("Id", "_stamp") VALUES (\'801000000000001AAA\', 1)')
    deploy(connection, catalog(field(FieldType.CHECKBOX)))
    assert connection.exec_driver_sql('SELECT "F__c" FROM "Order"').scalar_one() is False


def test_dropping_a_field_or_object_is_refused_unless_allowed(connection: AdminConnection) -> None:
    extra = Object(name="Extra__c", label="Extra", prefix="a01")
    deploy(connection, catalog(field(FieldType.TEXT), objects=(extra,)))
    with pytest.raises(Refused) as refused:
        deploy(connection, catalog())
    assert refused.value.problem.code is Code.DEPLOY_LOSES_DATA
    assert "drop column Order.F__c" in refused.value.problem.message
    assert "drop table Extra__c" in refused.value.problem.message
    assert deploy(connection, catalog(), allow_drop=True) == ["drop column Order.F__c", "drop table Extra__c"]


def test_a_safe_change_of_type_keeps_the_values(connection: AdminConnection) -> None:
    deploy(connection, catalog(field(FieldType.DATETIME)))
    connection.exec_driver_sql(
        'INSERT INTO "Order" ("Id", "F__c", "_stamp") VALUES (\'801000000000001AAA\', \'2026-11-21 05:31+02\', 1)'
    )
    assert deploy(connection, catalog(field(FieldType.TEXT))) == [
        "alter column Order.F__c (timestamp(0) with time zone to text)"
    ]
    assert connection.exec_driver_sql('SELECT "F__c" FROM "Order"').scalar_one() == "2026-11-21T03:31:00+00:00"


def test_a_change_of_type_that_may_lose_values_is_refused_unless_allowed(connection: AdminConnection) -> None:
    deploy(connection, catalog(field(FieldType.TEXT)))
    with pytest.raises(Refused, match="DEPLOY_LOSES_DATA"):
        deploy(connection, catalog(field(FieldType.NUMBER)))
    deploy(connection, catalog(field(FieldType.NUMBER)), allow_drop=True)


def test_a_value_that_cannot_be_converted_takes_the_deploy_back(connection: AdminConnection) -> None:
    deploy(connection, catalog(field(FieldType.TEXT)))
    connection.exec_driver_sql('INSERT INTO "Order" ("Id", "F__c", "_stamp") VALUES (\'8\', \'many\', 1)')
    with pytest.raises(Refused) as refused, connection.begin_nested():
        deploy(connection, catalog(field(FieldType.NUMBER)), allow_drop=True)
    assert refused.value.problem.code is Code.DEPLOY_FAILED
    assert '"many"' in refused.value.problem.message


def test_a_field_may_become_a_checkbox_and_back(connection: AdminConnection) -> None:
    deploy(connection, catalog(field(FieldType.TEXT)))
    connection.exec_driver_sql('INSERT INTO "Order" ("Id", "_stamp") VALUES (\'8\', 1)')
    deploy(connection, catalog(field(FieldType.CHECKBOX)), allow_drop=True)
    deploy(connection, catalog(field(FieldType.TEXT)))
    assert connection.exec_driver_sql('SELECT "F__c" FROM "Order"').scalar_one() == "false"


def test_an_auto_number_starts_where_it_is_declared_to(connection: AdminConnection) -> None:
    deploy(connection, catalog(field(FieldType.AUTO_NUMBER, starting_number=100)))
    assert connection.exec_driver_sql("SELECT nextval('\"_auto_Order_F__c\"')").scalar_one() == 100
    found = plan(connection, catalog())
    assert [step.kind for step in found.destructive] == [StepKind.DROP_COLUMN, StepKind.DROP_SEQUENCE]


def test_names_that_postgresql_would_cut_stay_apart(connection: AdminConnection) -> None:
    twins = (field(FieldType.LOOKUP, LONG[:-4] + "1__c"), field(FieldType.LOOKUP, LONG[:-4] + "2__c"))
    numbered = NameField(type=FieldType.AUTO_NUMBER, display_format="{0}")
    deploy(
        connection, catalog(objects=(Object(name=LONG, label="L", prefix="a01", fields=twins, name_field=numbered),))
    )


def test_tables_of_others_are_left_alone(connection: AdminConnection) -> None:
    connection.exec_driver_sql("CREATE TABLE procrastinate_jobs (id int)")
    deploy(connection, catalog())
    assert connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar_one() == 0
