"""Queries and conditions on PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldsync.schema.catalog import Catalog
from fieldsync.soql.bound import BoundCondition, BoundQuery
from fieldsync.soql.compile.condition import Compiler
from fieldsync.soql.compile.statement import Compiled, compile_query
from fieldsync.soql.compile.writer import Formulas
from fieldsync.soql.sql.writer import PostgresWriter, Row, Sql
from fieldsync.soql.values import Context


def query(
    bound: BoundQuery, catalog: Catalog, context: Context, *, formulas: Formulas[Row, Sql] | None = None
) -> Compiled[sa.Select[Any]]:
    """The statements of a query. Raises SoqlError for a value that is missing or does not fit."""
    return compile_query(bound, PostgresWriter(catalog, formulas=formulas), context)


def condition(
    bound: BoundCondition, catalog: Catalog, context: Context, *, row: Row, formulas: Formulas[Row, Sql] | None = None
) -> Sql:
    """A condition on the rows of `row`: the object's table, or an alias of it, in a statement of the caller's.

    Null means false. The caller adds `IsDeleted` and `context.restrict` for its own table; inside, they are kept.
    """
    return Compiler(PostgresWriter(catalog, formulas=formulas), context).held(bound, row, "q_")
