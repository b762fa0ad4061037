"""Second pass of an import: what fields refer to, once everything was read.

A field whose value set, object or summed field is not there is dropped and reported; dropping one may leave a roll-up
without its field, so roll-ups are looked at until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from fieldsync.schema.model import Field, FieldType, Object
from fieldsync.schema.sfdx.custom_object import ObjectDraft, RecordTypeDraft
from fieldsync.schema.sfdx.field import FieldDraft
from fieldsync.schema.standard import standard_fields

_DATES = (FieldType.DATE, FieldType.DATETIME, FieldType.TIME)
_CHOSEN = (FieldType.PICKLIST, FieldType.MULTI_PICKLIST)
_SUMMED = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)


@dataclass(frozen=True)
class Known:
    """What a project may refer to beside its own: fields by object, and names of value sets."""

    fields: Mapping[str, Mapping[str, Field]]
    value_sets: frozenset[str]
    namespace: str

    def plain(self, name: str) -> str:
        """A name without the project's own namespace."""
        return name.removeprefix(f"{self.namespace}__") if self.namespace else name


def resolve(drafts: Mapping[str, ObjectDraft], known: Known, value_sets: frozenset[str]) -> None:
    """Drop the fields of `drafts` whose references lead nowhere, with a note for each."""
    objects = known.fields.keys() | drafts.keys()
    for draft in drafts.values():
        _renamed(draft, known)
        _keep(draft, lambda field: _missing_value_set(field, value_sets | known.value_sets))
        _keep(draft, lambda field: _missing_object(field, objects))
        draft.fields.sort(key=lambda f: f.order if f.field.type is FieldType.MASTER_DETAIL else 0)
    settled = False
    while not settled:
        dropped = [_keep(draft, _roll_up_fault(draft, drafts, known)) for draft in drafts.values()]
        settled = not any(dropped)
    for draft in drafts.values():
        draft.fields[:] = [_typed(f, draft, drafts, known) for f in draft.fields]
        fields = all_fields(draft, known)
        draft.fields[:] = [_controlled(f, fields, known) for f in draft.fields]
        draft.record_types[:] = [_offering(t, fields, known) for t in draft.record_types]


def all_fields(draft: ObjectDraft, known: Known) -> dict[str, Field]:
    """The fields an object will have: standard ones, those of another pack, and the project's."""
    declared = Object(name=draft.name, label=draft.name, name_field=draft.name_field)
    fields = {f.name: f for f in standard_fields(declared)}
    return fields | dict(known.fields.get(draft.name, {})) | {f.field.name: f.field for f in draft.fields}


def _keep(draft: ObjectDraft, fault: Callable[[Field], str | None]) -> bool:
    """Keep fields without a fault, report the others; whether there were any."""
    kept: list[FieldDraft] = []
    for found in draft.fields:
        reason = fault(found.field)
        if reason is None:
            kept.append(found)
        else:
            found.element.note("" if found.element.path else found.field.name, reason)
    changed = len(kept) < len(draft.fields)
    draft.fields[:] = kept
    return changed


def _renamed(draft: ObjectDraft, known: Known) -> None:
    """References without the project's own namespace, which its source may or may not write."""
    for i, found in enumerate(draft.fields):
        field, roll_up = found.field, found.field.roll_up
        if field.references is not None:
            field = msgspec.structs.replace(field, references=known.plain(field.references))
        if roll_up is not None:
            plain = msgspec.structs.replace(
                roll_up,
                child_object=known.plain(roll_up.child_object),
                child_reference=known.plain(roll_up.child_reference),
                field=known.plain(roll_up.field) if roll_up.field is not None else None,
            )
            field = msgspec.structs.replace(field, roll_up=plain)
        draft.fields[i] = FieldDraft(field, found.element, found.order)


