"""The call report's page: a record, or the draft that was left over it, as the form shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.device import Device, Mark, Record
from fieldsync.web.field.form.call import DISCLAIMER, FIELDS, LINES, content, given, rows
from fieldsync.web.field.form.seen import clashes, merged, packed, unpacked
from fieldsync.web.field.reading import now_input, record
from fieldsync.web.kit.pages import shown

SUBMITTED = "Submitted"
SIGNATURE = ("Signature", "Signature_Date")


def draft_key(call_id: str, account_id: str) -> str:
    """Under which name the half-written form is kept."""
    return f"call-{call_id}" if call_id else f"new-call-{account_id}"


def is_locked(call: Record) -> bool:
    """A submitted call is not changed any more, unless an admin unlocked it."""
    return call.values["Status"] == SUBMITTED and not call.values["Unlocked"]


def new_call(device: Device, account_id: str, zone: str, now: datetime) -> dict[str, Any]:
    """An empty report, or the draft that was left."""
    draft = device.drafts.get(draft_key("", account_id))
    texts = {"Call_Date": now_input(zone, now), "Call_Type": "Detail Only", "Channel": "In Person"}
    facts = {"call_id": "", "status": "New", "mark_state": Mark.CLEAN, "name": "", "signature": "", "locked": False}
    shown_texts = texts if draft is None else given(draft)
    return _page(device, account_id, facts, shown_texts, draft) | {"seen": packed({}), "clashing": []}


def existing_call(device: Device, call: Record, zone: str) -> dict[str, Any]:
    """A report as it is saved, with the changes of a draft that was left over it."""
    account_id = str(call.values["AccountId"])
    locked = is_locked(call)
    draft = None if locked else device.drafts.get(draft_key(call.id, account_id))
    now = content(device, call, zone)
    texts, clashing = now, list[str]()
    if draft is not None:
        seen, mine = unpacked(draft), given(draft)
        texts, clashing = merged(seen, mine, now), clashes(seen, mine, now)
    facts = {
        "call_id": call.id,
        "status": shown(call.values["Status"]),
        "mark_state": call.mark,
        "name": shown(call.values["Name"]),
        "signature": shown(call.values["Signature"]),
        "locked": locked,
    }
    page = _page(device, account_id, facts, texts, draft)
    page["disclaimer"] = shown(call.values["Disclaimer"]) or DISCLAIMER
    return page | {"seen": packed(now), "clashing": [_told(device, name, now) for name in clashing]}


def _told(device: Device, name: str, now: Mapping[str, str]) -> tuple[str, str]:
    """A clashing field by its label, and what it holds now."""
    prefix, _, rest = name.partition("-")
    kind = next((k for k in LINES if k.prefix == prefix and rest), None)
    column = rest.rpartition("-")[2] if kind else name
    fields = device.catalog[kind.object if kind else "Call"].fields
    return fields[column].label or column, now.get(name, "")


def _page(
    device: Device, account_id: str, facts: dict[str, Any], texts: Mapping[str, str], draft: Mapping[str, Any] | None
) -> dict[str, Any]:
    call, detail = device.catalog["Call"].fields, device.catalog["Call_Detail"].fields
    kept = draft or {}
    return facts | {
        "account": record(device, "Account", account_id),
        "draft_key": draft_key(facts["call_id"], account_id),
        "restored": draft is not None,
        "form": {name: texts.get(name, "") for name in FIELDS} | {name: str(kept.get(name, "")) for name in SIGNATURE},
        "details": rows(texts, LINES[0]),
        "samples": rows(texts, LINES[1]),
        "disclaimer": DISCLAIMER,
        "call_types": [v.value for v in call["Call_Type"].values],
        "channels": [v.value for v in call["Channel"].values],
        "detail_types": [v.value for v in detail["Type"].values],
        "reactions": [v.value for v in detail["Reaction"].values],
        "detail_products": _products(device, "Detail"),
        "sample_products": _products(device, "Sample"),
    }


def _products(device: Device, kind: str) -> list[tuple[str, str]]:
    return [(p.id, shown(p.values["Name"])) for p in device.find("Product", where={"Type": kind})]


def form_again(device: Device, form: Mapping[str, str], zone: str, now: datetime) -> dict[str, Any]:
    """The page as the person had filled it in, after a save was refused: the draft holds it."""
    call_id = form.get("call_id", "")
    if call_id and (call := device.get("Call", RecordId(call_id))) is not None:
        return existing_call(device, call, zone)
    return new_call(device, form.get("AccountId", ""), zone, now)
