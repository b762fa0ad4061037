"""Putting the pack together out of what was read: which objects are new, which are extended, which are borrowed.

A custom object becomes an object of the pack. What a project adds to an object of another pack becomes an extension.
A standard object that no pack has is borrowed in short, so that the project's fields have a place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fieldsync.schema.catalog import extended
from fieldsync.schema.check import check
from fieldsync.schema.model import Extension, Field, FieldType, Object, Pack, ValueSet
from fieldsync.schema.sfdx.custom_object import ObjectDraft
from fieldsync.schema.sfdx.files import Project
from fieldsync.schema.sfdx.report import Level, Notes, Report
from fieldsync.schema.sfdx.resolve import Known, resolve
from fieldsync.schema.sfdx.standard import is_standard, standard_object
from fieldsync.schema.standard import standard_fields

Drafts = dict[str, ObjectDraft]


@dataclass(frozen=True)
class _Surroundings:
    """What is there beside the project: objects of other packs, and borrowed standard objects."""

    base: Mapping[str, Object]
    borrowed: Mapping[str, Object]
    known: Known


def assemble(
    project: Project, objects: Drafts, value_sets: Sequence[ValueSet], packs: Sequence[Pack], notes: Notes
) -> tuple[Pack, Report]:
    """The pack, and a report that holds the counts only."""
    base = {o.name: o for o in extended(packs)}
    drafts = _accepted(objects, base, notes)
    around = _surroundings(project, drafts, packs, base, notes)
    sets = _new_value_sets(value_sets, around.known, notes)
    for draft in drafts.values():
        _leave_alone_what_is_there(draft, around, notes)
    while True:
        resolve(drafts, around.known, frozenset(s.name for s in sets))
        _name_children_once(drafts, around)
        pack = _pack(project, drafts, sets, around)
        if not _drop_faulty(drafts, pack, packs, notes):
            return pack, _counts(drafts, sets)


def _accepted(objects: Drafts, base: Mapping[str, Object], notes: Notes) -> Drafts:
    """Objects that have a place: their own definition, another pack's, or a standard one."""
    kept: Drafts = {}
    for name, draft in sorted(objects.items()):
        reason, level = draft.refused, Level.UNSUPPORTED
        defined = name.endswith("__c") and draft.element is not None
        if reason is None and defined and name in base:
            reason, level = f"another pack has the object {name} already", Level.ERROR
        elif reason is None and not defined and name not in base and not is_standard(name):
            reason = f"the project adds to {name}, which it does not define and which is not known here"
        if reason is None:
            kept[name] = draft
            continue
        for file in draft.files:
            notes.add(file, name, reason, level)
    return kept


def _surroundings(
    project: Project, drafts: Drafts, packs: Sequence[Pack], base: Mapping[str, Object], notes: Notes
) -> _Surroundings:
    targets = {f.field.references or "" for d in drafts.values() for f in d.fields} | drafts.keys()
    names = sorted(name for name in targets if name not in base and is_standard(name))
    there = base.keys() | drafts.keys() | set(names)
    prefixes = frozenset(o.prefix for o in base.values() if o.prefix is not None)
    borrowed = {name: standard_object(name, there.__contains__, prefixes) for name in names}
    for name in names:
        reason = f"the standard object {name} is made in short, with the fields most orgs use"
        notes.add(_first_file(name, drafts), name, reason, Level.IGNORED)
    fields = {o.name: _fields_of(o) for o in (*base.values(), *borrowed.values())}
    sets = frozenset(s.name for pack in packs for s in pack.value_sets)
    return _Surroundings(base, borrowed, Known(fields, sets, project.namespace))


def _first_file(name: str, drafts: Drafts) -> str:
    if name in drafts:
        return drafts[name].files[0]
    return next(f.element.file for d in drafts.values() for f in d.fields if f.field.references == name)


def _fields_of(declared: Object) -> dict[str, Field]:
    return {f.name: f for f in (*standard_fields(declared), *declared.fields)}


def _new_value_sets(value_sets: Iterable[ValueSet], known: Known, notes: Notes) -> tuple[ValueSet, ...]:
    kept = []
    for value_set in value_sets:
        if value_set.name in known.value_sets:
            notes.add("", value_set.name, "another pack has this value set; its values are used", Level.ERROR)
        else:
            kept.append(value_set)
    return tuple(kept)


