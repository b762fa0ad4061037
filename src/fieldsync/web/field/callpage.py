"""The call report's page: a record or a draft as the form shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Mark, Record
from fieldsync.web.field.callform import LINES, TEXTS, Lines, line_rows
from fieldsync.web.field.reading import now_input, record
from fieldsync.web.kit.pages import local_input, shown

SUBMITTED = "Submitted"
FORM_FIELDS = ("Call_Date", "Channel", "Notes", "Next_Call_Notes", "Signee", "Signature", "Signature_Date")


def draft_key(call_id: str, account_id: str) -> str:
    """Under which name the half-written form is kept."""
    return f"call-{call_id}" if call_id else f"new-call-{account_id}"


def new_call(device: Device, account_id: str, zone: str, now: datetime) -> dict[str, Any]:
    """An empty report, or the draft that was left."""
    form = dict.fromkeys(FORM_FIELDS, "") | {"Call_Date": now_input(zone, now), "Channel": "In Person"}
    base = {"call_id": "", "status": "New", "mark_state": Mark.CLEAN, "name": "", "signature": "", "locked": False}
    return _page(device, account_id, base, form, ({}, {}))


def existing_call(device: Device, call: Record, zone: str) -> dict[str, Any]:
    """A report as it is saved, or the draft that was left over it."""
    form = {name: shown(call.values[name]) for name in TEXTS}
    form |= {"Call_Date": local_input(call.values["Call_Date"], zone), "Signature": "", "Signature_Date": ""}
    rows = tuple({str(place): dict(line.values) for place, line in enumerate(_lines(device, k, call))} for k in LINES)
    base = {
        "call_id": call.id,
        "status": shown(call.values["Status"]),
        "mark_state": call.mark,
        "name": shown(call.values["Name"]),
        "signature": shown(call.values["Signature"]),
        "locked": call.values["Status"] == SUBMITTED,
    }
    return _page(device, str(call.values["AccountId"]), base, form, (rows[0], rows[1]))


def _lines(device: Device, kind: Lines, call: Record) -> list[Record]:
    return device.find(kind.object, where={"CallId": call.id}, order_by="Id")


def _page(
    device: Device, account_id: str, base: dict[str, Any], form: dict[str, str], rows: tuple[Any, Any]
) -> dict[str, Any]:
    key = draft_key(base["call_id"], account_id)
    draft = None if base["locked"] else device.draft_get(key)
    if draft is not None:
        form = form | {name: str(draft[name]) for name in FORM_FIELDS if name in draft}
        rows = (line_rows(draft, LINES[0]), line_rows(draft, LINES[1]))
    fields = device.catalog["Call"].fields
    return base | {
        "account": record(device, "Account", account_id),
        "draft_key": key,
        "restored": draft is not None,
        "form": form,
        "details": list(rows[0].values()),
        "samples": list(rows[1].values()),
        "channels": [v.value for v in fields["Channel"].values],
        "reactions": [v.value for v in device.catalog["Call_Detail"].fields["Reaction"].values],
        "detail_products": device.find("Product", where={"Type": "Detail"}),
        "sample_products": device.find("Product", where={"Type": "Sample"}),
    }


def form_again(device: Device, form: Mapping[str, str], zone: str, now: datetime) -> dict[str, Any]:
    """The page as the person had filled it in, after a save was refused: the draft holds it."""
    call_id = form.get("call_id", "")
    if call_id and (call := device.get("Call", RecordId(call_id))) is not None:
        return existing_call(device, call, zone)
    return new_call(device, form.get("AccountId", ""), zone, now)
