"""What can be wrong with a profile or a permission set: names of what is not there, and what would have no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldsync.schema.access.permissions import FieldAccess, Grants, PermissionSet
from fieldsync.schema.access.rights import EVERY, always_open
from fieldsync.schema.model import Field, Object


def grants_faults(
    grants: Grants, objects: Mapping[str, Object], fields: Mapping[str, Mapping[str, Field]]
) -> Iterator[str]:
    """Everything wrong with a profile or permission set. `fields` are those of every object, standard ones too."""
    for name in dict.fromkeys((*grants.objects, *grants.fields, *grants.record_types)):
        if name not in objects and not (name == EVERY and name in grants.objects):
            yield f"it names an object that is not there: {name}"
    for name, said in grants.fields.items():
        if name in objects:
            yield from _field_faults(objects[name], fields[name], said, adds=isinstance(grants, PermissionSet))
    for name, types in grants.record_types.items():
        there = {found.name for found in objects[name].record_types} if name in objects else set(types)
        yield from (f"{name} has no record type {one}" for one in types if one not in there)


def _field_faults(
    declared: Object, fields: Mapping[str, Field], said: Mapping[str, FieldAccess], *, adds: bool
) -> Iterator[str]:
    opened = always_open(declared, fields.values())
    for name, access in said.items():
        if name != EVERY and name not in fields:
            yield f"it names a field that is not there: {declared.name}.{name}"
        elif name in opened:
            yield f"{declared.name}.{name} is always as open as {declared.name}; nothing can be said of it here"
        elif adds and access is FieldAccess.NONE:
            yield f"a permission set only adds; it cannot take away {declared.name}.{name}"
