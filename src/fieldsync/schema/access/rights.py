"""What somebody may do, by his profile and the permission sets he has: a pure value that every read and write asks.

A right is had when the profile or any of the sets gives it. What is computed out of something hidden is hidden with it,
or it would tell what it was made of (THREATS T19): formula fields and roll-ups.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from fieldsync.base.ids import content_hash
from fieldsync.schema.access.permissions import Access, FieldAccess, Grants, SystemPermission
from fieldsync.schema.catalog import Catalog, ObjectType, columns_of
from fieldsync.schema.model import Field, FieldType, Object
from fieldsync.schema.standard import standard_fields

Place = tuple[str, str]
"""An object and one of its fields."""
Sources = Mapping[Place, frozenset[Place]]
"""Formula fields, and what each reads: the fields themselves and the references that lead there."""

EVERY = "*"
"""In place of an object or field: each that is not named."""
IMPLIED: Mapping[Access, frozenset[Access]] = {
    Access.READ: frozenset(),
    Access.CREATE: frozenset({Access.READ}),
    Access.EDIT: frozenset({Access.READ}),
    Access.DELETE: frozenset({Access.READ, Access.EDIT}),
    Access.VIEW_ALL: frozenset({Access.READ}),
    Access.MODIFY_ALL: frozenset({Access.READ, Access.EDIT, Access.DELETE, Access.VIEW_ALL}),
}
"""What an object permission cannot be without."""
EVERYWHERE: Mapping[SystemPermission, frozenset[Access]] = {
    SystemPermission.VIEW_ALL_DATA: frozenset({Access.READ, Access.VIEW_ALL}),
    SystemPermission.MODIFY_ALL_DATA: frozenset(Access),
}
"""What a system permission gives on every object that is not the platform's own."""
IMPLIED_SYSTEM: Mapping[SystemPermission, frozenset[SystemPermission]] = {
    SystemPermission.MODIFY_ALL_DATA: frozenset({SystemPermission.VIEW_ALL_DATA, SystemPermission.MODIFY_METADATA}),
}
_RANK = {FieldAccess.NONE: 0, FieldAccess.READ: 1, FieldAccess.EDIT: 2}


@dataclass(frozen=True)
class ObjectRights:
    """Rights on one object. `fields` holds what he sees only, by field and by column."""

    access: frozenset[Access]
    fields: Mapping[str, FieldAccess]
    columns: tuple[str, ...]
    formulas: tuple[str, ...]
    record_types: tuple[str, ...] | None
    """Those new records may have, the usual one first; None: every one."""


WRITING = frozenset({Access.CREATE, Access.EDIT, Access.DELETE, Access.MODIFY_ALL})
_NO_RIGHTS = ObjectRights(frozenset(), {}, (), (), ())


@dataclass(frozen=True)
class Rights:
    """The rights of everybody with this profile and these permission sets."""

    profile: str
    permission_sets: tuple[str, ...]
    admin: bool
    integration: bool
    system: frozenset[SystemPermission]
    objects: Mapping[str, ObjectRights]
    version: str
    """Hash of what he may do: equal rights have equal versions, whatever gives them."""

    def may(self, object_name: str, access: Access) -> bool:
        """Whether he may do this with records of the object."""
        return access in self._of(object_name).access

    def sees(self, object_name: str, field: str) -> bool:
        """Whether he may read this field or column."""
        return field in self._of(object_name).fields

    def edits(self, object_name: str, field: str) -> bool:
        """Whether he may give this field or column a value, when he creates or edits the record."""
        found = self._of(object_name)
        writes = Access.EDIT in found.access or Access.CREATE in found.access
        return writes and found.fields.get(field) is FieldAccess.EDIT

    def columns(self, object_name: str) -> tuple[str, ...]:
        """The stored columns he may read, in the order of the wire; none of an object he may not read."""
        return self._of(object_name).columns

    def formulas(self, object_name: str) -> tuple[str, ...]:
        """The formula fields he may read, in the order in which they are declared."""
        return self._of(object_name).formulas

    def record_types(self, object_name: str) -> tuple[str, ...] | None:
        """The record types new records may have, the usual one first; None: every active one."""
        return self._of(object_name).record_types

    def reading(self, names: Collection[str]) -> Rights:
        """These rights where records of some objects are only read, whatever was given."""
        cut = {n: replace(self._of(n), access=self._of(n).access - WRITING) for n in names if n in self.objects}
        return replace(self, objects={**self.objects, **cut}) if cut else self

    def _of(self, object_name: str) -> ObjectRights:
        return self.objects.get(object_name, _NO_RIGHTS)


NOBODY = Rights("", (), admin=False, integration=False, system=frozenset(), objects={}, version="")
"""Who may do nothing."""


class RightsTable:
    """The rights that a catalog's profiles and permission sets give, each combination worked out once."""

    def __init__(self, catalog: Catalog, sources: Sources) -> None:
        self._catalog, self._sources = catalog, sources
        self._cached = lru_cache(maxsize=1_024)(self._build)

    def of(self, profile: str, permission_sets: Iterable[str] = ()) -> Rights:
        """The rights by these names. A name the catalog has not gives nothing."""
        return self._cached(profile, tuple(sorted(set(permission_sets))))

    def _build(self, profile: str, permission_sets: tuple[str, ...]) -> Rights:
        declared = self._catalog.profiles.get(profile)
        sets = tuple(s for name in permission_sets if (s := self._catalog.permission_sets.get(name)) is not None)
        given = sets if declared is None else (declared, *sets)
        admin = declared is not None and declared.admin
        system = frozenset(SystemPermission) if admin else system_permissions(given)
        work = _Working(self._catalog, self._sources, declared, sets, system, admin=admin)
        objects = {o.name: work.object_rights(o) for o in self._catalog}
        integration = declared is not None and declared.integration
        content = [admin, integration, sorted(system), [(name, *_plain(found)) for name, found in objects.items()]]
        version = content_hash(msgspec.json.encode(content, order="deterministic"))
        marks = {"admin": admin, "integration": integration}
        return Rights(profile, permission_sets, **marks, system=system, objects=objects, version=version)


