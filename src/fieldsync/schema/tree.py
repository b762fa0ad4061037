"""Records in Salesforce's data-tree form: a plan that lists files, or one file of records.

Gives the records in the order in which they can be created, parents before the records that refer to them. Ids are
not minted here: a record has the name its file gave it, and refers to others by `TreeReference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.catalog import REFERENCE_TYPES, Catalog, ObjectType
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field, FieldType

TREE_FILE_BYTES_MAX = 100_000_000
TREE_RECORDS_MAX = 1_000_000
_ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class TreeReference:
    """The record that the tree calls `name`."""

    name: str


@dataclass(frozen=True)
class TreeRecord:
    """One record to create. `reference` is its name in the tree, given where its file gives none; `place` names file
    and record for errors. Values are canonical."""

    reference: str
    object: str
    values: Mapping[str, FieldValue | TreeReference]
    place: str


class _Step(msgspec.Struct, rename={"object": "sobject", "save_refs": "saveRefs", "resolve_refs": "resolveRefs"}):
    files: tuple[str, ...]
    object: str | None = None
    save_refs: bool | None = None
    resolve_refs: bool | None = None


@dataclass
class _Reading:
    """What has been read so far."""

    catalog: Catalog
    records: list[TreeRecord] = field(default_factory=list)
    objects: dict[str, str] = field(default_factory=dict)
    """Reference name to object."""


def read_plan(path: Path, catalog: Catalog) -> tuple[TreeRecord, ...]:
    """The records of a plan, or of one file of records, in order.

    References may point to records that come earlier. What `saveRefs` and `resolveRefs` say is not needed: names are
    unique over the whole plan, and a value that begins with `@` in a reference field is a reference.
    Raises Refused: UNUSABLE for a file or record that cannot be read, else the problem of the value, naming its place.
    """
    reading = _Reading(catalog)
    content = _json(path)
    if isinstance(content, dict):
        _read_records(reading, content, path.name, None)
        return tuple(reading.records)
    try:
        steps = msgspec.convert(content, tuple[_Step, ...])
    except msgspec.ValidationError as bad:
        raise _unusable(path.name, f"it is neither a plan nor records: {bad}") from None
    for step in steps:
        for name in step.files:
            _read_records(reading, _json(_beside(path, name)), name, step.object)
    return tuple(reading.records)


def _beside(plan: Path, name: str) -> Path:
    """A file a plan names, which must lie in the plan's folder or below."""
    folder = plan.parent.resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise _unusable(plan.name, f"it names {name}, which lies outside its folder")
    return file


def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > TREE_FILE_BYTES_MAX:
            raise _unusable(path.name, f"it is larger than {TREE_FILE_BYTES_MAX} bytes")
        return _DECODER.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as bad:
        raise _unusable(path.name, bad.strerror or "it cannot be read") from None
    except (msgspec.DecodeError, RecursionError) as bad:
        raise _unusable(path.name, f"it is not JSON: {bad}") from None


def _read_records(reading: _Reading, content: Any, file: str, object_name: str | None) -> None:
    records = content.get("records") if isinstance(content, dict) else None
    if not isinstance(records, list):
        raise _unusable(file, 'it holds no list "records"')
    for index, raw in enumerate(records, 1):
        _read_record(reading, raw, f"{file}, record {index}", (object_name, {}))


def _read_record(
    reading: _Reading, raw: Any, place: str, given: tuple[str | None, Mapping[str, TreeReference]]
) -> None:
    """Add one record and, after it, the child records written inside it. `given` is the object where the record names
    none, and the values that its place gives it."""
    if not isinstance(raw, dict):
        raise _unusable(place, "it is not a record")
    attributes = raw.get(_ATTRIBUTES)
    attributes = attributes if isinstance(attributes, dict) else {}
    expected, values = given
    object_type = _object(reading.catalog, attributes.get("type"), expected, place)
    reference = _reference_name(reading, attributes, place)
    children: list[tuple[str, Any]] = []
    kept: dict[str, FieldValue | TreeReference] = {}
    for name, value in raw.items():
        if name == _ATTRIBUTES:
            continue
        if isinstance(value, dict) and "records" in value:
            children.append((name, value["records"]))
        else:
            kept |= _value(reading, object_type, name, value, place)
    reading.objects[reference] = object_type.name
    reading.records.append(TreeRecord(reference, object_type.name, {**kept, **values}, place))
    if len(reading.records) > TREE_RECORDS_MAX:
        raise _unusable(place, f"there are more than {TREE_RECORDS_MAX} records")
    for name, nested in children:
        _read_children(reading, (object_type, name), nested, TreeReference(reference), place)