def _controlled(found: FieldDraft, fields: Mapping[str, Field], known: Known) -> FieldDraft:
    """A dependent picklist whose controlling field is there; one without is an ordinary picklist."""
    field = found.field
    if field.controlled_by is None:
        return found
    name = known.plain(field.controlled_by)
    if name in fields and not field.value_set:
        return FieldDraft(msgspec.structs.replace(field, controlled_by=name), found.element, found.order)
    reason = "dependent values of a global value set are not read"
    if name not in fields:
        reason = f"its controlling field {name} is not there"
    found.element.note("valueSet/controllingField", f"{reason}; every value is offered")
    values = tuple(msgspec.structs.replace(value, valid_for=()) for value in field.values)
    plain = msgspec.structs.replace(field, controlled_by=None, values=values)
    return FieldDraft(plain, found.element, found.order)


def _offering(found: RecordTypeDraft, fields: Mapping[str, Field], known: Known) -> RecordTypeDraft:
    """A record type without the picklists that are not there; what it says of the others stays."""
    declared = found.declared
    plain = {name: known.plain(name) for name in declared.picklists}
    gone = {name for name, ours in plain.items() if ours not in fields or fields[ours].type not in _CHOSEN}
    for name in sorted(gone):
        reason = f"{plain[name]} is no picklist of the object here; the record type comes without its values"
        found.element.note(f"picklistValues[{name}]", reason)
    picklists = {plain[name]: values for name, values in declared.picklists.items() if name not in gone}
    defaults = {plain[name]: value for name, value in declared.defaults.items() if name not in gone}
    return RecordTypeDraft(msgspec.structs.replace(declared, picklists=picklists, defaults=defaults), found.element)


def _missing_value_set(field: Field, value_sets: frozenset[str]) -> str | None:
    if field.value_set is None or field.value_set in value_sets:
        return None
    return f"its value set {field.value_set} is not in the project"


def _missing_object(field: Field, objects: Iterable[str]) -> str | None:
    if field.references is None or field.references in objects:
        return None
    return f"it refers to {field.references}, which is neither in the project nor known here"


def _roll_up_fault(
    draft: ObjectDraft, drafts: Mapping[str, ObjectDraft], known: Known
) -> Callable[[Field], str | None]:
    def fault(field: Field) -> str | None:
        roll_up = field.roll_up
        if roll_up is None:
            return None
        child = _fields_of(roll_up.child_object, drafts, known)
        if child is None:
            return f"it sums up {roll_up.child_object}, which is neither in the project nor known here"
        reference = child.get(roll_up.child_reference)
        if reference is None or reference.references != draft.name:
            return f"{roll_up.child_object}.{roll_up.child_reference} is no reference to {draft.name}"
        if roll_up.field is not None and roll_up.field not in child:
            return f"it sums up {roll_up.child_object}.{roll_up.field}, which was not taken over"
        for condition in roll_up.filters:
            if condition.field not in child:
                return f"it is filtered by {roll_up.child_object}.{condition.field}, which was not taken over"
        return None

    return fault


def _fields_of(name: str, drafts: Mapping[str, ObjectDraft], known: Known) -> Mapping[str, Field] | None:
    if name in drafts:
        return all_fields(drafts[name], known)
    return known.fields.get(name)


def _typed(found: FieldDraft, draft: ObjectDraft, drafts: Mapping[str, ObjectDraft], known: Known) -> FieldDraft:
    """A roll-up with the type and digits of what it sums up."""
    summed = _source(found.field, drafts, known, 0)
    if summed is None:
        return found
    field = found.field
    returns = summed.formula_returns or summed.type
    if returns in _DATES:
        field = msgspec.structs.replace(field, formula_returns=returns, precision=None, scale=None)
    elif field.scale is None and returns in _SUMMED:
        field = msgspec.structs.replace(field, precision=18, scale=summed.scale or 0)
    return FieldDraft(field, found.element, found.order)


def _source(field: Field, drafts: Mapping[str, ObjectDraft], known: Known, depth: int) -> Field | None:
    """The field at the end of a chain of roll-ups."""
    roll_up = field.roll_up
    if roll_up is None or roll_up.field is None or depth > len(drafts):
        return None
    child = _fields_of(roll_up.child_object, drafts, known) or {}
    summed = child[roll_up.field]
    return summed if summed.roll_up is None else _source(summed, drafts, known, depth + 1)
