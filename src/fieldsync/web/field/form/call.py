"""A call report as a flat form, and the form written as one save. No HTTP here.

A line's field is named `detail-<row>-<field>`; the row is the line's record id, or `n...` for a line that is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Record
from fieldsync.device.edit import Edit
from fieldsync.schema.fields import FieldValue
from fieldsync.web.field.form.entered import as_text, entered_all
from fieldsync.web.field.form.seen import changed

Form = Mapping[str, str]
SIGNATURE_HEAD = "data:image/png;base64,"
DISCLAIMER = "By signing I confirm that I received the samples listed above."
FIELDS = ("Call_Date", "Call_Type", "Channel", "Notes", "Next_Call_Notes", "Signee")


@dataclass(frozen=True)
class Lines:
    """One kind of detail record of a call: its object, form prefix, and fields."""

    object: str
    prefix: str
    fields: tuple[str, ...]


LINES = (
    Lines("Call_Detail", "detail", ("ProductId", "Type", "Reaction")),
    Lines("Call_Sample", "sample", ("ProductId", "Lot", "Quantity")),
)


def content(device: Device, call: Record, zone: str) -> dict[str, str]:
    """A call with its lines, as its form shows it."""
    fields = device.catalog["Call"].fields
    texts = {name: as_text(fields[name], call.values[name], zone) for name in FIELDS}
    for kind in LINES:
        line_fields = device.catalog[kind.object].fields
        for line in device.find(kind.object, where={"CallId": call.id}, order_by="Id"):
            for name in kind.fields:
                texts[f"{kind.prefix}-{line.id}-{name}"] = as_text(line_fields[name], line.values[name], zone)
    return texts


def given(form: Form) -> dict[str, str]:
    """What a sent form says of the call and its lines; new lines that nobody filled in are left out."""
    texts = {name: form[name].strip() for name in FIELDS if name in form}
    for kind in LINES:
        for row, line in rows(form, kind).items():
            if line.get("ProductId") or not row.startswith("n"):
                texts |= {f"{kind.prefix}-{row}-{name}": text for name, text in line.items()}
    return texts


def rows(texts: Form, kind: Lines) -> dict[str, dict[str, str]]:
    """The lines of one kind by their row."""
    found: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        prefix, _, rest = name.partition("-")
        row, _, column = rest.partition("-")
        if prefix == kind.prefix and column in kind.fields:
            found.setdefault(row, {})[column] = text.strip()
    return found


def signed(form: Form) -> dict[str, FieldValue]:
    """The signature drawn on this form, with the words it stands under (FEATURES L01)."""
    signature = form.get("Signature", "")
    if not signature.startswith(SIGNATURE_HEAD):
        return {}
    return {
        "Signature": signature.removeprefix(SIGNATURE_HEAD),
        "Signature_Date": form.get("Signature_Date") or None,
        "Disclaimer": DISCLAIMER,
    }


@dataclass(frozen=True)
class Written:
    """A form to save: what the person changed, in texts, and values that come with it."""

    before: Form
    after: Form
    values: Mapping[str, FieldValue]


def save_call(device: Device, call_id: RecordId | None, written: Written, zone: str) -> RecordId:
    """Write the form as one save; a new call when `call_id` is None. Raises Refused, then nothing was saved."""
    own = {
        name: text
        for name, text in changed(written.before, written.after).items()
        if name in FIELDS and name in written.after
    }
    values = {**entered_all(device.catalog["Call"].fields, own, zone), **written.values}
    with device.edit() as edit:
        if call_id is None:
            call_id = edit.create("Call", values)
        else:
            edit.update("Call", call_id, values)
        for kind in LINES:
            _save_lines(device, edit, call_id, kind, written, zone)
    return call_id


def _save_lines(device: Device, edit: Edit, call_id: RecordId, kind: Lines, written: Written, zone: str) -> None:
    """Lines the person never saw stay as they are."""
    fields = device.catalog[kind.object].fields
    before, after = rows(written.before, kind), rows(written.after, kind)
    there = {line.id for line in device.find(kind.object, where={"CallId": call_id}, order_by="Id")}
    for row, line in after.items():
        mine = changed(before.get(row, {}), line)
        if row in there:
            edit.update(kind.object, RecordId(row), entered_all(fields, mine, zone))
        elif mine:
            edit.create(kind.object, {"CallId": call_id, **entered_all(fields, line, zone)})
    for gone in before:
        if gone not in after and gone in there:
            edit.delete(kind.object, RecordId(gone))