def _read_children(
    reading: _Reading, under: tuple[ObjectType, str], nested: Any, parent: TreeReference, place: str
) -> None:
    """Records written inside their parent, under the name of the parent's list of children."""
    parent_type, name = under
    if not isinstance(nested, list):
        raise _unusable(place, f"{name} holds no list of records")
    child_type, child_field = _relationship(reading.catalog, parent_type, name, place)
    for index, raw in enumerate(nested, 1):
        _read_record(reading, raw, f"{place}, {name} {index}", (child_type.name, {child_field.name: parent}))


def _relationship(catalog: Catalog, parent: ObjectType, name: str, place: str) -> tuple[ObjectType, Field]:
    for child in catalog:
        for reference in child.references:
            if reference.references == parent.name and reference.children == name:
                return child, reference
    raise _unusable(place, f"{parent.name} has no list of children {name}")


def _object(catalog: Catalog, named: Any, expected: str | None, place: str) -> ObjectType:
    name = named if isinstance(named, str) else expected
    if name is None:
        raise _unusable(place, "it does not say of which object it is")
    if name not in catalog:
        raise Refused(_at(place, Code.UNKNOWN_OBJECT, object=name))
    if expected is not None and name != expected:
        raise _unusable(place, f"it is of the object {name}, where {expected} is expected")
    return catalog[name]


def _reference_name(reading: _Reading, attributes: Mapping[str, Any], place: str) -> str:
    named = attributes.get("referenceId")
    if named is None:
        return f"record {len(reading.records) + 1}"
    if not isinstance(named, str) or not named:
        raise _unusable(place, "its referenceId is not a text")
    if named in reading.objects:
        raise _unusable(place, f"the reference {named} is used by another record already")
    return named


def _value(
    reading: _Reading, object_type: ObjectType, name: str, value: Any, place: str
) -> dict[str, FieldValue | TreeReference]:
    """The columns that one value of a record sets."""
    found = object_type.column_fields.get(name) or object_type.fields.get(name)
    if found is None:
        raise Refused(_at(place, Code.UNKNOWN_FIELD, object=object_type.name, field=name))
    if found.type is FieldType.GEOLOCATION and name == found.name:
        return _location(found, object_type, value, place)
    if found.type in REFERENCE_TYPES and isinstance(value, str) and value.startswith("@"):
        return {name: _resolved(reading, found, value[1:], place)}
    if name not in object_type.writable:
        raise Refused(_at(place, Code.READ_ONLY_FIELD, object=object_type.name, field=name))
    return {name: _canonical(found, object_type.name, name, (value, place))}


def _resolved(reading: _Reading, found: Field, name: str, place: str) -> TreeReference:
    target = reading.objects.get(name)
    if target is None:
        raise _unusable(place, f"{found.name} refers to @{name}, which no earlier record is called")
    if target != found.references:
        raise _unusable(place, f"{found.name} refers to @{name}, which is of {target} and not of {found.references}")
    return TreeReference(name)


def _location(found: Field, object_type: ObjectType, value: Any, place: str) -> dict[str, FieldValue | TreeReference]:
    """A place given whole, as `{"latitude": 42.3, "longitude": -71.1}`."""
    if value is not None and not isinstance(value, dict):
        raise _unusable(place, f"{found.name} is a place: it takes latitude and longitude")
    parts = value or {}
    columns = [c for c, f in object_type.column_fields.items() if f.name == found.name]
    wanted = zip(columns, ("latitude", "longitude"), strict=True)
    return {column: _canonical(found, object_type.name, column, (parts.get(part), place)) for column, part in wanted}


def _canonical(found: Field, object_name: str, column: str, given: tuple[Any, str]) -> FieldValue:
    value, place = given
    try:
        return canonical(found, _loosely(found, value))
    except BadValue as bad:
        raise Refused(_at(place, bad.code, object=object_name, field=column, **bad.details)) from None


def _loosely(found: Field, value: Any) -> Any:
    """Texts that spell a number or a truth value, and numbers in text fields, as data tools write them."""
    if found.type in _NUMBERS and isinstance(value, str):
        try:
            return Decimal(value.strip()) if value.strip() else None
        except InvalidOperation:
            return value
    if found.type is FieldType.CHECKBOX and isinstance(value, str):
        return {"true": True, "false": False, "": False}.get(value.strip().lower(), value)
    if found.type in _TEXTS and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return value


def _unusable(what: str, reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what=what, reason=reason))


def _at(place: str, code: Code, **facts: Any) -> Problem:
    """A problem whose sentence begins with the place."""
    found = problem(code, **facts)
    return msgspec.structs.replace(found, message=f"{place}: {found.message}")


_NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.GEOLOCATION)
_TEXTS = (FieldType.TEXT, FieldType.LONG_TEXT, FieldType.PHONE, FieldType.PICKLIST)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
