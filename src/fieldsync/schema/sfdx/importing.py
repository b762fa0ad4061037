"""The order of an import: open the project, read its files, resolve what they refer to, put the pack together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.access import metadata_api
from fieldsync.schema.access.permissions import Grants, PermissionSet, Profile
from fieldsync.schema.catalog import extended
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Pack, ValueSet
from fieldsync.schema.sfdx.assemble import assemble
from fieldsync.schema.sfdx.custom_object import (
    ObjectDraft,
    add_field,
    add_list_view,
    add_record_type,
    add_rule,
    read_object,
)
from fieldsync.schema.sfdx.document import BadXml, Element, parse
from fieldsync.schema.sfdx.fates import FILE_KINDS
from fieldsync.schema.sfdx.files import PROJECT_FILE, Project, SourceFile, content, open_project, source_files
from fieldsync.schema.sfdx.grants import KINDS, There, read_grants
from fieldsync.schema.sfdx.report import Level, Notes, Report
from fieldsync.schema.sfdx.value_set import read_value_set
from fieldsync.schema.standard import standard_fields

_REFUSED_OBJECTS = {
    "__mdt": "custom metadata types are not supported",
    "__e": "platform events are not supported",
    "__b": "big objects are not supported",
    "__x": "objects of another system are not supported",
    "__kav": "articles are not supported",
}
_MANIFESTS = ("package.xml", "destructiveChanges.xml", "destructiveChangesPre.xml", "destructiveChangesPost.xml")


@dataclass(frozen=True)
class ImportResult:
    """The pack that a project gives, and what was read and what was not."""

    pack: Pack
    report: Report

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the project would open that should stay closed (FEATURES G22)."""
        return tuple(metadata_api.warnings([self.pack]))


@dataclass
class _Source:
    """What was read of a project."""

    project: Project
    notes: Notes
    objects: dict[str, ObjectDraft] = field(default_factory=dict)
    value_sets: dict[str, ValueSet] = field(default_factory=dict)


def read(directory: Path, base: Sequence[Pack] | None = None) -> ImportResult:
    """Read a Salesforce DX project, or any folder with metadata in source or metadata-API form.

    `base` are the packs the result will stand beside, the product's own when absent; a pack in it that has the
    project's name is the project's earlier import and is left out. Together with them the pack passes `check`.
    Raises Refused(UNUSABLE) when the folder is not there or holds no metadata at all.
    """
    notes = Notes()
    project = open_project(directory, notes)
    packs = [p for p in (load_packs() if base is None else base) if p.name != project.name]
    source = _Source(project, notes)
    files = list(source_files(project, notes))
    for kinds in (_OBJECT_KINDS, _PART_KINDS):
        for file in files:
            if file.kind in kinds:
                _read_file(source, file, kinds[file.kind])
    granting = [file for file in files if file.kind in KINDS]
    for file in files:
        if file.kind not in _OBJECT_KINDS and file.kind not in _PART_KINDS and file not in granting:
            _note_file(notes, file)
    if not source.objects and not source.value_sets and not granting:
        reason = "no objects, value sets, profiles and permission sets of Salesforce metadata were found in it"
        raise Refused(problem(Code.UNUSABLE, what=str(directory), reason=reason))
    pack, counted = assemble(project, source.objects, tuple(source.value_sets.values()), packs, notes)
    pack = _with_grants(pack, packs, granting, notes)
    counts = {"profiles": len(pack.profiles), "permission_sets": len(pack.permission_sets)}
    return ImportResult(pack, msgspec.structs.replace(counted, **counts, issues=notes.sorted()))


def _read_file(source: _Source, file: SourceFile, take: Callable[[_Source, SourceFile, Element], None]) -> None:
    element = _element(file, source.notes)
    if element is not None:
        take(source, file, element)


def _element(file: SourceFile, notes: Notes) -> Element | None:
    """The root of a file; None, with a note, for what cannot be read."""
    data = content(file, notes)
    if data is None:
        return None
    try:
        return Element(parse(data), file.shown, notes)
    except BadXml as bad:
        notes.add(file.shown, "file", str(bad), Level.ERROR)
        return None


def _with_grants(pack: Pack, packs: Sequence[Pack], files: Sequence[SourceFile], notes: Notes) -> Pack:
    """The pack with the profiles and permission sets of these files, which may name all that is there now."""
    objects = {o.name: o for o in extended([*packs, pack])}
    there = There(objects, {o.name: {f.name: f for f in (*standard_fields(o), *o.fields)} for o in objects.values()})
    taken = {(type(one), one.name.lower()) for p in packs for one in (*p.profiles, *p.permission_sets)}
    read: list[Grants] = []
    for file in files:
        element = _element(file, notes)
        if element is None:
            continue
        one = read_grants(KINDS[file.kind], element, file.name, there)
        if (type(one), one.name.lower()) in taken:
            element.note("", f"there is one of the name {one.name} already, which stays as it is", Level.ERROR)
        else:
            taken.add((type(one), one.name.lower()))
            read.append(one)
    profiles = tuple(one for one in read if isinstance(one, Profile))
    sets = tuple(one for one in read if isinstance(one, PermissionSet))
    return msgspec.structs.replace(pack, profiles=profiles, permission_sets=sets)


def _take_object(source: _Source, file: SourceFile, element: Element) -> None:
    draft = _draft(source, file.name, file.shown)
    if draft.element is not None:
        element.note("", "the project defines this object more than once", Level.ERROR)
    elif draft.refused is None:
        read_object(draft, element, custom=file.name.endswith("__c"))


def _take_part(
    add: Callable[[ObjectDraft, Element, str | None], None],
) -> Callable[[_Source, SourceFile, Element], None]:
    def take(source: _Source, file: SourceFile, element: Element) -> None:
        if file.object is None:
            element.note("", "it stands in no folder of an object", Level.ERROR)
            return
        draft = _draft(source, file.object, file.shown)
        if draft.refused is None:
            add(draft, element, element.text("fullName") or file.name)

    return take


def _take_value_set(source: _Source, file: SourceFile, element: Element) -> None:
    found = read_value_set(element, file.name)
    if file.name in source.value_sets:
        element.note("", "the project defines this value set more than once", Level.ERROR)
    elif not found.values:
        element.note("", "it holds no values", Level.ERROR)
    else:
        source.value_sets[file.name] = found


_OBJECT_KINDS = {"object": _take_object}
_PART_KINDS = {
    "field": _take_part(add_field),
    "validationRule": _take_part(add_rule),
    "listView": _take_part(add_list_view),
    "recordType": _take_part(add_record_type),
    "globalValueSet": _take_value_set,
    "standardValueSet": _take_value_set,
}


def _note_file(notes: Notes, file: SourceFile) -> None:
    if file.path.name == PROJECT_FILE or file.path.name in _MANIFESTS:
        notes.add(file.shown, "file", "it lists what the project holds; every file is read anyway", Level.IGNORED)
        return
    reason = FILE_KINDS.get(file.kind, "this kind of file is not read")
    notes.add(file.shown, file.kind, reason, Level.UNSUPPORTED)


def _draft(source: _Source, name: str, shown: str) -> ObjectDraft:
    if name not in source.objects:
        refused = next((why for end, why in _REFUSED_OBJECTS.items() if name.endswith(end)), None)
        source.objects[name] = ObjectDraft(name, refused=refused)
    source.objects[name].files.append(shown)
    return source.objects[name]
