"""List views as queries: what a saved list selects, the same on the server and on a device (FEATURES E21).

What filters mean stands in `list_filter`. A list may read one token, `ME`: who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fieldsync.schema.catalog import REFERENCE_TYPES, Catalog, ObjectType, relationship_name
from fieldsync.schema.model import Field, ListView
from fieldsync.soql import limits
from fieldsync.soql.bind.query import UNSORTED
from fieldsync.soql.bind.scope import field_of, kind_of, reference
from fieldsync.soql.dates import Calendar
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.list_filter import filter_condition, literally
from fieldsync.soql.nodes import And, Comparison, Condition, Item, Not, Number, Or, Order, Path, Query, Source, Text
from fieldsync.soql.parse import parse_condition

SCOPES = {
    "everything": "",
    "mine": "OwnerId = {USER.ID}",
    "team": """
        OwnerId = {USER.ID} OR OwnerId IN (
            SELECT UserId FROM User_Territory WHERE TerritoryId IN (
                SELECT TerritoryId FROM User_Territory WHERE UserId = {USER.ID}))""",
    "myterritory": """
        ACCOUNT IN (
            SELECT AccountId FROM Territory_Account WHERE TerritoryId IN (
                SELECT TerritoryId FROM User_Territory WHERE UserId = {USER.ID}))""",
}
"""What each scope of a list view adds. `team` are the people of the person's territories."""
ALSO = {"mineandmygroups": "team", "myteamterritory": "myterritory"}
PLACE = "Time_Zone"
"""Times of a record that has this field are told in the zone it names: where it takes place."""
LOGIC_CHARS_MAX = 1_000
_LOGIC = re.compile(r"(?:[\d()\s]|AND(?!\w)|OR(?!\w)|NOT(?!\w))+", re.IGNORECASE)
_TOKEN = re.compile(r"\d+|[()]|AND|OR|NOT")


@dataclass(frozen=True)
class Shown:
    """One column of a list: its place in a record of the answer, and for a reference the place of the name."""

    path: tuple[str, ...]
    label: str
    field: Field
    name_path: tuple[str, ...] | None
    sortable: bool


@dataclass(frozen=True)
class Window:
    """Which part of a list, in which order. `order` is a column, also along relationships: `Account.Name`."""

    order: str = "Name"
    descending: bool = False
    limit: int = 200
    offset: int = 0
    search: str = ""
    """Only records whose name holds this."""


def view_named(object_type: ObjectType, name: str) -> ListView:
    """A list view of an object. Raises SoqlError."""
    found = next((v for v in object_type.list_views if v.name.lower() == name.lower()), None)
    if found is None:
        raise SoqlError(f"{object_type.name} has no list {name}.")
    return found


def shown_columns(catalog: Catalog, object_type: ObjectType, view: ListView) -> tuple[Shown, ...]:
    """The columns of a list; those the object does not have are left out. Always one: the name."""
    found: list[Shown] = []
    for name in view.columns or ("Name",):
        try:
            shown = _shown(catalog, object_type, name)
        except SoqlError:
            continue
        if kind_of(shown.field) not in (Kind.BINARY, Kind.LOCATION):
            found.append(shown)
    return tuple(found) or (_shown(catalog, object_type, "Name"),)


def list_query(
    catalog: Catalog,
    object_type: ObjectType,
    view: ListView,
    *,
    calendar: Calendar,
    window: Window,
    placed: bool = True,
) -> Query:
    """The query of a list view; it reads the token `ME`. `placed`: with the zone each record takes place in, where the
    object has that. Raises SoqlError for what no query can say."""
    paths: list[tuple[str, ...]] = [("Id",), ("Name",)]
    columns = shown_columns(catalog, object_type, view)
    timed = any(kind_of(shown.field) is Kind.DATETIME for shown in columns)
    paths += [(PLACE,)] if placed and timed and PLACE in object_type.fields else []
    for shown in columns:
        paths += [shown.path] if shown.name_path is None else [shown.path, shown.name_path]
    sorted_by = _shown(catalog, object_type, window.order)
    parts = [*_scope(object_type, view), *_filters(catalog, object_type, view, calendar), *_search(window.search)]
    return Query(
        items=tuple(Item(Path(path), None) for path in dict.fromkeys(paths)),
        sources=(Source(Path((object_type.name,)), None),),
        where=And(tuple(parts)) if parts else None,
        order=(Order(Path(sorted_by.name_path or sorted_by.path), window.descending, nulls_last=False),),
        limit=Number(window.limit),
        offset=Number(window.offset),
    )