def system_permissions(given: Iterable[Grants]) -> frozenset[SystemPermission]:
    """The system permissions these give together, with those they imply."""
    named = frozenset(permission for one in given for permission in one.system)
    return named.union(*(IMPLIED_SYSTEM.get(permission, frozenset()) for permission in named))


def always_open(declared: Object, fields: Iterable[Field]) -> frozenset[str]:
    """Those of an object's fields that are as open as the object: without them a record is none."""
    names = {field.name for field in standard_fields(declared)} | set(declared.name_field.compose)
    needed = (f for f in fields if f.required or f.family or f.type is FieldType.MASTER_DETAIL)
    return frozenset(names.union(f.name for f in needed))


class _Working:
    """One combination while it is worked out."""

    def __init__(
        self,
        catalog: Catalog,
        sources: Sources,
        profile: Grants | None,
        sets: Sequence[Grants],
        system: frozenset[SystemPermission],
        *,
        admin: bool,
    ) -> None:
        self._catalog, self._sources, self._profile, self._sets = catalog, sources, profile, sets
        self._given = sets if profile is None else (profile, *sets)
        self._everywhere = frozenset[Access]().union(*(EVERYWHERE.get(one, frozenset()) for one in system))
        self._admin = admin
        self._access = {o.name: self._object_access(o) for o in catalog}
        self._levels = {o.name: self._field_levels(o) for o in catalog}
        self._hidden = self._hidden_places()

    def object_rights(self, object_type: ObjectType) -> ObjectRights:
        name, access = object_type.name, self._access[object_type.name]
        if Access.READ not in access:
            return _NO_RIGHTS
        seen = [f for f in object_type.fields.values() if (name, f.name) not in self._hidden]
        fields = {n: self._level(object_type, f) for f in seen for n in (f.name, *columns_of(f))}
        stored = tuple(column for column in object_type.columns if column in fields)
        formulas = tuple(f.name for f in object_type.formulas if f.name in fields)
        return ObjectRights(access, fields, stored, formulas, self._record_types(name))

    def _object_access(self, object_type: ObjectType) -> frozenset[Access]:
        if self._admin:
            return frozenset(Access)
        named = frozenset[Access]() if object_type.system else self._everywhere
        for one in self._given:
            others = () if object_type.system else one.objects.get(EVERY, ())
            named |= frozenset(one.objects.get(object_type.name, others))
        return named.union(*(IMPLIED[access] for access in named))

    def _field_levels(self, object_type: ObjectType) -> dict[str, FieldAccess]:
        """Of every field: what the profile leaves open, and what the sets add."""
        opened = always_open(object_type.declared, object_type.fields.values())
        said = self._profile.fields.get(object_type.name, {}) if self._profile is not None else {}
        more = [one.fields.get(object_type.name, {}) for one in self._sets]
        levels = {}
        for name in object_type.fields:
            own = said.get(name, said.get(EVERY, FieldAccess.EDIT))
            added = (one.get(name, one.get(EVERY, FieldAccess.NONE)) for one in more)
            levels[name] = FieldAccess.EDIT if name in opened else max((own, *added), key=_RANK.__getitem__)
        return levels

    def _level(self, object_type: ObjectType, field: Field) -> FieldAccess:
        writable = any(column in object_type.writable for column in columns_of(field))
        return self._levels[object_type.name][field.name] if writable else FieldAccess.READ

    def _hidden_places(self) -> frozenset[Place]:
        """What is not open to him, and what is computed out of that, directly or by others."""
        places = [(o.name, name) for o in self._catalog for name in o.fields]
        sources = {place: found for place in places if (found := self._sources_of(place))}
        hidden = {place for place in places if self._is_closed(*place)}
        more = hidden
        while more:
            more = {place for place, found in sources.items() if place not in hidden and not found.isdisjoint(hidden)}
            hidden |= more
        return frozenset(hidden)

    def _is_closed(self, object_name: str, field: str) -> bool:
        return Access.READ not in self._access[object_name] or self._levels[object_name][field] is FieldAccess.NONE

    def _sources_of(self, place: Place) -> frozenset[Place]:
        roll_up = self._catalog[place[0]].fields[place[1]].roll_up
        if roll_up is None:
            return self._sources.get(place, frozenset())
        names = (roll_up.child_reference, roll_up.field, *(condition.field for condition in roll_up.filters))
        return frozenset((roll_up.child_object, name) for name in names if name is not None)

    def _record_types(self, object_name: str) -> tuple[str, ...] | None:
        """Of the profile, then those the sets add; every one where the profile does not say."""
        if self._admin or self._profile is None or object_name not in self._profile.record_types:
            return None
        return tuple(dict.fromkeys(name for one in self._given for name in one.record_types.get(object_name, ())))


def _plain(found: ObjectRights) -> tuple[object, ...]:
    return sorted(found.access), found.fields, found.record_types