def _leave_alone_what_is_there(draft: ObjectDraft, around: _Surroundings, notes: Notes) -> None:
    """Fields, rules and list views that the extended object has already stay as they are."""
    there = {name.lower() for name in around.known.fields.get(draft.name, _fields_of(_own(draft)))}
    stays = f"the field of {draft.name} stays as it is defined here"
    for name, element in draft.untyped:
        known = name.lower() in there
        reason = stays if known else f"it is no field of {draft.name} here, and the project does not say its type"
        element.note("" if element.path else name, reason, Level.IGNORED if known else Level.UNSUPPORTED)
    for found in draft.fields:
        if found.field.name.lower() in there:
            found.element.note("" if found.element.path else found.field.name, stays, Level.IGNORED)
    draft.fields[:] = [f for f in draft.fields if f.field.name.lower() not in there]
    extended_object = around.base.get(draft.name)
    if extended_object is None:
        return
    rules = {rule.name.lower() for rule in extended_object.validation_rules}
    views = {view.name.lower() for view in extended_object.list_views}
    names = [r.name for r in draft.validation_rules if r.name.lower() in rules]
    names += [v.name for v in draft.list_views if v.name.lower() in views]
    types = {found.name.lower() for found in extended_object.record_types}
    names += [t.declared.name for t in draft.record_types if t.declared.name.lower() in types]
    draft.record_types[:] = [t for t in draft.record_types if t.declared.name.lower() not in types]
    for name in names:
        notes.add(draft.files[0], name, f"{draft.name} has one of this name already", Level.UNSUPPORTED)
    draft.validation_rules[:] = [r for r in draft.validation_rules if r.name.lower() not in rules]
    draft.list_views[:] = [v for v in draft.list_views if v.name.lower() not in views]


def _name_children_once(drafts: Drafts, around: _Surroundings) -> None:
    """Two lookups may not give one object two lists of children with one name."""
    taken = {
        (field.references, (field.children or "").lower())
        for fields in around.known.fields.values()
        for field in fields.values()
        if field.children
    }
    for draft in drafts.values():
        for i, found in enumerate(draft.fields):
            key = (found.field.references, (found.field.children or "").lower())
            if found.field.children and key in taken:
                found.element.note("relationshipName", f"{key[0]} has children of this name already", Level.ERROR)
                draft.fields[i] = found.without_children()
            taken.add(key)


def _own(draft: ObjectDraft) -> Object:
    return Object(name=draft.name, label=draft.label or draft.name, name_field=draft.name_field)


def _pack(project: Project, drafts: Drafts, value_sets: tuple[ValueSet, ...], around: _Surroundings) -> Pack:
    own = [_object(draft) for draft in drafts.values() if draft.name.endswith("__c") and draft.name not in around.base]
    parts = [_extension(draft) for draft in drafts.values() if draft.name not in {o.name for o in own}]
    return Pack(
        name=project.name,
        label=project.name.replace("_", " ").capitalize(),
        objects=(*around.borrowed.values(), *own),
        extensions=tuple(
            part for part in parts if part.fields or part.validation_rules or part.list_views or part.record_types
        ),
        value_sets=value_sets,
    )


def _object(draft: ObjectDraft) -> Object:
    label = draft.label or draft.name.removesuffix("__c").replace("_", " ")
    return Object(
        name=draft.name,
        label=label,
        plural=draft.plural,
        description=draft.description,
        name_field=draft.name_field,
        fields=tuple(found.field for found in draft.fields),
        validation_rules=tuple(draft.validation_rules),
        list_views=tuple(draft.list_views),
        record_types=tuple(found.declared for found in draft.record_types),
        sharing=draft.sharing,
    )


def _extension(draft: ObjectDraft) -> Extension:
    return Extension(
        object=draft.name,
        fields=tuple(found.field for found in draft.fields),
        validation_rules=tuple(draft.validation_rules),
        list_views=tuple(draft.list_views),
        record_types=tuple(found.declared for found in draft.record_types),
    )


def _drop_faulty(drafts: Drafts, pack: Pack, packs: Sequence[Pack], notes: Notes) -> bool:
    """Take out fields the checks find fault with, each with a note; whether there were any to take out."""
    faults: dict[str, str] = {}
    for finding in check([*packs, pack]):
        if finding.pack == pack.name:
            faults.setdefault(finding.where, finding.sentence)
    dropped = False
    for draft in drafts.values():
        for found in list(draft.fields):
            sentence = faults.pop(f"{draft.name}.{found.field.name}", None)
            if sentence is not None:
                found.element.note("" if found.element.path else found.field.name, sentence, Level.ERROR)
                draft.fields.remove(found)
                dropped = True
    if not dropped:
        for where, sentence in faults.items():
            draft_files = drafts[where.partition(".")[0]].files if where.partition(".")[0] in drafts else [""]
            notes.add(draft_files[0], where, sentence, Level.ERROR)
    return dropped


def _counts(drafts: Drafts, value_sets: Sequence[ValueSet]) -> Report:
    fields = [found.field for draft in drafts.values() for found in draft.fields]
    return Report(
        objects=len(drafts),
        fields=len(fields),
        validation_rules=sum(len(draft.validation_rules) for draft in drafts.values()),
        roll_ups=sum(field.type is FieldType.ROLL_UP for field in fields),
        list_views=sum(len(draft.list_views) for draft in drafts.values()),
        value_sets=len(value_sets),
        issues=(),
    )
