"""A question and its answer: one query, bounded in rows and in time, with the rights of who asks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.model import FieldType
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.formulas import FormulaColumns
from fieldsync.server.postgres.work import Busy
from fieldsync.server.postgres.work import Work as Database
from fieldsync.soql import parse
from fieldsync.soql.bound import Aggregate, BoundQuery, Column, DatePart, Output
from fieldsync.soql.compile.statement import run_async
from fieldsync.soql.dates import calendar_of
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_filter import ME
from fieldsync.soql.nodes import Number, Query
from fieldsync.soql.sql import statement
from fieldsync.soql.values import Context

ROWS_MAX = 2_000
UNNAMED = re.compile("expr[0-9]+")
"""What SOQL calls a column that was given no name."""
QUERY_CHARS_MAX = 8_000
_PRESENTED = "=+-@\t\r"
"""What a spreadsheet would run, were it to begin a cell."""


@dataclass(frozen=True)
class Answer:
    """The columns and rows of a report. `cut`: there are more rows than are shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool
    grouped: bool

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """What is drawn: the first column as names, the last as numbers; nothing where that is no number."""
        if len(self.columns) < 2 or not all(isinstance(row[-1], int | float | Decimal) for row in self.rows):
            return ()
        return tuple((" · ".join(_told(cell) or "(none)" for cell in row[:-1]), round(row[-1])) for row in self.rows)


async def ask(org: Org, database: Database, reader: Reader, query: str) -> Answer:
    """The answer. Raises Refused: UNUSABLE with the place in the query, PERMISSION, TIMEOUT."""
    try:
        bound = _bounded(parse(query[:QUERY_CHARS_MAX])).bind(org.catalog)
        _require(reader, bound)
        calendar = calendar_of(reader.zone)
        context = Context(org.world.clock.now(), calendar, {**reader.values, ME: reader.user_id}, reader.restrict)
        compiled = statement.query(bound, org.catalog, context, formulas=_formulas(org))
        records = await run_async(compiled, lambda text: database.rows(compile_statement(text)))
    except SoqlError as bad:
        place = f"line {bad.line}, column {bad.column}: " if bad.line else ""
        reason = f"{place}{bad.sentence.removesuffix('.')}"
        raise Refused(problem(Code.UNUSABLE, what="The query", reason=reason)) from None
    except Busy:
        raise Refused(problem(Code.TIMEOUT)) from None
    rows = tuple(tuple(_at(record, output.keys) for output in bound.outputs) for record in records[:ROWS_MAX])
    return Answer(tuple(map(_heading, bound.outputs)), rows, len(records) > ROWS_MAX, bound.aggregated)


def _heading(output: Output) -> str:
    """What stands over a column: its name, or what was asked where it was given none."""
    asked = output.expression
    if not UNNAMED.fullmatch(output.keys[0]):
        return ".".join(output.keys)
    if isinstance(asked, DatePart):
        return f"{asked.part}({asked.of.name})"
    if isinstance(asked, Aggregate):
        of = asked.of.of if isinstance(asked.of, DatePart) else asked.of
        return f"{asked.function}({of.name if of else ''})"
    return output.keys[0]


def _bounded(query: Query) -> Query:
    """With a limit of its own, or ours."""
    own = query.limit
    fits = isinstance(own, Number) and own.value <= ROWS_MAX
    return query if fits else replace(query, limit=Number(ROWS_MAX + 1))


def _at(record: Mapping[str, Any], keys: Sequence[str]) -> Any:
    found: Any = record
    for key in keys:
        found = None if found is None else found.get(key)
    return found


def _require(reader: Reader, bound: BoundQuery) -> None:
    """Who asks may read every object and field it names."""
    if not reader.rights.may(bound.object, Access.READ):
        raise Refused(problem(Code.PERMISSION, object=bound.object, operation="read"))
    for name, field in sorted(bound.reads):
        if not reader.rights.sees(name, field):
            raise SoqlError(f"It reads {name}.{field}, which is not open to you.")


def _formulas(org: Org) -> Any:
    columns = FormulaColumns(org.logic.formulas, org.metadata)

    def value(row: Any, column: Column) -> Any:
        if column.name not in columns.names(column.object):
            raise SoqlError(f"{column.object}.{column.name} is computed on devices, and cannot be asked for online.")
        return columns.value(row, column.object, column.name)

    return value


MEASURES = ("COUNT", "SUM", "AVG", "MIN", "MAX")
SUMMED = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)


def written(org: Org, asked: Mapping[str, str]) -> str:
    """A grouped query out of a form: object, group, measure, field and condition. Raises Refused. Pure."""
    name, group = asked.get("object", ""), asked.get("group", "")
    if name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    measure, field = asked.get("measure", "COUNT"), asked.get("field", "")
    if measure not in MEASURES or (group not in org.catalog[name].fields and "." not in group):
        raise Refused(problem(Code.UNKNOWN_FIELD, object=name, field=group))
    of = f"{measure}({field if measure != 'COUNT' else 'Id'})"
    where = f" WHERE {asked['where']}" if asked.get("where") else ""
    return f"SELECT {group}, {of} FROM {name}{where} GROUP BY {group} ORDER BY {of} DESC"  # noqa: S608 parsed as SOQL


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> bytes:
    """A file for spreadsheets, in UTF-8 with its mark. What could run there as a formula is led by an apostrophe. How
    complete it is stands in its last line."""
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow(columns)
    writer.writerows([_safe(_told(cell)) for cell in row] for row in rows)
    if note:
        writer.writerow([f"# {note}"])
    return told.getvalue().encode("utf-8-sig")


def _told(cell: Any) -> str:
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _safe(text: str) -> str:
    number = text.lstrip("-").replace(".", "", 1).isdecimal()
    return f"'{text}" if text[:1] and text[0] in _PRESENTED and not number else text
