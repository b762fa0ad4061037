"""A role for BI tools reads typed views with formula fields, outlives deploys, and can do nothing else."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import exc, text
from tests.server.lab import Lab, small_pack

from fieldsync.base.problems import Refused
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType
from fieldsync.server.org.begin.readers import drop_reader, make_reader
from fieldsync.server.org.create import deploy_catalog
from fieldsync.server.postgres.connect import AdminConnection, admin_connection
from fieldsync.server.postgres.names import org_schema

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


def test_it_reads_views_and_nothing_else(lab: Lab) -> None:
    lab.rows("Shop", {"Name": "A", "Score": Decimal("2.5")}, {"Name": "B", "IsDeleted": True})
    with admin_connection(lab.uri, org_schema("small")) as connection:
        role, views = make_reader(connection, PASSWORD)
        assert role == "org_small_bi"
        assert views == len(lab.org.catalog.objects)
        assert as_reader(connection, 'SELECT "Name", "Score" + 1 FROM org_small_bi."Shop"')[0][0] == "A"
        tables = ('SELECT * FROM org_small."Shop"', "SELECT * FROM org_small._credential")
        for query in (*tables, "CREATE TABLE org_small.x ()"):
            with pytest.raises(exc.ProgrammingError, match="permission denied"):
                as_reader(connection, query)
        columns = as_reader(connection, 'SELECT * FROM org_small_bi."Alert_Channel"')
        assert columns == []
        query = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'org_small_bi'"
        assert connection.execute(text(f"{query} AND column_name = 'Secret'")).scalar_one() == 0
        with pytest.raises(Refused, match="UNUSABLE"):
            make_reader(connection, "short")


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
