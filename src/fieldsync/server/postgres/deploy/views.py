"""What BI tools see of an org: a schema of its own with one typed view an object, formula fields included, and a role
that can read those and nothing else.

The views stand on the tables, so a deploy takes them away first and makes them anew from its catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, MetaData, Select, select, text
from sqlalchemy.dialects.postgresql.base import PGDialect

from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.sql.ddl import SCHEMA
from fieldsync.schema.catalog import Catalog, ObjectType, columns_of
from fieldsync.schema.model import FieldType
from fieldsync.server.postgres.formulas import FormulaColumns
from fieldsync.server.postgres.names import fitting, quoted
from fieldsync.server.postgres.tables import org_metadata

SECONDS_MAX = 120
_DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
HIDDEN = frozenset({("Alert_Channel", "Secret")})
"""Fields that are nobody's business, beside files in base64."""


def views_schema(schema: str) -> str:
    """The schema of an org's views; its role has the same name."""
    return fitting(f"{schema}_bi")


def has_views(connection: Connection) -> bool:
    """Whether the org whose schema is entered has them."""
    found = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)")
    return bool(connection.execute(found, {"name": views_schema(_schema(connection))}).scalar_one())


def clear_views(connection: Connection) -> bool:
    """Take the views away and leave their schema, so that they are made again. Returns whether there is one."""
    there = has_views(connection)
    schema = views_schema(_schema(connection))
    named = text("SELECT viewname FROM pg_views WHERE schemaname = :schema")
    for view in connection.execute(named, {"schema": schema}).scalars().all() if there else ():
        _run(connection, f"DROP VIEW {quoted(schema)}.{quoted(view)}")
    return there


def make_views(connection: Connection, catalog: Catalog) -> int:
    """Make them, for a role that is there. Returns how many."""
    name = quoted(views_schema(_schema(connection)))
    _run(connection, f"CREATE SCHEMA IF NOT EXISTS {name}")
    _run(connection, f"GRANT USAGE ON SCHEMA {name} TO {name}")
    made = 0
    for view, query in _views(catalog):
        _run(connection, f"CREATE VIEW {name}.{quoted(view)} AS {query}")
        made += 1
    _run(connection, f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}")
    return made


def make_role(connection: Connection, password: str) -> str:
    """The role that reads them, with this password from here on. Returns its name."""
    role = views_schema(_schema(connection))
    there = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first()
    begin = "ALTER" if there else "CREATE"
    words = f"{begin} ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %L"
    statement = text("SELECT format(:words, CAST(:role AS text), CAST(:password AS text))")
    given = {"words": words, "role": role, "password": password}
    _run(connection, str(connection.execute(statement, given).scalar_one()))
    _run(connection, f"GRANT USAGE ON SCHEMA {SCHEMA} TO {quoted(role)}")
    for setting in ("default_transaction_read_only = on", f"statement_timeout = '{SECONDS_MAX}s'"):
        _run(connection, f"ALTER ROLE {quoted(role)} SET {setting}")
    _run(connection, f"ALTER ROLE {quoted(role)} SET search_path = {quoted(role)}")
    return role


def drop_role(connection: Connection) -> None:
    """Nobody reads any more: the views and the role go."""
    name = quoted(views_schema(_schema(connection)))
    _run(connection, f"DROP SCHEMA IF EXISTS {name} CASCADE")
    there = text("SELECT rolname FROM pg_roles WHERE rolname = :role")
    for _ in connection.execute(there, {"role": views_schema(_schema(connection))}).all():
        _run(connection, f"DROP OWNED BY {name}")
        _run(connection, f"DROP ROLE {name}")


def _schema(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_schema()")).scalar_one())


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))


def _views(catalog: Catalog) -> Iterator[tuple[str, str]]:
    metadata = org_metadata(catalog)
    formulas = FormulaColumns(CatalogFormulas(catalog), metadata)
    for object_type in catalog:
        query = _query(object_type, metadata, formulas)
        yield object_type.name, str(query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _query(object_type: ObjectType, metadata: MetaData, formulas: FormulaColumns) -> Select[tuple[object, ...]]:
    computed = formulas.of(object_type.name)
    table = metadata.tables[object_type.name]
    names = [
        column
        for field in object_type.stored
        for column in columns_of(field)
        if field.type is not FieldType.BASE64 and (object_type.name, field.name) not in HIDDEN
    ]
    values: list[ColumnElement[Any]] = [table.c[name] for name in names if name != "IsDeleted"]
    values += [column.label(name) for name, column in computed.columns.items()]
    return select(*values).select_from(computed.source).where(table.c.IsDeleted.is_(False))
