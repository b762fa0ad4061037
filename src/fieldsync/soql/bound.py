"""The bound tree: names resolved against a catalog, kinds checked, relationship hops as joins.

Values stay as written until a query runs: `TODAY`, binds and tokens mean something only then (`values.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fieldsync.schema.model import Field
from fieldsync.soql.errors import START, Position
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Bind, Value

Read = tuple[str, str]
"""An object and a field of it."""


@dataclass(frozen=True)
class Template:
    """A text with tokens in it: `'%{USER.TERRITORYID}%'`."""

    parts: tuple[str | Bind, ...]
    at: Position = field(default=START, compare=False)


Operand = Value | Template

_COMPARED = frozenset({"=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN"})
OPERATORS: dict[Kind, frozenset[str]] = {
    Kind.TEXT: _COMPARED | {"LIKE"},
    Kind.LONG_TEXT: frozenset(),
    Kind.ID: _COMPARED,
    Kind.MULTI: frozenset({"=", "!=", "INCLUDES", "EXCLUDES", "IN", "NOT IN"}),
    Kind.BOOLEAN: _COMPARED,
    Kind.NUMBER: _COMPARED,
    Kind.DATE: _COMPARED,
    Kind.DATETIME: _COMPARED,
    Kind.TIME: _COMPARED,
    Kind.LOCATION: frozenset(),
    Kind.BINARY: frozenset(),
}
"""Which operators a kind takes; a kind without any cannot be filtered."""


@dataclass(frozen=True)
class Join:
    """One hop up a relationship: `reference` of the row `parent` holds the id of the row `alias` of `object`."""

    alias: str
    parent: str
    reference: str
    object: str


@dataclass(frozen=True)
class Column:
    """A stored column of the row `alias`. A location stands for its two columns."""

    alias: str
    object: str
    name: str
    field: Field
    kind: Kind


@dataclass(frozen=True)
class DatePart:
    """A date function; `local` reads a date and time in the user's zone, otherwise in UTC."""

    part: str
    of: Column
    local: bool
    kind: Kind


@dataclass(frozen=True)
class Label:
    """The label of a picklist value."""

    of: Column
    kind: Kind = Kind.TEXT


@dataclass(frozen=True)
class DistanceTo:
    """Distance on the globe between a location field and a place, in miles or kilometres."""

    latitude: Column
    longitude: Column
    place: tuple[Value, Value] | Bind
    unit: str
    kind: Kind = Kind.NUMBER


@dataclass(frozen=True)
class Aggregate:
    """A function over the rows of a group; `of` is None for COUNT()."""

    function: str
    of: Column | DatePart | None
    kind: Kind


@dataclass(frozen=True)
class Grouping:
    """1 where a row of ROLLUP or CUBE sums over `of`, else 0."""

    of: Column | DatePart
    kind: Kind = Kind.NUMBER


BoundExpression = Column | DatePart | Label | DistanceTo | Aggregate | Grouping


@dataclass(frozen=True)
class Test:
    """An expression compared with values that fit its kind."""

    left: BoundExpression
    operator: str
    operands: tuple[Operand, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Inside:
    """A semi-join; an anti-join when negated."""

    left: Column
    select: BoundSubselect
    negated: bool


@dataclass(frozen=True)
class AllOf:
    parts: tuple[BoundTerm, ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[BoundTerm, ...]


@dataclass(frozen=True)
class Negated:
    part: BoundTerm


BoundTerm = Test | Inside | AllOf | AnyOf | Negated


def leaves(term: BoundTerm | None) -> Iterator[Test | Inside]:
    """The comparisons and semi-joins a condition is made of, not those inside a semi-join."""
    match term:
        case Test() | Inside():
            yield term
        case AllOf() | AnyOf():
            for part in term.parts:
                yield from leaves(part)
        case Negated():
            yield from leaves(term.part)


@dataclass(frozen=True)
class BoundCondition:
    """A condition on rows of `object`, whose own row is `ROOT`."""

    object: str
    joins: tuple[Join, ...]
    term: BoundTerm | None
    reads: frozenset[Read]
    """Every (object, field) its truth depends on, the references of hops included."""

    @property
    def insides(self) -> Iterator[Inside]:
        """Its semi-joins, not those inside them."""
        return (leaf for leaf in leaves(self.term) if isinstance(leaf, Inside))

    @property
    def tests(self) -> Iterator[Test]:
        """Its comparisons, those inside its semi-joins included."""
        for leaf in leaves(self.term):
            if isinstance(leaf, Test):
                yield leaf
            else:
                yield from leaf.select.condition.tests


@dataclass(frozen=True)
class BoundSubselect:
    """The inner SELECT of a semi-join: one column of the rows that fit."""

    condition: BoundCondition
    column: Column


@dataclass(frozen=True)
class Output:
    """One column of the answer; `keys` is its place in the record: `("Account", "Name")`."""

    expression: BoundExpression
    keys: tuple[str, ...]


@dataclass(frozen=True)
class BoundOrder:
    expression: BoundExpression
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class BoundGroup:
    """`sets` are the grouping sets: one for a plain GROUP BY, several for ROLLUP and CUBE."""

    expressions: tuple[Column | DatePart, ...]
    sets: tuple[tuple[int, ...], ...]
    having: BoundTerm | None


@dataclass(frozen=True)
class Child:
    """A child subquery: its records, keyed by the parent's id in `reference`."""

    name: str
    reference: str
    query: BoundQuery


@dataclass(frozen=True)
class BoundQuery:
    """A query ready to be compiled."""

    object: str
    joins: tuple[Join, ...]
    where: BoundTerm | None
    outputs: tuple[Output, ...]
    children: tuple[Child, ...]
    group: BoundGroup | None
    order: tuple[BoundOrder, ...]
    limit: int | Bind | None
    offset: int | Bind | None
    all_rows: bool
    count_only: bool
    """SELECT COUNT(): the answer is one number."""
    hops: tuple[tuple[tuple[str, ...], str], ...]
    """Relationship in the answer to the alias of its row, so that a missing parent is null as a whole."""
    reads: frozenset[Read]
    bindings: tuple[tuple[str, Value], ...] = ()
    mode: str | None = None
    """Of WITH: SECURITY_ENFORCED, USER_MODE, SYSTEM_MODE. Who runs the query checks rights, with `reads`."""
    usage: tuple[str, ...] = ()
    """VIEW, REFERENCE, UPDATE, TRACKING, VIEWSTAT: for who runs the query, too."""

    @property
    def aggregated(self) -> bool:
        """Whether rows of the answer stand for several records."""
        return self.group is not None or any(isinstance(o.expression, Aggregate) for o in self.outputs)


ROOT = "t0"
"""Alias of the row a condition or query is about."""


def columns_in(expression: BoundExpression | None) -> Iterator[Column]:
    """The columns an expression reads."""
    match expression:
        case None:
            return
        case Column():
            yield expression
        case DistanceTo():
            yield from (expression.latitude, expression.longitude)
        case _:
            yield from columns_in(expression.of)
