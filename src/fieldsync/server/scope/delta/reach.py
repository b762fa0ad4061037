"""Which rows of an object a change of other rows may have moved in or out of a condition.

A condition looks at other rows in three ways: up a relationship, through a formula field, and into a sub-select. Where
such a row changed in what the condition reads, the rows that lead to it are found through the references; the
sub-selects are narrowed to what entered or left them. So an alignment of other people leads nowhere, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, any_, except_, false, func, or_, select, union

from fieldsync.soql.bound import ROOT, BoundCondition, BoundSubselect
from fieldsync.soql.compile.condition import Compiler

AnyCompiler = Compiler[Any, Any, Any]


@dataclass(frozen=True)
class Reach:
    """For one pair of then and now; `changes` are the objects that were touched, with the records."""

    then: AnyCompiler
    now: AnyCompiler
    changes: Mapping[str, CTE]
    below: Mapping[str, list[Any]]
    """Ids of records of an object whose formula fields look at records that were touched."""

    def of(self, condition: BoundCondition, prefix: str) -> list[Any]:
        """Queries of ids of rows that changes of other rows may have moved."""
        if condition.term is None:
            return []
        frame = self.now.frame(condition.object, condition.joins, prefix)
        source = root = frame.rows[ROOT]
        for row, when in self.now.joined(frame, condition.joins):
            source = source.outerjoin(row, when)
        marks = [one_of(root.c.Id, self.below[condition.object])] if condition.object in self.below else []
        for join in condition.joins:
            touched = [select(self.changes[join.object].c.id)] if join.object in self.changes else []
            touched += self.below.get(join.object, [])
            if touched:
                marks.append(one_of(frame.rows[join.alias].c.Id, touched))
        for number, inside in enumerate(condition.insides):
            moved = self._moved(inside.select, f"{prefix}i{number}")
            if moved is not None:
                marks.append(one_of(self.now.expression(inside.left, frame), [moved]))
        if not marks:
            return []
        return [select(gathered(select(root.c.Id).select_from(source).where(or_(*marks)), f"{prefix}rows").c.Id)]

    def _moved(self, inner: BoundSubselect, prefix: str) -> Any:
        """Values that entered or left a sub-select; None when nothing it reads was touched."""
        condition, column = inner.condition, inner.column.name
        own = [select(self.changes[condition.object].c.id)] if condition.object in self.changes else []
        ids = [*own, *self.of(condition, prefix + "r")]
        if not ids:
            return None
        then = select(gathered(self._pairs(self.then, condition, column, ids, f"{prefix}p"), f"{prefix}then"))
        now = select(gathered(self._pairs(self.now, condition, column, ids, f"{prefix}n"), f"{prefix}now"))
        left, entered = except_(then, now).subquery(f"{prefix}left"), except_(now, then).subquery(f"{prefix}entered")
        moved = union(select(left.c.value), select(entered.c.value))
        return select(gathered(moved, f"{prefix}moved").c.value)

    def _pairs(self, compiler: AnyCompiler, condition: BoundCondition, column: str, ids: list[Any], prefix: str) -> Any:
        """(id, value) of the rows, among those with these ids, that a sub-select holds."""
        row = compiler.writer.row(condition.object, prefix)
        holds = compiler.holds(condition, row, prefix + "q")
        among = one_of(row.c.Id, ids)
        return select(row.c.Id.label("id"), row.c[column].label("value")).where(among, compiler.present(row), holds)


def one_of(column: Any, ids: list[Any]) -> Any:
    """Whether it is among the values of one of these queries.

    They are gathered first, as one array: then an index of the column leads to the rows, however large the table is and
    whatever PostgreSQL believes of the queries.
    """
    if not ids:
        return false()
    together: Any = ids[0] if len(ids) == 1 else union(*ids)
    return column == any_(func.array(together.scalar_subquery()))


def gathered(query: Any, name: str) -> CTE:
    """The rows of a query, found once however often they are asked for."""
    found: CTE = query.cte(name).prefix_with("MATERIALIZED")
    return found


def objects_in(condition: BoundCondition) -> frozenset[str]:
    """Every object whose rows a condition looks at, its own first of all."""
    return frozenset({condition.object}) | inner_objects(condition)


def inner_objects(condition: BoundCondition) -> frozenset[str]:
    """Objects of whose rows a condition asks beside the row itself."""
    found = {join.object for join in condition.joins}
    for inside in condition.insides:
        found |= objects_in(inside.select.condition)
    return frozenset(found)
