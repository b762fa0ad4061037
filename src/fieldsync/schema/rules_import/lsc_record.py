"""Configuration records of Salesforce Life Sciences Cloud, read from metadata files or from their JSON form.

As published: `LifeSciConfigRecord` components have the suffix `.lifeSciConfigRecord` (`-meta.xml` behind it in source
form) and hold a category, assignments to profiles or users, and field values, each with its data type. `assignedTo`
names a custom profile as `Custom-Name`. The JSON form is a list `records` of `name`, `active`, `org_level`,
`assignments` (`level`, `to`) and `fields`; a record of it may say its `category`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fieldsync.schema.rules_import.report import Level, Place, Reading, unusable
from fieldsync.schema.sfdx.document import BadXml, Node, parse

Value = str | int | bool | None
DB_SCHEMA = "DbSchema"
_CUSTOM_PROFILE = "Custom-"
_TEXTS = ("masterLabel", "fullName", "lifeSciConfigCategory", "type", "isActive", "isOrgLevel")
_GROUPS = ("assignments", "fieldValues")
_FATES: Mapping[str, tuple[Level, str]] = {
    "isProtected": (Level.IGNORED, "who may change a record is decided by permissions here"),
    "parentConfigRecord": (Level.UNSUPPORTED, "records have no parents here"),
}
_JSON_KEYS = {"name", "active", "org_level", "assignments", "fields", "category"}


@dataclass(frozen=True)
class Assignment:
    """For whom a record counts: `level` is Profile or User."""

    level: str
    to: str


@dataclass(frozen=True)
class ConfigRecord:
    """One record. A value that is empty or absent is None."""

    place: Place
    category: str
    active: bool
    org_level: bool
    assignments: tuple[Assignment, ...]
    values: Mapping[str, Value]


def xml_record(data: bytes, file: str, name: str, reading: Reading) -> ConfigRecord | None:
    """The record of one file; None, with an error told, for what is none. `name` is the file's without its suffix."""
    try:
        root = parse(data)
    except BadXml as bad:
        reading.note(Place(file, name), "file", str(bad), Level.ERROR)
        return None
    place = Place(file, name)
    if root.tag != "LifeSciConfigRecord":
        reading.note(place, root.tag, "it is not a LifeSciConfigRecord", Level.ERROR)
        return None
    texts = {tag: _text(root, tag, place, reading) for tag in _TEXTS}
    _tell_rest(root, place, reading, {*_TEXTS, *_GROUPS})
    values = dict(_values(root, place, reading))
    if texts["type"] is not None:
        values.setdefault("Type", texts["type"])
    return ConfigRecord(
        place,
        texts["lifeSciConfigCategory"] or "",
        _flag(texts["isActive"], "isActive", place, reading),
        _flag(texts["isOrgLevel"], "isOrgLevel", place, reading),
        tuple(_assignments(root, place, reading)),
        values,
    )


def _assignments(root: Node, place: Place, reading: Reading) -> Iterator[Assignment]:
    for node in _children(root, "assignments"):
        level = _text(node, "assignmentLevel", place, reading) or ""
        yield Assignment(level, (_text(node, "assignedTo", place, reading) or "").removeprefix(_CUSTOM_PROFILE))
        _tell_rest(node, place, reading, {"assignmentLevel", "assignedTo"})


def _values(root: Node, place: Place, reading: Reading) -> Iterator[tuple[str, Value]]:
    seen: set[str] = set()
    for node in _children(root, "fieldValues"):
        name = _text(node, "fieldName", place, reading)
        kind = _text(node, "dataType", place, reading)
        flag = _flag(_text(node, "hasBooleanValue", place, reading), "hasBooleanValue", place, reading)
        held = [child for child in node.children if child.tag.endswith("Value") and child.tag != "hasBooleanValue"]
        _tell_rest(node, place, reading, {"fieldName", "dataType", "hasBooleanValue", *(c.tag for c in held)})
        if name is None or name in seen or len(held) > 1:
            doubt = "a value without a name" if name is None else "it has more than one value"
            reading.note(place, name or "fieldValues", doubt, Level.ERROR)
            continue
        seen.add(name)
        yield name, flag if kind == "BOOLEAN" else (held[0].text.strip() or None) if held else None


