"""The rows a query speaks about: its object, aliases, and the relationships it walks. From a path to a column."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fieldsync.schema.catalog import COMPUTED_TYPES, REFERENCE_TYPES, Catalog, ObjectType, columns_of, relationship_name
from fieldsync.schema.model import Field, FieldType
from fieldsync.soql import limits
from fieldsync.soql.bound import ROOT, Column, Join, Read
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Expression, Path

KINDS = {
    FieldType.ID: Kind.ID,
    FieldType.LOOKUP: Kind.ID,
    FieldType.MASTER_DETAIL: Kind.ID,
    FieldType.LONG_TEXT: Kind.LONG_TEXT,
    FieldType.MULTI_PICKLIST: Kind.MULTI,
    FieldType.CHECKBOX: Kind.BOOLEAN,
    FieldType.NUMBER: Kind.NUMBER,
    FieldType.CURRENCY: Kind.NUMBER,
    FieldType.PERCENT: Kind.NUMBER,
    FieldType.ROLL_UP: Kind.NUMBER,
    FieldType.DATE: Kind.DATE,
    FieldType.DATETIME: Kind.DATETIME,
    FieldType.TIME: Kind.TIME,
    FieldType.GEOLOCATION: Kind.LOCATION,
    FieldType.BASE64: Kind.BINARY,
}
"""Field type to kind; what is missing is text."""


@dataclass
class Budget:
    """What a whole query has used of its limits, subqueries included."""

    values: int = 0
    conditions: int = 0
    subqueries: int = 0

    def spend(self, at: Position, *, values: int = 0, conditions: int = 0, subqueries: int = 0) -> None:
        """Counts more use. Raises SoqlError where it is too much."""
        self.values += values
        self.conditions += conditions
        self.subqueries += subqueries
        for used, allowed, what in (
            (self.values, limits.LIST_VALUES_MAX, "values"),
            (self.conditions, limits.CONDITIONS_MAX, "comparisons"),
            (self.subqueries, limits.SUBQUERIES_MAX, "subqueries"),
        ):
            if used > allowed:
                raise SoqlError(f"A query may have {allowed} {what}.", at)


@dataclass
class Scope:
    """One SELECT while it is bound. `aliases` and `named` are in small letters."""

    catalog: Catalog
    object: ObjectType
    tokens: Collection[str] | None
    budget: Budget
    level: int = 0
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Alias of a source to its path from the object: empty for the object itself."""
    named: dict[str, Expression] = field(default_factory=dict)
    """Alias of a selected expression."""
    joins: dict[tuple[str, str], Join] = field(default_factory=dict)
    reads: set[Read] = field(default_factory=set)

    def column(self, path: Path) -> Column:
        """The column a path leads to. Raises SoqlError."""
        alias, object_type, names = ROOT, self.object, self.stripped(path)
        if len(names) - 1 > limits.PATH_HOPS_MAX:
            raise SoqlError(f"A path may have {limits.PATH_HOPS_MAX} relationships.", path.at)
        for name in names[:-1]:
            alias, object_type = self._hop(alias, object_type, name, path.at)
        return self._column(alias, object_type, names[-1], path.at)

    def stripped(self, path: Path) -> tuple[str, ...]:
        """The path from the object on: without an alias or the object's own name before it."""
        first, *rest = path.names
        if not rest:
            return path.names
        if first.lower() in self.aliases:
            return (*self.aliases[first.lower()], *rest)
        own = first.lower() == self.object.name.lower() and reference(self.object, first) is None
        return tuple(rest) if own else path.names

    def _hop(self, alias: str, object_type: ObjectType, name: str, at: Position) -> tuple[str, ObjectType]:
        found = reference(object_type, name)
        if found is None or found.references not in self.catalog:
            raise SoqlError(f"{object_type.name} has no relationship {name}.", at)
        self.reads.add((object_type.name, found.name))
        join = self.joins.get((alias, found.name))
        if join is None:
            if len(self.joins) >= limits.JOINS_MAX:
                raise SoqlError(f"A query may walk {limits.JOINS_MAX} relationships.", at)
            join = Join(f"t{len(self.joins) + 1}", alias, found.name, str(found.references))
            self.joins[alias, found.name] = join
        return join.alias, self.catalog[join.object]

    def _column(self, alias: str, object_type: ObjectType, name: str, at: Position) -> Column:
        found = field_of(object_type, name)
        part = None if found else next((c for c in object_type.columns if c.lower() == name.lower()), None)
        if part is not None:
            found = object_type.column_fields[part]
        if found is None:
            raise SoqlError(f"{object_type.name} has no field {name}.", at)
        self.reads.add((object_type.name, found.name))
        kind = Kind.NUMBER if part is not None else kind_of(found)
        return Column(alias, object_type.name, part or found.name, found, kind)

    def halves(self, column: Column) -> tuple[Column, Column]:
        """Latitude and longitude of a location."""
        first, second = columns_of(column.field)
        return (
            Column(column.alias, column.object, first, column.field, Kind.NUMBER),
            Column(column.alias, column.object, second, column.field, Kind.NUMBER),
        )


def kind_of(declared: Field) -> Kind:
    """The kind of a field; of a formula, and of a roll-up of dates, that of its result."""
    if declared.type in COMPUTED_TYPES and declared.formula_returns is not None:
        return KINDS.get(declared.formula_returns, Kind.TEXT)
    return KINDS.get(declared.type, Kind.TEXT)


def field_of(object_type: ObjectType, name: str) -> Field | None:
    """The field with this name in either case."""
    exact = object_type.fields.get(name)
    if exact is not None:
        return exact
    return next((f for f in object_type.fields.values() if f.name.lower() == name.lower()), None)


def reference(object_type: ObjectType, name: str) -> Field | None:
    """The lookup or master-detail whose relationship has this name."""
    fields = (f for f in object_type.fields.values() if f.type in REFERENCE_TYPES)
    return next((f for f in fields if relationship_name(f).lower() == name.lower()), None)


def object_named(catalog: Catalog, name: str, at: Position) -> ObjectType:
    """The object with this name in either case. Raises SoqlError."""
    if name in catalog:
        return catalog[name]
    found = next((o for o in catalog if o.name.lower() == name.lower()), None)
    if found is None:
        raise SoqlError(f"There is no object {name}.", at)
    return found


def child_reference(catalog: Catalog, parent: ObjectType, name: str) -> tuple[ObjectType, Field] | None:
    """The object and field behind the list of children `name` of a parent."""
    for candidate in catalog:
        for declared in candidate.references:
            if declared.references == parent.name and (declared.children or "").lower() == name.lower():
                return candidate, declared
    return None
