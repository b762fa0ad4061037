"""Queries and conditions on SQLite."""

from __future__ import annotations

from fieldsync.soql.bound import BoundCondition, BoundQuery
from fieldsync.soql.compile.condition import Compiler
from fieldsync.soql.compile.statement import Compiled, compile_query
from fieldsync.soql.compile.writer import Formulas
from fieldsync.soql.sqlite.text import Sql
from fieldsync.soql.sqlite.writer import Row, SqliteWriter
from fieldsync.soql.values import Context


def query(bound: BoundQuery, context: Context, *, formulas: Formulas[Row, Sql] | None = None) -> Compiled[Sql]:
    """The statements of a query. The connection needs `functions.register`. Raises SoqlError for a value that is
    missing or does not fit."""
    return compile_query(bound, SqliteWriter(formulas), context)


def condition(
    bound: BoundCondition, context: Context, *, alias: str, formulas: Formulas[Row, Sql] | None = None
) -> Sql:
    """A condition on the rows that `alias` names in a statement of the caller's. Null means false."""
    return Compiler(SqliteWriter(formulas), context).holds(bound, Row(bound.object, alias), "q_")
