"""A call report as a form: what a person typed, read into values, and written as one save. No HTTP here.

Rows of details and samples come as `detail-<row>-<field>`; a row with an `Id` exists already, one that was there and is
missing now was removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Device
from fieldsync.device.edit import Edit
from fieldsync.schema.fields import FieldValue
from fieldsync.web.kit.pages import from_local_input

Form = Mapping[str, str]
SIGNATURE_HEAD = "data:image/png;base64,"


@dataclass(frozen=True)
class Lines:
    """One kind of detail record of a call: its object, form prefix, and fields."""

    object: str
    prefix: str
    fields: tuple[str, ...]
    numbers: frozenset[str] = frozenset()


LINES = (
    Lines("Call_Detail", "detail", ("ProductId", "Reaction")),
    Lines("Call_Sample", "sample", ("ProductId", "Lot", "Quantity"), frozenset({"Quantity"})),
)
TEXTS = ("AccountId", "Call_Type", "Channel", "Notes", "Next_Call_Notes", "Signee")


def call_values(form: Form, zone: str) -> dict[str, FieldValue]:
    """The call's own fields. Raises Refused for a date that is none."""
    values: dict[str, FieldValue] = {name: form[name].strip() or None for name in TEXTS if name in form}
    try:
        values["Call_Date"] = from_local_input(form.get("Call_Date", ""), zone)
    except ValueError:
        raise Refused(
            problem(Code.WRONG_TYPE, object="Call", field="Call_Date", expected="a date and time", given="a text")
        ) from None
    signature = form.get("Signature", "")
    if signature.startswith(SIGNATURE_HEAD):
        values["Signature"] = signature.removeprefix(SIGNATURE_HEAD)
        values["Signature_Date"] = form.get("Signature_Date") or None
    return values


def line_rows(form: Form, lines: Lines) -> dict[str, dict[str, FieldValue]]:
    """The rows of one kind by their number in the form; rows nobody filled in are left out. Raises Refused."""
    rows: dict[str, dict[str, FieldValue]] = {}
    for name, text in form.items():
        parts = name.split("-", 2)
        if len(parts) == 3 and parts[0] == lines.prefix:
            rows.setdefault(parts[1], {})[parts[2]] = _value(lines, parts[2], text.strip())
    return {row: values for row, values in rows.items() if values.get("ProductId")}


def _value(lines: Lines, field: str, text: str) -> FieldValue:
    if field not in lines.numbers or not text:
        return text or None
    try:
        return Decimal(text)
    except InvalidOperation:
        given = problem(Code.WRONG_TYPE, object=lines.object, field=field, expected="a number", given="a text")
        raise Refused(given) from None


def save_call(device: Device, call_id: RecordId | None, form: Form, zone: str, status: str | None) -> RecordId:
    """Write the form as one save; a new call when `call_id` is None. Raises Refused, then nothing was saved."""
    values = call_values(form, zone)
    if status is not None:
        values["Status"] = status
    with device.edit() as edit:
        if call_id is None:
            call_id = edit.create("Call", values)
        else:
            edit.update("Call", call_id, values)
        for lines in LINES:
            there = {r.id for r in device.find(lines.object, where={"CallId": call_id}, order_by="Id")}
            _save_lines(edit, call_id, lines, line_rows(form, lines), there)
    return call_id


def _save_lines(
    edit: Edit, call_id: RecordId, lines: Lines, rows: Mapping[str, dict[str, FieldValue]], there: set[RecordId]
) -> None:
    kept: set[RecordId] = set()
    for row in rows.values():
        record_id = RecordId(str(row.get("Id")))
        values = {name: row[name] for name in lines.fields if name in row}
        if record_id in there:
            kept.add(record_id)
            edit.update(lines.object, record_id, values)
        else:
            edit.create(lines.object, {"CallId": call_id, **values})
    for gone in sorted(there - kept):
        edit.delete(lines.object, gone)
