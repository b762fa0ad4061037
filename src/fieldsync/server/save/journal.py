"""Step 13: what happened, kept: the transaction as the console shows it, its receipt, and what it holds back.

The receipt is written in the same database transaction as the effect, so a replay can never see one without the other
(law L2). `Sync_Transaction` and its records and logs are ordinary objects; they never travel to devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from fieldsync.base import ids
from fieldsync.base.ids import DeviceNumber, RecordId
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
    Result,
    Saved,
    encode_items,
)
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import FieldType
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.json_rows import as_rows
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, Wave, Work, encode_rows, legible
from fieldsync.server.save.stamp import draw_numbers, system_columns

ID_CHARS, VALUE_CHARS_MAX = 18, 4_000
_FIRST = ("Received_At", "Comments", "Processing", "Platform", "App_Version", "Metadata_Version")
"""What is noted of a transaction when it comes, and stays when it runs again."""
UNDECIDED = Rejected | Held | Accepted
"""Outcomes after which a transaction may run again."""
TRANSACTION, RECORD, LOG = "Sync_Transaction", "Sync_Transaction_Record", "Sync_Transaction_Log"


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


async def journal(org: Org, database: Database, wave: Wave) -> None:
    """Receipts, journal rows and held-back records of every decided transaction of the wave."""
    if not wave.works:
        return
    tables: dict[str, list[Row]] = {TRANSACTION: [], RECORD: [], LOG: []}
    known = [_journal_one(wave, work, tables) for work in wave.works]
    _write_again(org, database, [row for row in known if "Id" in row])
    tables[TRANSACTION] = [row for row in known if "Id" not in row]
    await _complete(org, database, wave, tables)
    receipts, blocking = (org.save.add_receipts, _receipts(wave)), (org.save.add_blocked, _blocking(wave))
    for statement, rows in (receipts, blocking, *((org.save.insert(name), rows) for name, rows in tables.items())):
        if rows:
            database.later(statement, **as_rows(rows))
    _keep_undecided(org, database, wave, known)


def _receipts(wave: Wave) -> list[Row]:
    if wave.caller.number is None:
        return []
    return [
        {
            "device": wave.caller.number,
            "n": work.incoming.n,
            "transaction_id": work.incoming.id,
            "hash": work.incoming.hash,
            "stamp": wave.frame.stamp,
            "day": wave.frame.now[:10],
            "result": msgspec.json.encode(result_of(work, wave.frame.stamp)).decode(),
        }
        for work in wave.works
    ]


def result_of(work: Work, stamp: int) -> Result:
    """The result that goes to the device and, on a replay, goes again."""
    assert work.outcome is not None
    wrote = isinstance(work.outcome, Saved | Duplicated | Discarded | Linked)
    return Result(work.incoming.n, work.incoming.id, work.outcome, tuple(work.touched), stamp if wrote else 0)


def _write_again(org: Org, database: Database, known: list[Row]) -> None:
    """Bring the rows of transactions that ran again up to date. Their records are told anew, their logs add up."""
    if known:
        rows = [{name: value for name, value in row.items() if name not in _FIRST} for row in known]
        database.later(org.save.update(TRANSACTION, frozenset(rows[0]) - {"Id"}), rows=encode_rows(rows))
        database.later(org.save.drop_journaled, ids=[row["Id"] for row in known])


def _keep_undecided(org: Org, database: Database, wave: Wave, known: list[Row]) -> None:
    """Keep what a device sent as it sent it, as long as it may run again; what is decided needs no keeping."""
    number = wave.caller.number
    kept = [
        _undecided_row(wave, work, row["Id"], number)
        for work, row in zip(wave.works, known, strict=True)
        if number is not None and isinstance(work.outcome, UNDECIDED)
    ]
    if kept:
        database.later(org.save.keep_undecided, rows=encode_rows(kept))
    again = [work for work in wave.works if work.incoming.record_id is not None]
    decided = [work.incoming.record_id for work in again if not isinstance(work.outcome, UNDECIDED)]
    if decided:
        database.later(org.save.drop_undecided, ids=decided)


def _undecided_row(wave: Wave, work: Work, record_id: RecordId, number: DeviceNumber) -> Row:
    incoming = work.incoming
    return {
        "record_id": record_id,
        "device": number,
        "n": incoming.n,
        "hash": incoming.hash,
        "saved_at": incoming.saved_at,
        "items": encode_items(incoming.items).decode(),
        "due_at": wave.frame.now if isinstance(work.outcome, Accepted) else None,
        "locked_times": 0,
    }


def _blocking(wave: Wave) -> list[Row]:
    if wave.caller.number is None:
        return []
    return [
        {"device": wave.caller.number, "record_id": record_id, "n": work.incoming.n}
        for work in wave.works
        if isinstance(work.outcome, Rejected | Held)
        for record_id in sorted({item.id for item, _ in _lines(work) if ids.is_id(item.id)})
    ]


def _journal_one(wave: Wave, work: Work, tables: dict[str, list[Row]]) -> Row:
    """The row of a transaction, with its id if it had one before; its records and logs are added to `tables`."""
    incoming = work.incoming
    waiting = work.outcome.waiting_for if isinstance(work.outcome, Held) else ()
    transaction: Row = {
        "Status": status_of(work.outcome),
        "Transaction_Id": incoming.id,
        "Queue_Number": incoming.n,
        "Device_Number": wave.caller.number,
        "DeviceId": wave.caller.device_id,
        "UserId": wave.caller.user_id,
        "Channel": wave.caller.channel.value,
        "Platform": wave.caller.software.platform,
        "App_Version": wave.caller.software.app_version,
        "Metadata_Version": wave.caller.software.metadata_version,
        "Saved_At": incoming.saved_at,
        "Received_At": wave.frame.now,
        "Processed_At": None if isinstance(work.outcome, Held | Accepted) else wave.frame.now,
        "Expected_Records": len(incoming.items),
        "Actual_Records": len(work.asked or work.edits),
        "Depends_On": ", ".join(map(str, waiting)) or None,
        "Outcome": type(work.outcome).__name__,
        "Can_Be_Retried": False,
        "Processing": "Batch" if isinstance(work.outcome, Accepted) else None,
        "Simulation": _simulation(wave, work),
        "Trace": "Off" if wave.frame.steps is None else "On",
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
    whose = {"Sync_TransactionId": transaction, "Saved_At": incoming.saved_at}
    for sequence, (item, overridden) in enumerate(_lines(work), 1):
        tables[RECORD].append({**whose, "Sequence": sequence, **_record_row(item, overridden, work.outcome)})
    tables[LOG] += _log_rows(wave, work, transaction)
    return transaction


def _simulation(wave: Wave, work: Work) -> str:
    """Whether it can be simulated: its content is kept as the device sent it."""
    return "Possible" if wave.caller.number is not None and isinstance(work.outcome, UNDECIDED) else "Impossible"


def is_signed(work: Work) -> bool:
    """Whether the save carries a signature (FEATURES L03)."""
    changes = (
        (e.object_type.column_fields.get(c), x) for e in work.asked or work.edits for c, x in e.item.changes.items()
    )
    return any(field is not None and field.type is FieldType.BASE64 and x.new is not None for field, x in changes)


def _lines(work: Work) -> Iterator[tuple[Item, Mapping[str, FieldValue]]]:
    """Every item, and what of somebody else's it replaced. One that was refused for what it names is told as it was
    sent: the object or field may be gone, the content may not (law L1)."""
    as_sent = work.refused_for_good or isinstance(work.outcome, Accepted)
    sent = {item.id: item for item in work.incoming.items} if as_sent else {}
    for edit in work.asked or work.edits:
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


def _log_rows(wave: Wave, work: Work, transaction: Row) -> Iterator[Row]:
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


def _log_row(reason: Problem, transaction: Row, work: Work) -> Row:
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


async def _complete(org: Org, database: Database, wave: Wave, tables: Mapping[str, list[Row]]) -> None:
    """Give journal rows ids, dates and owner; a record or log row, the id of its transaction."""
    count = sum(map(len, tables.values()))
    if len(wave.numbers) < count:
        await draw_numbers(org, database, wave, count - len(wave.numbers))
    counters, wave.numbers = iter(wave.numbers), wave.numbers[count:]
    for name, rows in tables.items():
        prefix = org.catalog[name].prefix
        for row in rows:
            parent = row.get("Sync_TransactionId")
            if isinstance(parent, dict):
                row["Sync_TransactionId"] = parent["Id"]
            counter = next(counters)
            row.update(system_columns(wave, ids.mint(prefix, wave.frame.server_number, counter)))
            row["Name"] = f"{name[5:6]}-{counter:010d}"
