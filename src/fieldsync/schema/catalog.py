"""The catalog as the rest of the product sees it: merged, completed with standard fields, resolved and hashed.

An immutable value. It is built from packs (`build`), travels as JSON (`encode`, `decode`) and answers questions about
objects, relationships and families. It never reads a file and never asks a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from fieldsync.base.ids import content_hash
from fieldsync.schema.access.permissions import PermissionSet, Profile
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.fields import FieldValue, literal_default
from fieldsync.schema.model import (
    ConflictPolicy,
    Extension,
    Field,
    FieldType,
    ListView,
    Object,
    Pack,
    RecordType,
    Sharing,
    ValidationRule,
    ValueSet,
)
from fieldsync.schema.standard import standard_fields

REFERENCE_TYPES = (FieldType.LOOKUP, FieldType.MASTER_DETAIL)
COMPUTED_TYPES = (FieldType.FORMULA, FieldType.ROLL_UP)


@dataclass(frozen=True)
class ObjectType:
    """An object with every field it really has, standard ones first, in column order."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: Mapping[str, Field]
    declared: Object

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        """Fields with a column: all but formulas, which are computed when read."""
        return tuple(f for f in self.fields.values() if f.type is not FieldType.FORMULA)

    @cached_property
    def formulas(self) -> tuple[Field, ...]:
        """Fields without a column, computed when read."""
        return tuple(f for f in self.fields.values() if f.type is FieldType.FORMULA)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names in wire order, `Id` first; a geolocation has two."""
        return tuple(name for field in self.stored for name in columns_of(field))

    @cached_property
    def column_fields(self) -> Mapping[str, Field]:
        """Column name to the field it belongs to."""
        return {name: field for field in self.stored for name in columns_of(field)}

    @cached_property
    def writable(self) -> frozenset[str]:
        """Columns a save may list."""
        return frozenset(
            name
            for name, field in self.column_fields.items()
            if not field.system and field.type not in (*COMPUTED_TYPES, FieldType.AUTO_NUMBER, FieldType.ID)
        )

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """Lookup and master-detail fields."""
        return tuple(f for f in self.stored if f.type in REFERENCE_TYPES)

    @cached_property
    def master(self) -> Field | None:
        """The way to the family's root: the first master-detail field, else the first lookup marked `family`."""
        details = (f for f in self.stored if f.type is FieldType.MASTER_DETAIL)
        return next(details, None) or next((f for f in self.stored if f.family), None)

    @cached_property
    def picklists(self) -> tuple[Field, ...]:
        """Fields whose values are chosen from a list."""
        return tuple(f for f in self.stored if f.type in (FieldType.PICKLIST, FieldType.MULTI_PICKLIST))

    @cached_property
    def numbered(self) -> tuple[Field, ...]:
        return tuple(f for f in self.stored if f.type is FieldType.AUTO_NUMBER)

    @cached_property
    def files(self) -> frozenset[str]:
        """Columns that hold a file, as a signature."""
        return frozenset(f.name for f in self.stored if f.type is FieldType.BASE64)

    @cached_property
    def needed(self) -> tuple[Field, ...]:
        """Fields that a record cannot be without."""
        return tuple(f for f in self.stored if f.required or f.type is FieldType.MASTER_DETAIL)

    @cached_property
    def defaults(self) -> Mapping[str, FieldValue]:
        """The columns of a new record whose default needs no formula."""
        found = {column: literal_default(field) for column, field in self.column_fields.items()}
        return {column: value for column, value in found.items() if value is not None}

    @property
    def system(self) -> bool:
        """Kept by the platform itself."""
        return self.declared.system

    @property
    def sharing(self) -> Sharing:
        return self.declared.sharing

    @property
    def validation_rules(self) -> tuple[ValidationRule, ...]:
        return self.declared.validation_rules

    @cached_property
    def record_types(self) -> Mapping[str, RecordType]:
        """Record types by name."""
        return {found.name: found for found in self.declared.record_types}

    @property
    def list_views(self) -> tuple[ListView, ...]:
        return self.declared.list_views

    def policy(self, field: Field) -> ConflictPolicy:
        """What a changed old value of this field does (FEATURES G14)."""
        return field.conflict or self.declared.conflict


@dataclass(frozen=True)
class Family:
    """A root object and the objects that are master-detail to it, directly or through another member."""

    root: str
    members: tuple[str, ...]
    """The root first, then details, parents before children."""
    declaration: FamilyDeclaration