def _children(node: Node, tag: str) -> list[Node]:
    return [child for child in node.children if child.tag == tag]


def _text(node: Node, tag: str, place: Place, reading: Reading) -> str | None:
    found = _children(node, tag)
    if len(found) > 1:
        reading.note(place, tag, "it stands there more than once", Level.ERROR)
    return found[0].text.strip() or None if found else None


def _flag(text: str | None, tag: str, place: Place, reading: Reading) -> bool:
    """What is absent is false, as in the metadata API."""
    if text not in (None, "true", "false"):
        reading.note(place, tag, f"{text} is neither true nor false", Level.ERROR)
    return text == "true"


def _tell_rest(node: Node, place: Place, reading: Reading, taken: set[str]) -> None:
    for child in node.children:
        if child.tag not in taken:
            level, reason = _FATES.get(child.tag, (Level.UNSUPPORTED, "this element is not known here"))
            reading.note(place, child.tag, reason, level)
    if node.children and node.text.strip():
        reading.note(place, node.tag, "text that belongs to no element is left out", Level.WARNING)


def json_records(value: object, file: str, reading: Reading) -> Iterator[ConfigRecord]:
    """The records of the JSON form. Raises Refused(UNUSABLE) when it is no list of records."""
    given = value.get("records") if isinstance(value, dict) else value
    if not isinstance(given, list):
        raise unusable(file, "it holds no list of records")
    for number, record in enumerate(given, 1):
        place = Place(file, f"record {number}")
        if not isinstance(record, dict):
            reading.note(place, "", "it is not an object", Level.ERROR)
            continue
        name = record.get("name")
        place = Place(file, name if isinstance(name, str) and name else place.record)
        found = _json_record(record, place, reading)
        if found is not None:
            yield found


def _json_record(record: Mapping[str, object], place: Place, reading: Reading) -> ConfigRecord | None:
    for key in record.keys() - _JSON_KEYS:
        reading.note(place, key, "this key is not known here")
    fields, assigned = record.get("fields"), record.get("assignments", [])
    active, org_level = record.get("active", False), record.get("org_level", False)
    if not isinstance(fields, dict) or not all(isinstance(v, Value) for v in fields.values()):
        reading.note(place, "fields", "it is no object of texts, numbers and true or false", Level.ERROR)
        return None
    if not isinstance(active, bool) or not isinstance(org_level, bool):
        reading.note(place, "active", "active and org_level are true or false", Level.ERROR)
        return None
    assignments = _json_assignments(assigned)
    if assignments is None:
        reading.note(place, "assignments", "it is no list of objects with level and to", Level.ERROR)
        return None
    values = {name: value or None if isinstance(value, str) else value for name, value in fields.items()}
    return ConfigRecord(place, _category(record, values, place), active, org_level, assignments, values)


def _json_assignments(given: object) -> tuple[Assignment, ...] | None:
    found = []
    for one in given if isinstance(given, list) else [None]:
        if not isinstance(one, dict) or one.keys() != {"level", "to"}:
            return None
        level, to = one["level"], one["to"]
        if not isinstance(level, str) or not isinstance(to, str):
            return None
        found.append(Assignment(level, to.removeprefix(_CUSTOM_PROFILE)))
    return tuple(found)


def _category(record: Mapping[str, object], values: Mapping[str, Value], place: Place) -> str:
    """What the record says; else a record with an SObject is a DbSchema, and others are named after their category."""
    said = record.get("category")
    if isinstance(said, str):
        return said
    return DB_SCHEMA if "SObject" in values else place.record.replace("-", "_").partition("_")[0]
