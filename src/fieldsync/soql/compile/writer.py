"""What a database must be able to write for a query to run on it: `condition.py` and `statement.py` say what, a writer
says how.

`E` is a piece of SQL in the writer's own form, `R` a row of a table with its alias, `S_co` a whole statement. A truth
that is null counts as false; `untrue` makes it a clear true, which is how `!=` and NOT see null rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fieldsync.soql.bound import BoundExpression, Column
from fieldsync.soql.dates import Calendar
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.values import Pattern, Scalar, Slot

E = TypeVar("E")
R = TypeVar("R")
S_co = TypeVar("S_co", covariant=True)


@dataclass(frozen=True)
class Side(Generic[E]):
    """The left side of a comparison: its SQL, and what it is."""

    sql: E
    of: BoundExpression

    @property
    def kind(self) -> Kind:
        return self.of.kind


@dataclass(frozen=True)
class Sort(Generic[E]):
    """One sort key: an expression, or the number of an answer's column, from 1."""

    sql: E | int
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Parts(Generic[E, R]):
    """A SELECT before it is written. `group` None is no grouping, empty is one group of all rows."""

    columns: tuple[E, ...]
    root: R
    joins: tuple[tuple[R, E], ...]
    where: E
    group: tuple[E, ...] | None = None
    having: E | None = None
    order: tuple[Sort[E], ...] = ()
    limit: int | None = None
    offset: int | None = None


Formulas = Callable[[R, Column], E]
"""What computes a formula field of a row: the formula language's business, so the caller brings it."""


def formula_of(formulas: Formulas[R, E] | None, row: R, column: Column) -> E:
    """The value of a formula field. Raises SoqlError where the caller brought no formulas."""
    if formulas is None:
        raise SoqlError(f"{column.name} is a formula, which cannot be asked for here.")
    return formulas(row, column)


class Writer(Protocol[E, R, S_co]):
    """The pieces of SQL that queries are made of."""

    def row(self, object_name: str, alias: str) -> R: ...
    def column(self, row: R, name: str) -> E: ...
    def formula(self, row: R, column: Column) -> E: ...
    def constant(self, value: int | None, kind: Kind) -> E: ...
    def truth(self, value: bool) -> E: ...  # noqa: FBT001
    def all_of(self, parts: Sequence[E]) -> E: ...
    def any_of(self, parts: Sequence[E]) -> E: ...
    def untrue(self, part: E) -> E: ...

    def same(self, left: E, right: E) -> E: ...
    def blank(self, side: Side[E]) -> E: ...
    def compare(self, side: Side[E], operator: str, value: Scalar | Slot) -> E: ...
    def one_of(self, side: Side[E], values: Sequence[Scalar] | Slot) -> E: ...
    def like(self, side: Side[E], pattern: Pattern) -> E: ...
    def chosen(self, side: Side[E], value: str) -> E: ...
    def inside(self, left: E, parts: Parts[E, R]) -> E: ...

    def exists(self, root: R, joins: Sequence[tuple[R, E]], where: E) -> E: ...

    def date_part(self, sql: E, part: str, of: Column, zone: str | None, calendar: Calendar) -> E: ...
    def label(self, sql: E, labels: Sequence[tuple[str, str]]) -> E: ...
    def distance(self, latitude: E, longitude: E, place: tuple[Scalar, Scalar], unit: str) -> E: ...
    def aggregate(self, function: str, side: Side[E] | None) -> E: ...
    def group_key(self, side: Side[E]) -> E: ...
    def sort_key(self, side: Side[E]) -> E: ...
    def grouped(self, side: Side[E]) -> E: ...

    def select(self, parts: Parts[E, R]) -> S_co: ...
    def union(self, selects: Sequence[Parts[E, R]], shown: int, sorts: Sequence[Sort[E]], window: Window) -> S_co: ...
    def counted(self, parts: Parts[E, R]) -> S_co: ...
    def children(self, parts: Parts[E, R], reference: E, parents: Sequence[str]) -> S_co: ...


@dataclass(frozen=True)
class Window:
    """LIMIT and OFFSET."""

    limit: int | None
    offset: int | None
