"""Record types in a save: what a new record begins with, and which picklist values its type and other values allow.

Values of restricted picklists must be offered by the record's type. Which values depend on another field is asked of
what people save on devices; imports and other systems may bring older combinations, as on the platforms they come from.
"""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.base.problems import Code, Problem, problem
from fieldsync.protocol.upload import Operation
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.model import Field
from fieldsync.server.org.runtime import KnownRecordType, Org
from fieldsync.server.save.batch import Channel, Edit, Wave

COLUMN = "RecordTypeId"


def fill_record_types(org: Org, wave: Wave) -> None:
    """New records that name no record type get the default one; and each the values its type begins with."""
    for edit in wave.edits:
        types = edit.object_type.record_types
        if not types or edit.new is None or edit.item.operation is not Operation.CREATE:
            continue
        if edit.new.get(COLUMN) is None and COLUMN not in edit.item.changes:
            edit.new[COLUMN] = _default_of(org, wave.caller.rights, edit.item.object)
        known = org.record_types.get(edit.new.get(COLUMN) or "")
        for name, value in known.declared.defaults.items() if known is not None else ():
            if name not in edit.item.changes and name in edit.new:
                edit.new[name] = value
                edit.changed.add(name)


def _default_of(org: Org, rights: Rights, object_name: str) -> str | None:
    """The first active one of those the person may use; where nothing is said of them, that of the object."""
    types = [(i, known.declared) for i, known in org.record_types.items() if known.object == object_name]
    allowed = rights.record_types(object_name)
    if allowed is None:
        return next((i for i, declared in types if declared.default), None)
    active = {declared.name: i for i, declared in types if declared.active}
    return next((active[name] for name in allowed if name in active), None)


def check_record_types(org: Org, wave: Wave) -> None:
    """Refuse record types of other objects, and values they do not offer."""
    is_device = wave.caller.channel is Channel.DEVICE
    for work in wave.works:
        if not work.open:
            continue
        problems = [p for edit in work.edits for p in _problems(org, edit, dependent=is_device)]
        if problems:
            work.reject(*problems)


def _problems(org: Org, edit: Edit, *, dependent: bool) -> Iterator[Problem]:
    if edit.new is None or not edit.changed or edit.item.operation is Operation.DELETE:
        return
    known = None
    if edit.object_type.record_types:
        known = org.record_types.get(edit.new.get(COLUMN) or "")
        yield from _type_problems(edit, known)
    for field in edit.object_type.picklists:
        value = edit.new.get(field.name)
        for part in value.split(";") if isinstance(value, str) else ():
            yield from _value_problems(edit, field, part, known, dependent=dependent)


def _value_problems(
    edit: Edit, field: Field, value: str, known: KnownRecordType | None, *, dependent: bool
) -> Iterator[Problem]:
    """A chosen value against the record's type, and against the field that controls it."""
    assert edit.new is not None
    place = {"object": edit.item.object, "id": edit.item.id, "field": field.label or field.name, "column": field.name}
    offered = known.declared.picklists.get(field.name) if known is not None and field.restricted else None
    if offered is not None and known is not None and value not in offered and edit.changed & {field.name, COLUMN}:
        yield problem(Code.PICKLIST, value=value, record_type=known.declared.name, **place)
    controlling = field.controlled_by
    if not dependent or controlling is None or not edit.changed & {field.name, controlling}:
        return
    if _as_text(edit.new.get(controlling)) not in _valid_for(field, value):
        yield problem(Code.PICKLIST, value=value, controlled_by=controlling, **place)


def _type_problems(edit: Edit, known: KnownRecordType | None) -> Iterator[Problem]:
    assert edit.new is not None
    value = edit.new.get(COLUMN)
    if COLUMN not in edit.changed or value is None:
        return
    if known is None or known.object != edit.item.object or not known.declared.active:
        yield problem(Code.RECORD_TYPE, object=edit.item.object, id=edit.item.id, field=COLUMN, value=value)


def _valid_for(field: Field, value: str) -> tuple[str | None, ...]:
    found = next((v for v in field.values if v.value == value), None)
    return found.valid_for if found is not None else ()


def _as_text(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else None
