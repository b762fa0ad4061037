"""Step 13: what happened, kept: the transaction as the console shows it, its receipt, and what it holds back.

The receipt is written in the same database transaction as the effect, so a replay can never see one without the other
(law L2). `Sync_Transaction` and its records and logs are ordinary objects; they never travel to devices.
"""

from __future__ import annotations

import msgspec

from fieldsync.base import ids
from fieldsync.base.ids import DeviceNumber, RecordId
from fieldsync.protocol.upload import (
    Accepted,
    Discarded,
    Duplicated,
    Held,
    Linked,
    Rejected,
    Result,
    Saved,
    encode_items,
)
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.json_rows import as_rows
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, Wave, Work, encode_rows
from fieldsync.server.save.journal import rows
from fieldsync.server.save.journal.rows import UNDECIDED
from fieldsync.server.save.stamp import common_columns, draw_numbers

_FIRST = ("Received_At", "Comments", "Processing", "Platform", "App_Version", "Metadata_Version")
"""What is noted of a transaction when it comes, and stays when it runs again."""
TRANSACTION, RECORD, LOG = "Sync_Transaction", "Sync_Transaction_Record", "Sync_Transaction_Log"


async def journal(org: Org, database: Database, wave: Wave) -> None:
    """Receipts, journal rows and held-back records of every decided transaction of the wave.

    Each table's rows leave as soon as they are made: PostgreSQL takes them in while the next are.
    """
    if not wave.works:
        return
    common, columns = rows.common(wave), common_columns(wave)
    known = [rows.transaction_row(wave, work) for work in wave.works]
    _write_again(org, database, [{**common, **row} for row in known if "Id" in row])
    await _insert(org, database, wave, TRANSACTION, [row for row in known if "Id" not in row], {**columns, **common})
    told = [(work, row["Id"]) for work, row in zip(wave.works, known, strict=True)]
    records = [row for work, record_id in told for row in rows.record_rows(work, record_id)]
    await _insert(org, database, wave, RECORD, records, columns)
    logs = [row for work, record_id in told for row in rows.log_rows(wave, work, record_id)]
    await _insert(org, database, wave, LOG, logs, columns)
    _note(database, org.save.add_receipts, _receipts(wave), _of_receipts(wave))
    _note(database, org.save.add_blocked, _blocking(wave), {"device": wave.caller.number})
    _keep_undecided(org, database, wave, told)


async def _insert(org: Org, database: Database, wave: Wave, name: str, new: list[Row], common: Row) -> None:
    """Insert journal rows, each with its id and name; `common`: what all have."""
    if len(wave.numbers) < len(new):
        await draw_numbers(org, database, wave, len(new) - len(wave.numbers))
    counters, wave.numbers = wave.numbers[: len(new)], wave.numbers[len(new) :]
    prefix, letter = org.catalog[name].prefix, name[5:6]
    for row, counter in zip(new, counters, strict=True):
        row["Id"] = ids.mint(prefix, wave.frame.server_number, counter)
        row["Name"] = f"{letter}-{counter:010d}"
    _note(database, org.save.insert(name), new, common)


def _note(database: Database, statement: Statement, new: list[Row], common: Row) -> None:
    if new:
        database.later(statement, **as_rows(new, common))


def _receipts(wave: Wave) -> list[Row]:
    """What each receipt has for itself; `_of_receipts`: what all of a wave have."""
    if wave.caller.number is None:
        return []
    return [
        {
            "n": work.incoming.n,
            "transaction_id": work.incoming.id,
            "hash": work.incoming.hash,
            "result": msgspec.json.encode(result_of(work, wave.frame.stamp)).decode(),
        }
        for work in wave.works
    ]


def _of_receipts(wave: Wave) -> Row:
    return {"device": wave.caller.number, "stamp": wave.frame.stamp, "day": wave.frame.now[:10]}


def result_of(work: Work, stamp: int) -> Result:
    """The result that goes to the device and, on a replay, goes again."""
    assert work.outcome is not None
    wrote = isinstance(work.outcome, Saved | Duplicated | Discarded | Linked)
    return Result(work.incoming.n, work.incoming.id, work.outcome, tuple(work.touched), stamp if wrote else 0)


def _write_again(org: Org, database: Database, known: list[Row]) -> None:
    """Bring the rows of transactions that ran again up to date. Their records are told anew, their logs add up."""
    if known:
        now = [{name: value for name, value in row.items() if name not in _FIRST} for row in known]
        database.later(org.save.update(TRANSACTION, frozenset(now[0]) - {"Id"}), rows=encode_rows(now))
        database.later(org.save.drop_journaled, ids=[row["Id"] for row in known])


def _keep_undecided(org: Org, database: Database, wave: Wave, told: list[tuple[Work, RecordId]]) -> None:
    """Keep what a device sent as it sent it, as long as it may run again; what is decided needs no keeping."""
    number = wave.caller.number
    kept = [
        _undecided_row(wave, work, record_id, number)
        for work, record_id in told
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
        {"record_id": record_id, "n": work.incoming.n}
        for work in wave.works
        if isinstance(work.outcome, Rejected | Held)
        for record_id in sorted({item.id for item, _ in rows.lines(work) if ids.is_id(item.id)})
    ]
