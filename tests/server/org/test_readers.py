"""A role for BI tools reads typed views with formula fields, outlives deploys, and can do nothing else."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from tests.server.lab import Lab, small_pack

from fieldsync.base.problems import Refused
from fieldsync.schema.catalog import build, columns_of
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType
from fieldsync.server.org.begin.readers import drop_reader, make_reader
from fieldsync.server.org.create import deploy_catalog
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.names import org_schema
from fieldsync.server.postgres.stored_catalog import current_catalog

PASSWORD = "only to read it 9"
DOUBLE = Field(name="Double", type=FieldType.FORMULA, formula="Score * 2", formula_returns=FieldType.NUMBER, scale=1)


def as_reader(connection: AdminConnection, query: str) -> list[tuple[object, ...]]:
    with connection.begin_nested():
        connection.exec_driver_sql("SET LOCAL ROLE org_small_bi")
        found = [tuple(row) for row in connection.execute(text(query))]
        connection.exec_driver_sql("RESET ROLE")
        return found


def with_formula(lab: Lab) -> None:
    pack = small_pack()
    objects = tuple(
        msgspec.structs.replace(one, fields=(*one.fields, DOUBLE)) if one.name == "Shop" else one
        for one in pack.objects
    )
    packs = [*load_packs(("platform",)), msgspec.structs.replace(pack, objects=objects)]
    deploy_catalog(lab.uri, "small", build(packs), world=lab.world, dry_run=False, allow_drop=False)


BEYOND = """
WITH spaces AS (
    SELECT oid, nspname, has_schema_privilege(:role, oid, 'USAGE') AS used FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
)
SELECT 'create in ' || nspname FROM spaces WHERE has_schema_privilege(:role, oid, 'CREATE')
UNION ALL
SELECT format('%s on %s.%s', way, nspname, relname) FROM spaces JOIN pg_class c ON c.relnamespace = spaces.oid,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS way
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND used AND has_table_privilege(:role, c.oid, way)
    AND (nspname, way) <> (:role, 'SELECT')
UNION ALL
SELECT format('sequence %s.%s', nspname, relname) FROM spaces JOIN pg_class c ON c.relnamespace = spaces.oid
WHERE CASE WHEN relkind = 'S' AND used THEN has_sequence_privilege(:role, c.oid, 'USAGE, SELECT, UPDATE') END
UNION ALL
SELECT format('call %s.%s', nspname, proname) FROM spaces JOIN pg_proc p ON p.pronamespace = spaces.oid
WHERE used AND has_function_privilege(:role, p.oid, 'EXECUTE') AND (prosecdef OR nspname <> 'fieldsync_formula')
UNION ALL
SELECT 'member of ' || roleid::regrole FROM pg_auth_members WHERE member = CAST(:role AS regrole)
UNION ALL
SELECT 'it may ' || what FROM pg_roles, unnest(ARRAY['super', 'role', 'db', 'replication', 'bypass']) AS what
WHERE rolname = :role AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
"""
"""Whatever PostgreSQL says the role may do in this database, beside reading its views and computing formulas."""


def beyond(connection: AdminConnection) -> list[str]:
    return sorted(connection.execute(text(BEYOND), {"role": "org_small_bi"}).scalars())


def test_it_reads_a_typed_view_of_every_object_and_may_do_nothing_else(lab: Lab) -> None:
    lab.rows("Shop", {"Name": "A", "Score": Decimal("2.5")}, {"Name": "B", "IsDeleted": True})
    with_formula(lab)
    with admin_connection(lab.uri, org_schema("small")) as connection:
        role, views = make_reader(connection, PASSWORD)
        catalog = current_catalog(connection)
        assert catalog is not None
        assert (role, views) == ("org_small_bi", len(catalog.objects))
        assert beyond(connection) == []
        told = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = :role"
        seen = {(row[0], row[1]): row[2] for row in connection.execute(text(told), {"role": role})}
        for one in catalog:
            wanted = {c for f in one.stored if f.type is not FieldType.BASE64 for c in columns_of(f)} - {"IsDeleted"}
            wanted |= {f.name for f in one.fields.values() if f.type is FieldType.FORMULA}
            hidden = wanted - {column for view, column in seen if view == one.name}
            assert hidden == ({"Secret"} if one.name == "Alert_Channel" else set()), one.name
        assert (seen["Shop", "Score"], seen["Shop", "Double"]) == ("numeric", "numeric")
        assert seen["Shop", "CreatedDate"] == "timestamp with time zone"
        with pytest.raises(Refused, match="UNUSABLE"):
            make_reader(connection, "short")
        open_wide = ('GRANT SELECT ON org_small."_credential" TO PUBLIC', "GRANT USAGE ON SCHEMA org_small TO PUBLIC")
        with connection.begin_nested() as trying:
            for statement in open_wide:
                connection.exec_driver_sql(statement)
            assert any("_credential" in one for one in beyond(connection)), "the question finds what is wrong"
            trying.rollback()


def test_signed_in_it_reads_and_every_way_further_is_closed(lab: Lab) -> None:
    lab.rows("Shop", {"Name": "A"}, {"Name": "B", "IsDeleted": True})
    with admin_connection(lab.uri, org_schema("small")) as connection:
        role, _ = make_reader(connection, PASSWORD)
    uri = make_conninfo(lab.uri, user=role, password=PASSWORD)
    with psycopg.connect(uri, autocommit=True) as reader:
        assert reader.execute('SELECT "Name" FROM "Shop"').fetchall() == [("A",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute('CREATE TEMPORARY TABLE x AS SELECT * FROM "Shop"')
        reader.execute("SET default_transaction_read_only = off")
        for query in CLOSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(query)


CLOSED = (
    'SELECT * FROM org_small."Shop"',
    "SELECT * FROM org_small._credential",
    "SELECT * FROM fieldsync_jobs.procrastinate_jobs",
    """INSERT INTO "Shop" ("Name") VALUES ('C')""",
    'DELETE FROM "Shop"',
    "CREATE TABLE x ()",
    "CREATE TABLE public.x ()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "SET ROLE postgres",
    "ALTER ROLE org_small_bi CREATEDB",
)


def test_a_deploy_makes_the_views_anew_with_formula_fields_and_dropping_leaves_nothing(lab: Lab) -> None:
    lab.rows("Shop", {"Name": "A", "Score": Decimal("2.5")})
    with admin_connection(lab.uri, org_schema("small")) as connection:
        make_reader(connection, PASSWORD)
    with_formula(lab)
    with admin_connection(lab.uri, org_schema("small")) as connection:
        assert as_reader(connection, 'SELECT "Double"::text FROM org_small_bi."Shop"') == [("5.0",)]
        drop_reader(connection)
        gone = "SELECT count(*) FROM pg_roles WHERE rolname = 'org_small_bi'"
        assert connection.execute(text(gone)).scalar_one() == 0
