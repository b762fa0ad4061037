"""Profiles and permission sets: which objects, fields and record types they open, and system permissions.

Read after objects and fields, as what they name must be there. What they say of tabs, apps, classes and the like is
listed, each by its name; nothing of it matters to data and sync here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fieldsync.schema.access.permissions import (
    Access,
    FieldAccess,
    Grants,
    PermissionSet,
    Profile,
    SystemPermission,
)
from fieldsync.schema.access.rights import always_open
from fieldsync.schema.model import Field, Object
from fieldsync.schema.sfdx.document import Element
from fieldsync.schema.sfdx.fates import GRANTS, GRANTS_PARTS, GRANTS_SWITCHES
from fieldsync.schema.sfdx.report import Level

KINDS: Mapping[str, type[Grants]] = {"profile": Profile, "permissionset": PermissionSet}
"""Kind of file to what it becomes."""
_ACCESS = {
    "allowRead": Access.READ,
    "allowCreate": Access.CREATE,
    "allowEdit": Access.EDIT,
    "allowDelete": Access.DELETE,
    "viewAllRecords": Access.VIEW_ALL,
    "modifyAllRecords": Access.MODIFY_ALL,
}
_SYSTEM = {
    "ApiEnabled": SystemPermission.API_ENABLED,
    "ViewAllData": SystemPermission.VIEW_ALL_DATA,
    "ModifyAllData": SystemPermission.MODIFY_ALL_DATA,
    "CustomizeApplication": SystemPermission.CUSTOMIZE_APPLICATION,
    "ModifyMetadata": SystemPermission.MODIFY_METADATA,
}


@dataclass(frozen=True)
class There:
    """What can be named: objects, and the fields of each, standard ones too."""

    objects: Mapping[str, Object]
    fields: Mapping[str, Mapping[str, Field]]


def read_grants(kind: type[Grants], element: Element, name: str, there: There) -> Grants:
    """The profile or permission set in a file of this name."""
    shown = unquote(name)
    values: dict[str, Any] = {
        "name": shown,
        "label": element.text("label") or shown,
        "description": element.text("description"),
        "objects": dict(_objects(element, there)),
        "fields": _fields(element, there, adds=kind is PermissionSet),
        "system": tuple(_system(element)),
        "record_types": _record_types(element, there),
    }
    for tag, (named, reason) in GRANTS_PARTS.items():
        for part in element.elements(tag, named=named):
            part.note("", reason)
    _finish(element)
    return kind(**values)


def _objects(element: Element, there: There) -> Iterator[tuple[str, tuple[Access, ...]]]:
    for part in element.elements("objectPermissions", named="object"):
        name = part.text("object") or ""
        given = tuple(access for tag, access in _ACCESS.items() if part.flag(tag))
        _finish(part)
        if name in there.objects:
            yield name, given
        else:
            part.note("", f"there is no object {name} here")


def _fields(element: Element, there: There, *, adds: bool) -> dict[str, dict[str, FieldAccess]]:
    found: dict[str, dict[str, FieldAccess]] = {}
    for part in element.elements("fieldPermissions", named="field"):
        object_name, _, name = (part.text("field") or "").partition(".")
        readable, editable, hidden = part.flag("readable"), part.flag("editable"), part.flag("hidden")
        _finish(part)
        access = FieldAccess.EDIT if editable else FieldAccess.READ if readable and not hidden else FieldAccess.NONE
        fields = there.fields.get(object_name, {})
        if name not in fields:
            part.note("", f"there is no field {object_name}.{name} here")
        elif name in always_open(there.objects[object_name], fields.values()):
            level = Level.IGNORED if access is FieldAccess.EDIT else Level.UNSUPPORTED
            part.note("", f"{name} is always as open as {object_name}", level)
        elif adds and access is FieldAccess.NONE:
            part.note("", "a permission set only adds; this adds nothing", Level.IGNORED)
        else:
            found.setdefault(object_name, {})[name] = access
    return found


def _system(element: Element) -> Iterator[SystemPermission]:
    for part in element.elements("userPermissions", named="name"):
        name, enabled = part.text("name") or "", part.flag("enabled")
        _finish(part)
        if not enabled:
            part.note("", "it is not given, as here by itself", Level.IGNORED)
        elif name in _SYSTEM:
            yield _SYSTEM[name]
        else:
            part.note("", "there is no such system permission here")


def _record_types(element: Element, there: There) -> dict[str, tuple[str, ...]]:
    """Of every object that is named, those that are visible, the default one first."""
    found: dict[str, list[str]] = {}
    for part in element.elements("recordTypeVisibilities", named="recordType"):
        object_name, _, name = (part.text("recordType") or "").partition(".")
        visible, default = part.flag("visible"), part.flag("default")
        _finish(part)
        declared = there.objects.get(object_name)
        if declared is None or name not in {one.name for one in declared.record_types}:
            part.note("", f"there is no record type {object_name}.{name} here")
            continue
        names = found.setdefault(object_name, [])
        if visible:
            names.insert(0 if default else len(names), name)
    return {object_name: tuple(names) for object_name, names in found.items()}


def _finish(element: Element) -> None:
    for tag, reason in GRANTS_SWITCHES.items():
        if element.flag(tag):
            element.note(tag, reason)
    element.finish(GRANTS)
