"""Where names get their meaning: a catalog's object, or a plain table of names for formulas without a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fieldsync.formula import limits
from fieldsync.schema.catalog import REFERENCE_TYPES, Catalog, ObjectType, relationship_name
from fieldsync.schema.model import Field, FieldType


@dataclass(frozen=True)
class Found:
    """What a path means: its names as they are declared, and the field's type; None where nobody declared one."""

    names: tuple[str, ...]
    field: FieldType | None


class Scope(Protocol):
    """Answers what a path means."""

    def find(self, names: tuple[str, ...]) -> Found | None:
        """The field behind the path; None where there is none. Upper and lower case don't matter."""


@dataclass(frozen=True)
class Names:
    """A scope that is a table of paths. With `open`, a path that is missing has a type nobody declared."""

    fields: Mapping[str, FieldType]
    open: bool = False

    def find(self, names: tuple[str, ...]) -> Found | None:
        path = ".".join(names)
        known = {name.lower(): name for name in self.fields}.get(path.lower())
        if known is not None:
            return Found(tuple(known.split(".")), self.fields[known])
        return Found(names, None) if self.open or names[0].startswith("$") else None


_GLOBAL_OBJECTS = {
    "$user": "User",
    "$profile": "Profile",
    "$userrole": "UserRole",
    "$organization": "Organization",
    "$recordtype": "RecordType",
}
_GLOBAL_TYPES = {
    "$label": FieldType.TEXT,
    "$api": FieldType.TEXT,
    "$permission": FieldType.CHECKBOX,
    "$system": FieldType.DATETIME,
}


@dataclass(frozen=True)
class CatalogScope:
    """The fields of one object and of everything its references lead to; the global values."""

    catalog: Catalog
    object_name: str

    def find(self, names: tuple[str, ...]) -> Found | None:
        if len(names) > limits.PATH_HOPS_MAX + 1:
            return None
        if names[0].startswith("$"):
            return self._global(names)
        return self._field(self.catalog[self.object_name], names)

    def _field(self, start: ObjectType, names: tuple[str, ...]) -> Found | None:
        """Follows the relationships, then takes the field."""
        way: list[str] = []
        current = start
        for name in names[:-1]:
            reference = _reference(current, name)
            target = None if reference is None else reference.references
            if reference is None or target is None or target not in self.catalog:
                return None
            way.append(relationship_name(reference))
            current = self.catalog[target]
        field = _named(current, names[-1])
        return None if field is None else Found((*way, field.name), _type(field))

    def _global(self, names: tuple[str, ...]) -> Found | None:
        """A global value; of an object the catalog has, its fields' types are known."""
        head = names[0].lower()
        if len(names) < 2:
            return None
        if head in _GLOBAL_TYPES:
            return Found(names, _GLOBAL_TYPES[head])
        named = _GLOBAL_OBJECTS.get(head, names[1])
        if named not in self.catalog:
            return Found(names, None)
        rest = names[1:] if head in _GLOBAL_OBJECTS else names[-1:]
        found = self._field(self.catalog[named], rest)
        return None if found is None else Found((*names[: len(names) - len(rest)], *found.names), found.field)


def _reference(current: ObjectType, name: str) -> Field | None:
    """The reference whose relationship has this name; `Owner:User` is the owner where it is a user."""
    wanted = name.split(":", maxsplit=1)[0].lower()
    for field in current.fields.values():
        if field.type in REFERENCE_TYPES and relationship_name(field).lower() == wanted:
            return field
    return None


def _named(current: ObjectType, name: str) -> Field | None:
    exact = current.fields.get(name)
    return exact or next((f for f in current.fields.values() if f.name.lower() == name.lower()), None)


def _type(field: Field) -> FieldType:
    """A formula, and a roll-up of dates, count as what they give."""
    if field.type in (FieldType.FORMULA, FieldType.ROLL_UP):
        return field.formula_returns or (FieldType.TEXT if field.type is FieldType.FORMULA else FieldType.NUMBER)
    return field.type
