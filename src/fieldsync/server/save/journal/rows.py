"""The rows of the journal: a transaction as the console shows it, its records, and why it was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Problem
from fieldsync.protocol.upload import (
    Accepted,
    Canceled,
    Discarded,
    Duplicated,
    Held,
    Item,
    Linked,
    Outcome,
    Rejected,
    Saved,
)
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.standard import STAMP
from fieldsync.server.save.batch import Row, Wave, Work, legible

ID_CHARS, VALUE_CHARS_MAX = 18, 4_000
UNDECIDED = Rejected | Held | Accepted
"""Outcomes after which a transaction may run again."""


def status_of(outcome: Outcome | None) -> str:
    """The one place that says which status of `Sync_Transaction` an outcome is (FEATURES J02)."""
    match outcome:
        case Accepted():
            return "New"
        case Rejected():
            return "Failed"
        case Held():
            return "Waiting"
        case Canceled() | Discarded():
            return "Canceled"
        case _:
            return "Success"


def common(wave: Wave) -> Row:
    """What the rows of all transactions of a wave say alike."""
    caller = wave.caller
    return {
        "Device_Number": caller.number,
        "DeviceId": caller.device_id,
        "UserId": caller.user_id,
        "Channel": caller.channel.value,
        "Platform": caller.software.platform,
        "App_Version": caller.software.app_version,
        "Metadata_Version": caller.software.metadata_version,
        "Received_At": wave.frame.now,
        "Trace": "Off" if wave.frame.steps is None else "On",
    }


def transaction_row(wave: Wave, work: Work) -> Row:
    """What the row of a transaction says beside `common`, with its id if it had one before."""
    incoming = work.incoming
    waiting = work.outcome.waiting_for if isinstance(work.outcome, Held) else ()
    transaction: Row = {
        "Status": status_of(work.outcome),
        "Transaction_Id": incoming.id,
        "Queue_Number": incoming.n,
        "Saved_At": incoming.saved_at,
        "Processed_At": None if isinstance(work.outcome, Held | Accepted) else wave.frame.now,
        "Expected_Records": len(incoming.items),
        "Actual_Records": len(work.asked or work.edits),
        "Depends_On": ", ".join(map(str, waiting)) or None,
        "Outcome": type(work.outcome).__name__,
        "Can_Be_Retried": False,
        "Processing": "Batch" if isinstance(work.outcome, Accepted) else None,
        "Simulation": _simulation(wave, work),
        "Signed": "Yes" if is_signed(work) else "No",
        "Failed_Attempts": incoming.attempts + isinstance(work.outcome, Rejected),
        "Last_Log": work.outcome.problems[0].message[:4_000] if isinstance(work.outcome, Rejected) else None,
        "Root_Object": work.root.object if work.root else None,
        "Root_Record_Id": work.root.id if work.root else None,
    }
    if isinstance(work.outcome, Canceled):
        transaction["Comments"] = f"{work.outcome.by}: {work.outcome.reason}"
    if incoming.record_id is not None:
        transaction |= {"Id": incoming.record_id, STAMP: wave.frame.stamp}
    return transaction


def record_rows(work: Work, transaction: RecordId) -> Iterator[Row]:
    """The records of a transaction."""
    whose = {"Sync_TransactionId": transaction, "Saved_At": work.incoming.saved_at}
    for sequence, (item, overridden) in enumerate(lines(work), 1):
        yield {**whose, "Sequence": sequence, **_record_row(item, overridden, work.outcome)}


def _simulation(wave: Wave, work: Work) -> str:
    """Whether it can be simulated: its content is kept as the device sent it."""
    return "Possible" if wave.caller.number is not None and isinstance(work.outcome, UNDECIDED) else "Impossible"


def is_signed(work: Work) -> bool:
    """Whether the save carries a signature (FEATURES L03)."""
    for edit in work.asked or work.edits:
        for column in edit.object_type.files:
            change = edit.item.changes.get(column)
            if change is not None and change.new is not None:
                return True
    return False


def lines(work: Work) -> Iterator[tuple[Item, Mapping[str, FieldValue]]]:
    """Every item, and what of somebody else's it replaced. One that was refused for what it names is told as it was
    sent: the object or field may be gone, the content may not (law L1)."""
    edits = work.asked or work.edits
    if not (work.refused_for_good or isinstance(work.outcome, Accepted)):
        yield from ((edit.item, edit.overridden) for edit in edits)
        return
    sent = {item.id: item for item in work.incoming.items}
    for edit in edits:
        asked = sent.pop(edit.item.id, edit.item)
        yield msgspec.structs.replace(edit.item, changes={**asked.changes, **edit.item.changes}), edit.overridden
    for item in sent.values():
        yield item, {}


def _record_row(item: Item, overridden: Mapping[str, FieldValue], outcome: Outcome | None) -> Row:
    values = {c: {"old": change.old, "new": change.new} for c, change in item.changes.items()}
    for column, theirs in overridden.items():
        values.setdefault(column, {})["theirs"] = theirs
    return {
        "Object_Name": legible(item.object),
        "Operation": item.operation.value,
        "Record_Id": legible(item.id)[:ID_CHARS],
        "Result_Id": _result_id(item, outcome),
        "Field_Values": msgspec.json.encode(values).decode(),
        "Status": "Ready",
    }


def _result_id(item: Item, outcome: Outcome | None) -> RecordId | None:
    """The record an item became."""
    match outcome:
        case Saved():
            return item.id
        case Duplicated(original=original, duplicate=duplicate, copied=copied):
            return duplicate.id if item.id == original.id else copied.get(item.id, item.id)
        case Linked(existing=existing):
            return existing.get(item.id, item.id)
        case _:
            return None


def log_rows(wave: Wave, work: Work, transaction: RecordId) -> Iterator[Row]:
    """The reasons of a refusal, then the steps where they are noted."""
    for reason in work.outcome.problems if isinstance(work.outcome, Rejected) else ():
        yield _log_row(reason, transaction, work)
    if wave.frame.steps is not None:
        wave.mark("outcome")
        for step, said in wave.frame.steps.lines:
            yield {
                "Sync_TransactionId": transaction,
                "Type": "Debug",
                "Code": "STEP",
                "Location": step,
                "Message": said,
            }
        wave.frame.steps.lines.clear()


def _log_row(reason: Problem, transaction: RecordId, work: Work) -> Row:
    value = reason.details.get("mine", _sent(work, reason))
    return {
        "Sync_TransactionId": transaction,
        "Type": "Error",
        "Code": reason.code.value,
        "Message": reason.message[:4_000],
        "Object_Name": reason.object,
        "Record_Id": reason.id,
        "Field_Name": reason.field,
        "Field_Value": None if value is None else legible(str(value), VALUE_CHARS_MAX),
        "Location": reason.details.get("rule"),
        "Details": msgspec.json.encode(reason.details).decode() if reason.details else None,
        "Raw_Text": msgspec.json.encode(reason).decode(),
    }


def _sent(work: Work, reason: Problem) -> FieldValue:
    """The value that was refused, as the device sent it."""
    found = (item for item in work.incoming.items if item.id == reason.id and reason.field in item.changes)
    return next((item.changes[reason.field].new for item in found if reason.field is not None), None)
