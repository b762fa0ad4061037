"""A record with its details as a flat form, and the form written as one save. No HTTP here.

A detail's field is named `line-<object>-<row>-<field>`; the row is the detail's record id, or `n...` for a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as member

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Record
from fieldsync.device.edit import Edit
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.field.form.seen import changed
from fieldsync.web.kit.entered import as_text, entered_all
from fieldsync.web.kit.layout import Layout, Lines

Form = Mapping[str, str]
LINES_MAX = 1_000


def content(device: Device, found: Record, layout: Layout, zone: str) -> dict[str, str]:
    """A record with its details, as its form shows them."""
    fields = layout.object.column_fields
    texts = {name: _text(device, found, fields[name], zone) for name in layout.entered}
    for kind in layout.lines:
        for line in lines_of(device, found, kind):
            for name in kind.fields:
                text = _text(device, line, kind.object.column_fields[name], zone)
                texts[f"line-{kind.object.name}-{line.id}-{name}"] = text
    return texts


def _text(device: Device, found: Record, field: Field, zone: str) -> str:
    """What its input shows: of a text that is a file all of it, where it is here."""
    value = found.values[field.name]
    whole = device.media.text(found.id, field.name, value) if field.type is FieldType.LONG_TEXT else None
    return as_text(field, value, zone) if whole is None else whole


def lines_of(device: Device, found: Record, kind: Lines) -> list[Record]:
    """The details of one kind, in the order in which they were made."""
    return device.find(kind.object.name, where={kind.reference: found.id}, order_by="Id", limit=LINES_MAX)


def given(form: Form, layout: Layout) -> dict[str, str]:
    """What a sent form says of the record and its details; new details that nobody filled in are left out."""
    texts = {name: form[name].strip() for name in layout.entered if name in form}
    for kind in layout.lines:
        empty = blank(kind.object, kind.fields)
        for row, line in rows(form, kind).items():
            if not row.startswith("n") or any(text != empty.get(name, "") for name, text in line.items()):
                texts |= {f"line-{kind.object.name}-{row}-{name}": text for name, text in line.items()}
    return texts


def blank(object_type: ObjectType, fields: tuple[str, ...]) -> dict[str, str]:
    """The texts of a record nobody filled in yet."""
    known = object_type.column_fields
    return {name: as_text(known[name], object_type.defaults.get(name), "UTC") for name in fields}


def rows(texts: Form, kind: Lines) -> dict[str, dict[str, str]]:
    """The details of one kind by their row."""
    found: dict[str, dict[str, str]] = {}
    head = f"line-{kind.object.name}-"
    for name, text in texts.items():
        row, _, column = name.removeprefix(head).partition("-")
        if name.startswith(head) and column in kind.fields:
            found.setdefault(row, {})[column] = text.strip()
    return found


@dataclass(frozen=True)
class Written:
    """A form to save: what the person changed, in texts, and values that come with it."""

    before: Form
    after: Form
    values: Mapping[str, FieldValue] = member(default_factory=dict)


def save_sheet(device: Device, layout: Layout, record_id: RecordId | None, written: Written, zone: str) -> RecordId:
    """Write the form as one save; a new record when `record_id` is None. Raises Refused, then nothing was saved."""
    name = layout.object.name
    own = {
        column: text
        for column, text in changed(written.before, written.after).items()
        if column in layout.entered and column in written.after
    }
    values = {**entered_all(layout.object.column_fields, own, zone), **written.values}
    with device.edit() as edit:
        if record_id is None:
            record_id = edit.create(name, values)
        else:
            edit.update(name, record_id, values)
        for kind in layout.lines:
            if kind.editable:
                _save_lines(device, edit, record_id, kind, written, zone)
    return record_id


def _save_lines(device: Device, edit: Edit, record_id: RecordId, kind: Lines, written: Written, zone: str) -> None:
    """Details the person never saw stay as they are."""
    fields = kind.object.column_fields
    before, after = rows(written.before, kind), rows(written.after, kind)
    held = device.find(kind.object.name, where={kind.reference: record_id}, order_by="Id", limit=LINES_MAX)
    there = {line.id for line in held}
    for row, line in after.items():
        mine = changed(before.get(row, {}), line)
        if row in there:
            edit.update(kind.object.name, RecordId(row), entered_all(fields, mine, zone))
        elif mine:
            edit.create(kind.object.name, {kind.reference: record_id, **entered_all(fields, line, zone)})
    for gone in before:
        if gone not in after and gone in there:
            edit.delete(kind.object.name, RecordId(gone))
