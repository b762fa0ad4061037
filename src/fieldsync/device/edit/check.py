"""What a save may not even put in the queue: unknown fields, wrong values, missing required ones. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.family import signing
from fieldsync.schema.family.declaration import Submit
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field, FieldType


def object_of(catalog: Catalog, name: str, one_way: Collection[str] = ()) -> ObjectType:
    """The object. Raises Refused: UNKNOWN_OBJECT, READ_ONLY for what is loaded from files, ONE_WAY."""
    if name not in catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    found = catalog[name]
    if found.declared.bulk is not None:
        raise Refused(problem(Code.READ_ONLY, object=name, label=found.label))
    if name in one_way:
        raise Refused(problem(Code.ONE_WAY, object=name, label=found.label))
    return found


def checked(object_type: ObjectType, record_id: RecordId | None, values: Mapping[str, object]) -> dict[str, FieldValue]:
    """The values in canonical form. Raises Refused for the first that cannot be saved."""
    found: dict[str, FieldValue] = {}
    for column, value in values.items():
        field = object_type.column_fields.get(column)
        if field is None:
            raise Refused(problem(Code.UNKNOWN_FIELD, object=object_type.name, id=record_id, field=column))
        if column not in object_type.writable:
            raise Refused(problem(Code.READ_ONLY_FIELD, object=object_type.name, id=record_id, field=column))
        try:
            found[column] = canonical(field, value)
        except BadValue as bad:
            raise Refused(bad.problem(object_type.name, record_id, column)) from None
        if found[column] is None and must_be_filled(field):
            raise _required(object_type, record_id, column)
    return found


def complete(object_type: ObjectType, record_id: RecordId, row: Mapping[str, FieldValue]) -> None:
    """Refuse a new row that leaves a required field empty. Raises Refused(REQUIRED)."""
    for column in object_type.columns:
        field = object_type.column_fields[column]
        if row.get(column) is None and must_be_filled(field) and column in object_type.writable:
            raise _required(object_type, record_id, column)


def must_be_filled(field: Field) -> bool:
    """Whether a field may not be empty; a detail cannot be without its master."""
    return field.required or field.type is FieldType.MASTER_DETAIL


def _required(object_type: ObjectType, record_id: RecordId | None, column: str) -> Refused:
    return Refused(problem(Code.REQUIRED, object=object_type.name, id=record_id, field=column))


def keeps_signature(
    object_type: ObjectType,
    before: Mapping[str, FieldValue],
    after: Mapping[str, FieldValue] | None,
    submit: Submit | None,
) -> bool:
    """Whether a record's signature is left what it was given for, or taken back (L02). `after` None: deleted."""
    signed = signing.given(object_type, before) if signing.is_open(before, submit) else ()
    if after is None or not signed:
        return not signed
    if any(after.get(name) != before[name] for name in signed):
        return True
    changed = {name for name, value in after.items() if name in object_type.writable and value != before.get(name)}
    return not signing.breaking(object_type, before, after, changed, submit)
