"""Step 3: whether this caller may do this, and whether the transaction is one at all. Pure.

Object, field and record type permission, by the rights that were read in the save's own transaction (THREATS T20). A
field he may not read was refused before this, as one that is not there (`check.shape`). A refusal says nothing the
caller may not know.
"""

from __future__ import annotations

from fieldsync.base import ids
from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Operation
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog
from fieldsync.server.org.runtime import Org
from fieldsync.server.save.batch import Caller, Channel, Edit, Facts, Wave, Work

RECORD_TYPE = "RecordTypeId"
_NEEDS = {
    Operation.CREATE: Access.CREATE,
    Operation.UPDATE: Access.EDIT,
    Operation.DELETE: Access.DELETE,
    Operation.UNDELETE: Access.DELETE,
}


def authorise(org: Org, wave: Wave) -> None:
    """Reject transactions with an edit the caller may not make, or with records that do not belong together."""
    for work in wave.works:
        if not work.open:
            continue
        problems = [p for edit in work.edits for p in _edit_problems(org, wave.caller, edit)]
        if problems:
            work.reject(*problems)
            continue
        _find_root(org.catalog, wave.facts, work)


def _edit_problems(org: Org, caller: Caller, edit: Edit) -> list[Problem]:
    item = edit.item
    if edit.object_type.declared.bulk is not None:
        return [problem(Code.READ_ONLY, object=item.object, id=item.id, label=edit.object_type.label)]
    for operation in (item.operation, Operation.CREATE) if edit.recreates else (item.operation,):
        if not caller.rights.may(item.object, _NEEDS[operation]):
            return [problem(Code.PERMISSION, object=item.object, id=item.id, operation=operation.value)]
    problems = [
        problem(Code.FIELD_PERMISSION, object=item.object, id=item.id, field=column)
        for column in item.changes
        if not caller.rights.edits(item.object, column)
    ]
    if _takes_record_type(edit) and not _may_use(org, caller.rights, edit):
        value = item.changes[RECORD_TYPE].new
        problems.append(problem(Code.RECORD_TYPE, object=item.object, id=item.id, field=RECORD_TYPE, value=value))
    if item.operation is Operation.CREATE:
        reason = _not_his_to_give(caller, edit)
        if reason:
            problems.append(problem(Code.BAD_RECORD_ID, object=item.object, id=item.id, reason=reason))
    return problems


def _takes_record_type(edit: Edit) -> bool:
    """Whether the save gives the record a record type it has not."""
    change = edit.item.changes.get(RECORD_TYPE)
    before = edit.current.get(RECORD_TYPE) if edit.current is not None else None
    return change is not None and change.new is not None and change.new != before


def _may_use(org: Org, rights: Rights, edit: Edit) -> bool:
    """Whether his profile lists the record type. One that is none is refused later, for everybody."""
    known = org.record_types.get(str(edit.item.changes[RECORD_TYPE].new))
    allowed = rights.record_types(edit.item.object)
    return known is None or allowed is None or known.declared.name in allowed


def _not_his_to_give(caller: Caller, edit: Edit) -> str | None:
    """Why this id may not be given to a new record by this caller (FEATURES B13); None when it may."""
    record_id = edit.item.id
    if not ids.is_id(record_id):
        return "it is not a complete record id"
    if ids.prefix_of(record_id) != edit.object_type.prefix:
        return f"ids of {edit.item.object} begin with {edit.object_type.prefix}"
    if caller.channel is Channel.DEVICE and ids.device_of(record_id) not in caller.numbers:
        return "its device number was not issued to this device"
    return None


def _find_root(catalog: Catalog, facts: Facts, work: Work) -> None:
    """The family root of the transaction; several records must share one (FEATURES B08)."""
    roots = {root_of(catalog, facts, work, edit) for edit in work.edits}
    if len(roots) > 1:
        roots = {_original(facts, root) for root in roots}
    work.root = next(iter(roots))
    if len(roots) == 1:
        return
    first = work.edits[0].item
    reason = "they belong to different families"
    work.reject(problem(Code.FAMILY, object=first.object, id=first.id, reason=reason))


def _original(facts: Facts, root: RecordRef) -> RecordRef:
    """The original of a duplicate that this device caused and may not have known of yet."""
    return next((one.original for one in facts.duplicates.values() if one.id == root.id), root)


def root_of(catalog: Catalog, facts: Facts, work: Work, edit: Edit) -> RecordRef:
    """The root of an edit's family: itself outside families, else the way up through its masters.

    Where the way up is broken, the record stands for itself; the reference check then names the broken field.
    """
    family = catalog.family_of(edit.item.object)
    if family is None:
        return edit.ref
    place = edit.ref
    while place.object != family.root:
        above = master_of(catalog, facts, work, place)
        if above is None:
            return edit.ref
        place = above
    return place


def master_of(catalog: Catalog, facts: Facts, work: Work, place: RecordRef) -> RecordRef | None:
    """The record that `place` is a detail of, by the transaction's own values first, then by the row."""
    master = catalog[place.object].master
    if master is None or master.references is None:
        return None
    edit = next((e for e in work.edits if e.item.id == place.id), None)
    change = edit.item.changes.get(master.name) if edit is not None else None
    row = facts.rows.get(place.id)
    value = change.new if change is not None else row.get(master.name) if row is not None else None
    return RecordRef(master.references, ids.RecordId(value)) if isinstance(value, str) else None
