"""Steps before and after the conflict check: is it readable, and is what it leaves valid? Pure.

`shape` brings an item's values to their canonical form before anything compares them, and refuses unknown objects and
fields. `validate` looks at the rows the edits would leave: required fields, references, unique values. All reasons of
a record are collected, so that a person corrects once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from fieldsync.base import ids
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Change, Item, Operation, Rejected
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.fields import BadValue, canonical
from fieldsync.schema.model import FieldType
from fieldsync.server.save.batch import Edit, Facts, Incoming, Wave, Work, legible

VALUE_CHARS_MAX = 1_000
"""So much of a value goes back with a refusal."""


def shape(catalog: Catalog, rights: Rights, incoming: Incoming) -> Work:
    """A transaction with canonical values; already rejected where a value, field or object is not one.

    A field the person may not read looks like one that is not there, whatever its value (THREATS T19).
    """
    work = Work(incoming, [])
    problems: list[Problem] = []
    for item in incoming.items:
        object_type = catalog.objects.get(item.object)
        if object_type is None:
            problems.append(problem(Code.UNKNOWN_OBJECT, object=legible(item.object), id=legible(item.id)))
            continue
        if not ids.is_id(item.id):
            reason = "it is not a complete record id"
            problems.append(problem(Code.BAD_RECORD_ID, object=item.object, id=legible(item.id), reason=reason))
            continue
        changes, found = _canonical_changes(object_type, rights, item)
        problems.extend(found)
        work.edits.append(Edit(msgspec.structs.replace(item, changes=changes), object_type))
    if len({edit.item.id for edit in work.edits}) != len(work.edits):
        problems.append(problem(Code.FAMILY, reason="one save names a record twice"))
    if not incoming.items:
        problems.append(problem(Code.BAD_REQUEST, reason="a save without records"))
    if problems:
        work.reject(*problems)
        work.refused_for_good = True
    return work


def names_unknown(work: Work) -> bool:
    """Whether a transaction names an object or field that is not there: it may have been once."""
    problems = work.outcome.problems if isinstance(work.outcome, Rejected) else ()
    return any(p.code in (Code.UNKNOWN_OBJECT, Code.UNKNOWN_FIELD) for p in problems)


def tell_what_went(catalog: Catalog, works: Iterable[Work], former: Mapping[str, Collection[str]]) -> None:
    """Of what an earlier data model had, say that it is no more, with the values that were sent (FEATURES F07)."""
    for work in works:
        if isinstance(work.outcome, Rejected):
            work.outcome = Rejected(tuple(_gone(catalog, work, p, former) for p in work.outcome.problems))


def _gone(catalog: Catalog, work: Work, found: Problem, former: Mapping[str, Collection[str]]) -> Problem:
    name, field = found.object or "", found.field or ""
    if found.code is Code.UNKNOWN_OBJECT and name in former:
        return problem(Code.METADATA_CHANGED, object=name, id=found.id, what=f"The object {name}")
    current = catalog.objects.get(name)
    if found.code is not Code.UNKNOWN_FIELD or current is None or field in current.column_fields:
        return found
    if field not in former.get(name, ()):
        return found
    change = next(i.changes[field] for i in work.incoming.items if i.id == found.id and field in i.changes)
    what, values = f"The field {field} of {current.label}", {"base": _brief(change.old), "mine": _brief(change.new)}
    return problem(Code.METADATA_CHANGED, object=name, id=found.id, field=field, what=what, **values)


def _brief(value: object) -> object:
    """A value to show; a picture is told by its beginning."""
    return value[:VALUE_CHARS_MAX] if isinstance(value, str) else value


def _canonical_changes(object_type: ObjectType, rights: Rights, item: Item) -> tuple[dict[str, Change], list[Problem]]:
    changes: dict[str, Change] = {}
    problems: list[Problem] = []
    reads = rights.may(item.object, Access.READ)
    for column, change in item.changes.items():
        field = object_type.column_fields.get(column)
        if field is None or (reads and not rights.sees(item.object, column)):
            problems.append(problem(Code.UNKNOWN_FIELD, object=item.object, id=item.id, field=legible(column)))
        elif _fixed(object_type, item, column):
            problems.append(problem(Code.READ_ONLY_FIELD, object=item.object, id=item.id, field=column))
        else:
            try:
                changes[column] = Change(_seen_value(object_type, column, change.old), canonical(field, change.new))
            except BadValue as bad:
                problems.append(bad.problem(item.object, item.id, column))
    return changes, problems


def _fixed(object_type: ObjectType, item: Item, column: str) -> bool:
    """Set by the platform, or a master, which a record keeps for good."""
    moves_master = object_type.column_fields[column].type is FieldType.MASTER_DETAIL
    return column not in object_type.writable or (moves_master and item.operation is Operation.UPDATE)


def _seen_value(object_type: ObjectType, column: str, value: object) -> object:
    """The old value in canonical form. One that the field could not hold today is kept as it is: it just differs."""
    try:
        return canonical(object_type.column_fields[column], value)
    except BadValue:
        return value


def validate(wave: Wave) -> None:
    """Reject transactions whose rows would not be valid."""
    created = {e.item.id for e in wave.edits if e.item.operation is Operation.CREATE or e.revives}
    for work in wave.works:
        if not work.open:
            continue
        problems = [p for edit in work.edits for p in _row_problems(edit, wave.facts, created)]
        if problems:
            work.reject(*problems)


def _row_problems(edit: Edit, facts: Facts, created: set[ids.RecordId]) -> list[Problem]:
    if edit.new is None or edit.item.operation in (Operation.DELETE, Operation.UNDELETE):
        return []
    item, row = edit.item, edit.new
    problems = [
        problem(Code.REQUIRED, object=item.object, id=item.id, field=field.label or field.name, column=field.name)
        for field in edit.object_type.needed
        if (field.name in edit.changed or item.operation is Operation.CREATE) and row.get(field.name) is None
    ]
    master = edit.object_type.master if edit.revives else None
    for column in sorted(edit.changed | ({master.name} if master is not None else set())):
        field = edit.object_type.column_fields[column]
        value = row[column]
        if value is None:
            continue
        if field.references is not None and not _is_there(value, facts, created):
            problems.append(problem(Code.INVALID_REF, object=item.object, id=item.id, field=column, value=value))
        holder = facts.taken.get((item.object, column, str(value))) if field.unique else None
        if holder is not None and holder != item.id:
            problems.append(problem(Code.DUPLICATE, object=item.object, id=item.id, field=column, value=value))
    return problems


def _is_there(reference: str, facts: Facts, created: set[ids.RecordId]) -> bool:
    return facts.references.get(reference) is False or reference in created
