"""The parsed query: frozen values with their places in the text. Names are as written; nothing here knows a catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from fieldsync.soql.errors import START, Position

if TYPE_CHECKING:
    from fieldsync.schema.catalog import Catalog
    from fieldsync.soql.bound import BoundQuery


@dataclass(frozen=True)
class Path:
    """A field, or a field of a related record: `Name`, `Account.Owner.Name`."""

    names: tuple[str, ...]
    at: Position = field(default=START, compare=False)

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True)
class Call:
    """A function of fields: `CALENDAR_YEAR(convertTimezone(CreatedDate))`; `COUNT()` has no argument."""

    name: str
    arguments: tuple[Expression, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Distance:
    """`DISTANCE(Location__c, GEOLOCATION(37.775, -122.418), 'mi')`."""

    location: Path
    place: Bind | tuple[Value, Value]
    unit: str
    at: Position = field(default=START, compare=False)


Expression = Path | Call | Distance


@dataclass(frozen=True)
class Text:
    """A text between quotes, escapes resolved. `\\%` and `\\_` stay as written: they mean something to LIKE."""

    value: str
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Number:
    """A number; one written with a point is a Decimal."""

    value: int | Decimal
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Currency:
    """An amount with its currency: `USD5000`."""

    code: str
    value: int | Decimal
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Boolean:
    value: bool
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Null:
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Moment:
    """A date, a time of day, or a date with time and zone."""

    value: date | datetime | time
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class DateLiteral:
    """A stretch of time named relative to today: `LAST_N_DAYS:7` is ("LAST_N_DAYS", 7)."""

    name: str
    count: int | None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Bind:
    """A value that comes from outside: `:name`, or the tokens `@@USER_ID@@` and `{USER.ID}`, both named USER_ID."""

    name: str
    token: bool
    at: Position = field(default=START, compare=False)


Value = Text | Number | Currency | Boolean | Null | Moment | DateLiteral | Bind


@dataclass(frozen=True)
class Comparison:
    """`left operator right`. The operators of OPERATORS; `<>` is `!=`."""

    left: Expression
    operator: str
    right: tuple[Value, ...] | Query
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    part: Condition
    at: Position = field(default=START, compare=False)


Condition = Comparison | And | Or | Not


@dataclass(frozen=True)
class Item:
    """One thing selected, with the alias it may have."""

    expression: Expression
    alias: str | None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class TypeOf:
    """What to select depending on the kind of record a reference points to."""

    reference: Path
    cases: tuple[tuple[str, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True)
class Source:
    """What follows FROM: an object, a child relationship, or with an alias a relationship of an earlier source."""

    path: Path
    alias: str | None


@dataclass(frozen=True)
class Order:
    """One sort key. Nulls come first unless asked for last."""

    expression: Expression
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Group:
    """GROUP BY; `kind` is empty, `ROLLUP` or `CUBE`."""

    kind: str
    expressions: tuple[Expression, ...]
    having: Condition | None


@dataclass(frozen=True)
class Category:
    """One filter of WITH DATA CATEGORY."""

    group: str
    operator: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """A whole query. `Query.bind` gives its names their meaning."""

    items: tuple[Item | Query | TypeOf, ...]
    sources: tuple[Source, ...]
    scope: str | None = None
    where: Condition | None = None
    mode: str | None = None
    """Of WITH: SECURITY_ENFORCED, USER_MODE, SYSTEM_MODE or a name with settings."""
    categories: tuple[Category, ...] = ()
    group: Group | None = None
    order: tuple[Order, ...] = ()
    limit: Number | Bind | None = None
    offset: Number | Bind | None = None
    usage: tuple[str, ...] = ()
    """VIEW, REFERENCE, UPDATE, TRACKING, VIEWSTAT."""
    all_rows: bool = False
    bindings: tuple[tuple[str, Value], ...] = ()
    """Values given in the text itself, by BIND."""
    at: Position = field(default=START, compare=False)

    def bind(self, catalog: Catalog) -> BoundQuery:
        """This query against a catalog. Raises SoqlError with the place of what does not fit."""
        from fieldsync.soql.bind.query import bind_query

        return bind_query(self, catalog)
