"""Tokens that stand for rows: bound first as tokens, then replaced by the sub-select of those rows. Pure.

`{ACCOUNT.IDS}` is written by people; the inner ones (`SELECTED:Account:Id`) are made by `compose.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from fieldsync.schema.catalog import Catalog
from fieldsync.soql import SoqlError
from fieldsync.soql.bound import (
    AllOf,
    AnyOf,
    BoundCondition,
    BoundSubselect,
    BoundTerm,
    Column,
    Inside,
    Negated,
    Operand,
    Read,
    Template,
    Test,
)
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Bind


class Inner(StrEnum):
    """Which rows of an object."""

    SELECTED = "SELECTED"
    """Those the rules select and the person may read."""
    OWN = "OWN"
    """Those its own rules select, without what others bring along."""
    SHARED = "SHARED"
    """Those the person may read."""
    WRITTEN = "WRITTEN"
    """Those the person may write."""


Subselect = Callable[[Inner, str, str], BoundSubselect]
"""Kind, object, column: the sub-select of that column of those rows."""


def inner_name(kind: Inner, object_name: str, column: str | None = None) -> str:
    """The inner token for a column of these rows, by default the id."""
    return f"{kind}:{object_name}:{column or 'Id'}"


def inner_names(catalog: Catalog) -> frozenset[str]:
    """Every inner token a condition may hold."""
    return frozenset(
        inner_name(kind, o.name, column)
        for kind in Inner
        for o in catalog
        for column in ("Id", *(f.name for f in o.references))
    )


def with_inner(bound: BoundCondition, lists: Mapping[str, str], subselect: Subselect) -> BoundCondition:
    """The condition with sub-selects in place of such tokens. Raises SoqlError where one cannot stand."""
    if bound.term is None:
        return bound
    reads: set[Read] = set(bound.reads)
    term = _Replacing(lists, subselect, reads).term(bound.term)
    return replace(bound, term=term, reads=frozenset(reads))


class _Replacing:
    def __init__(self, lists: Mapping[str, str], subselect: Subselect, reads: set[Read]) -> None:
        self._lists, self._subselect, self._reads = lists, subselect, reads

    def term(self, term: BoundTerm) -> BoundTerm:
        match term:
            case AllOf():
                return AllOf(tuple(self.term(part) for part in term.parts))
            case AnyOf():
                return AnyOf(tuple(self.term(part) for part in term.parts))
            case Negated():
                return Negated(self.term(term.part))
            case Inside():
                return replace(term, select=self._inside(term.select))
            case Test():
                return self._test(term)

    def _inside(self, select: BoundSubselect) -> BoundSubselect:
        condition = select.condition
        if condition.term is None:
            return select
        return replace(select, condition=replace(condition, term=self.term(condition.term)))

    def _test(self, test: Test) -> BoundTerm:
        inner = [(operand, found) for operand in test.operands if (found := self._rows(operand, test)) is not None]
        if not inner:
            return test
        if not isinstance(test.left, Column) or test.left.kind is not Kind.ID:
            raise SoqlError("Rows of an object can only be looked for by an id or a reference.", test.at)
        if test.operator not in ("=", "IN", "!=", "NOT IN"):
            raise SoqlError(f"{test.operator} does not take rows of an object; write IN.", test.at)
        negated = test.operator in ("!=", "NOT IN")
        parts: list[BoundTerm] = [Inside(test.left, found, negated) for _, found in inner]
        rest = tuple(operand for operand in test.operands if operand not in [known for known, _ in inner])
        if rest:
            parts.append(replace(test, operator="NOT IN" if negated else "IN", operands=rest))
        if len(parts) == 1:
            return parts[0]
        return AllOf(tuple(parts)) if negated else AnyOf(tuple(parts))

    def _rows(self, operand: Operand, test: Test) -> BoundSubselect | None:
        if isinstance(operand, Template):
            for part in operand.parts:
                if isinstance(part, Bind) and part.name in self._lists:
                    if len(operand.parts) == 1 or not any(isinstance(p, str) and p for p in operand.parts):
                        return self._select(Inner.SELECTED, self._lists[part.name], "Id")
                    raise SoqlError(f"{part.name} stands for rows; write IN ({{...}}) without quotes.", test.at)
            return None
        if not isinstance(operand, Bind):
            return None
        if operand.name in self._lists:
            return self._select(Inner.SELECTED, self._lists[operand.name], "Id")
        kind, _, place = operand.name.partition(":")
        name, _, column = place.partition(":")
        return self._select(Inner(kind), name, column) if place else None

    def _select(self, kind: Inner, name: str, column: str) -> BoundSubselect:
        found = self._subselect(kind, name, column)
        self._reads |= found.condition.reads | {(name, column)}
        return found