@dataclass(frozen=True)
class Catalog:
    """Objects by name, in an order in which referenced masters come first; families; profiles, permission sets."""

    packs: tuple[Pack, ...]
    objects: Mapping[str, ObjectType]
    profiles: Mapping[str, Profile]
    permission_sets: Mapping[str, PermissionSet]
    version: str
    """Hash of the content: equal catalogs have equal versions."""

    def __hash__(self) -> int:
        return hash(self.version)

    def __getitem__(self, name: str) -> ObjectType:
        return self.objects[name]

    def __contains__(self, name: object) -> bool:
        return name in self.objects

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self.objects.values())

    @cached_property
    def by_prefix(self) -> Mapping[str, ObjectType]:
        """Key prefix to object."""
        return {o.prefix: o for o in self.objects.values()}

    @cached_property
    def families(self) -> Mapping[str, Family]:
        """Declared families by root."""
        return {
            o.name: Family(o.name, tuple(self._members(o.name)), o.declared.family)
            for o in self.objects.values()
            if o.declared.family is not None
        }

    def _members(self, root: str) -> Iterator[str]:
        known = {root}
        yield root
        for candidate in self.objects.values():  # masters come before their details
            master = candidate.master
            if candidate.name not in known and master is not None and master.references in known:
                known.add(candidate.name)
                yield candidate.name

    @cached_property
    def _family_by_member(self) -> Mapping[str, Family]:
        return {member: family for family in self.families.values() for member in family.members}

    def family_of(self, object_name: str) -> Family | None:
        """The family an object belongs to, as root or member; None for an object that travels alone."""
        return self._family_by_member.get(object_name)


def columns_of(field: Field) -> tuple[str, ...]:
    """The columns a stored field has. A geolocation `Location__c` has `Location__Latitude__s` and `..Longitude__s`."""
    if field.type is not FieldType.GEOLOCATION:
        return (field.name,)
    stem = field.name.removesuffix("__c")
    return (f"{stem}__Latitude__s", f"{stem}__Longitude__s")


def relationship_name(field: Field) -> str:
    """The name of the way up: `AccountId` gives `Account`, `Broker__c` gives `Broker__r`."""
    if field.relationship is not None:
        return field.relationship
    if field.name.endswith("__c"):
        return field.name[:-1] + "r"
    return field.name.removesuffix("Id") if field.name.endswith("Id") else field.name


def build(packs: Iterable[Pack]) -> Catalog:
    """One catalog out of packs. They must be checked and have key prefixes (see `check.py`, `prefixes.py`)."""
    parts = tuple(packs)
    value_sets = {s.name: s for pack in parts for s in pack.value_sets}
    types = {o.name: _object_type(o, value_sets) for o in extended(parts)}
    profiles = {p.name: p for pack in parts for p in pack.profiles}
    permission_sets = {s.name: s for pack in parts for s in pack.permission_sets}
    version = content_hash(msgspec.json.encode(parts, order="deterministic"))
    return Catalog(parts, dict(_masters_first(types)), profiles, permission_sets, version)


def extended(packs: Iterable[Pack]) -> Iterator[Object]:
    """Every declared object with what other packs add to it."""
    parts = tuple(packs)
    additions: dict[str, list[Extension]] = {}
    for addition in (e for pack in parts for e in pack.extensions):
        additions.setdefault(addition.object, []).append(addition)
    for declared in (o for pack in parts for o in pack.objects):
        more = additions.get(declared.name, ())
        yield (
            declared
            if not more
            else msgspec.structs.replace(
                declared,
                fields=declared.fields + tuple(f for e in more for f in e.fields),
                validation_rules=declared.validation_rules + tuple(r for e in more for r in e.validation_rules),
                list_views=declared.list_views + tuple(v for e in more for v in e.list_views),
                record_types=declared.record_types + tuple(t for e in more for t in e.record_types),
                duplicate_rules=declared.duplicate_rules + tuple(r for e in more for r in e.duplicate_rules),
            )
        )


def encode(catalog: Catalog) -> bytes:
    """The catalog as it is stored and sent to devices."""
    return msgspec.json.encode(catalog.packs, order="deterministic")


def decode(data: bytes, version: str | None = None) -> Catalog:
    """The catalog that `encode` wrote; `version`: the one it goes by, where `data` is its part for one profile."""
    found = build(msgspec.json.decode(data, type=tuple[Pack, ...]))
    return found if version is None else replace(found, version=version)


def _object_type(declared: Object, value_sets: Mapping[str, ValueSet]) -> ObjectType:
    fields = {f.name: f for f in standard_fields(declared)}
    for field in declared.fields:
        fields[field.name] = _with_values(field, value_sets)
    prefix = declared.prefix
    assert prefix is not None, f"{declared.name} has no key prefix"
    return ObjectType(declared.name, declared.label, declared.plural or declared.label + "s", prefix, fields, declared)


def _with_values(field: Field, value_sets: Mapping[str, ValueSet]) -> Field:
    if field.value_set is None:
        return field
    return msgspec.structs.replace(field, values=value_sets[field.value_set].values)


def _masters_first(types: Mapping[str, ObjectType]) -> Iterator[tuple[str, ObjectType]]:
    """Objects in declaration order, but never a detail before its master."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[tuple[str, ObjectType]]:
        if name in done or name not in types:
            return
        done.add(name)
        master = types[name].master
        if master is not None and master.references is not None:
            yield from visit(master.references)
        yield name, types[name]

    for name in types:
        yield from visit(name)
