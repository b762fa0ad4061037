"""Queries and conditions on PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fieldsync.schema.catalog import Catalog
from fieldsync.soql.bound import ROOT, BoundCondition, BoundQuery
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
    """A condition on the rows of `row`, in a statement of the caller's: a table, or anything with its columns, as old
    values are. For a whole table, `selection` is faster where the condition walks relationships.

    Null means false. The caller adds `IsDeleted` and `context.restrict` for `row` itself; inside, they are kept.
    """
    return Compiler(PostgresWriter(catalog, formulas=formulas), context).holds(bound, row, "q_")


@dataclass(frozen=True)
class Selection:
    """The rows of an object's table that a condition selects: `select(selection.row.c.Id).select_from(selection.source)
    .where(selection.where)`. Deleted rows are out, and `context.restrict` is in."""

    row: Row
    source: Row
    where: Sql


def selection(
    bound: BoundCondition, catalog: Catalog, context: Context, *, formulas: Formulas[Row, Sql] | None = None
) -> Selection:
    """What a sync rule downloads, with its relationships as joins. Raises SoqlError for a missing value."""
    compiler = Compiler(PostgresWriter(catalog, formulas=formulas), context)
    frame = compiler.frame(bound.object, bound.joins, "")
    root = frame.rows[ROOT]
    source = root
    for row, when in compiler.joined(frame, bound.joins):
        source = source.outerjoin(row, when)
    term = [] if bound.term is None else [compiler.term(bound.term, frame)]
    where = [compiler.present(root), *compiler.restriction(bound.object, root, ""), *term]
    return Selection(root, source, compiler.writer.all_of(where))