def _shown(catalog: Catalog, object_type: ObjectType, name: str) -> Shown:
    """Where a name like `Status` or `Account.Name` leads. Raises SoqlError."""
    *hops, last = name.split(".")
    path: list[str] = []
    for hop in hops:
        way = reference(object_type, hop)
        if way is None or way.references not in catalog:
            raise SoqlError(f"{object_type.name} has no relationship {hop}.")
        path.append(relationship_name(way))
        object_type = catalog[str(way.references)]
    field = field_of(object_type, last)
    if field is None:
        raise SoqlError(f"{object_type.name} has no field {last}.")
    named = field.type in REFERENCE_TYPES and field.references in catalog
    name_path = (*path, relationship_name(field), "Name") if named else None
    sortable = kind_of(field) not in UNSORTED
    label = " ".join((*path, field.label or field.name))
    return Shown((*path, field.name), label, field, name_path, sortable)


def _scope(object_type: ObjectType, view: ListView) -> Iterator[Condition]:
    name = view.scope.replace("_", "").lower()
    text = SCOPES.get(ALSO.get(name, name))
    if text is None:
        raise SoqlError(f"There is no scope {view.scope}; {', '.join(SCOPES)} are known.")
    if text:
        own = "Id" if object_type.name == "Account" else "AccountId"
        yield parse_condition(text.replace("ACCOUNT", own))


def _search(text: str) -> Iterator[Condition]:
    if text:
        yield Comparison(Path(("Name",)), "LIKE", (Text(f"%{literally(text)}%"),))


def _filters(catalog: Catalog, object_type: ObjectType, view: ListView, calendar: Calendar) -> Iterator[Condition]:
    """Every filter must hold, or what the logic makes of them, by their number from 1."""
    conditions = []
    for given in view.filters:
        shown = _shown(catalog, object_type, given.field)
        conditions.append(filter_condition(shown.field, shown.path, shown.name_path, given, calendar))
    if not view.filter_logic or not conditions:
        yield from conditions
        return
    yield _Logic(view.filter_logic, conditions).whole()


class _Logic:
    """`1 AND (2 OR NOT 3)`: the filters in the places of their numbers. NOT binds closest, then AND."""

    def __init__(self, text: str, conditions: Sequence[Condition]) -> None:
        self._text, self._conditions = text, conditions
        self._tokens: list[str] = [] if len(text) > LOGIC_CHARS_MAX else _TOKEN.findall(text.upper())
        nested = sum(token in ("(", "NOT") for token in self._tokens)
        if not self._tokens or not _LOGIC.fullmatch(text) or nested > limits.NESTING_LEVELS_MAX:
            raise self._bad()

    def whole(self) -> Condition:
        """The condition. Raises SoqlError."""
        found = self._any()
        if self._tokens:
            raise self._bad()
        return found

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._took("OR"):
            parts.append(self._all())
        return Or(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._took("AND"):
            parts.append(self._one())
        return And(tuple(parts))

    def _one(self) -> Condition:
        if self._took("NOT"):
            return Not(self._one())
        if self._took("("):
            found = self._any()
            if self._took(")"):
                return found
        elif self._tokens and self._tokens[0].isdecimal():
            return self._numbered(int(self._tokens.pop(0)))
        raise self._bad()

    def _numbered(self, number: int) -> Condition:
        if not 1 <= number <= len(self._conditions):
            raise SoqlError(f"The filter logic names filter {number}; there are {len(self._conditions)}.")
        return self._conditions[number - 1]

    def _took(self, token: str) -> bool:
        return self._tokens[:1] == [token] and bool(self._tokens.pop(0))

    def _bad(self) -> SoqlError:
        sentence = "is not made of the filters' numbers, AND, OR, NOT and parentheses"
        return SoqlError(f"The filter logic {self._text[:80]} {sentence}.")
