"""The log of what people did to a transaction: who, when, what it was before and after (FEATURES J12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from fieldsync.base import ids
from fieldsync.base.ids import RecordId
from fieldsync.schema.fields import FieldValue
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Frame, Row, Wave, encode_rows
from fieldsync.server.save.journal.journal import LOG
from fieldsync.server.save.stamp import system_columns


class Corrected(Protocol):
    """A value that was changed."""

    @property
    def record_id(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def value(self) -> FieldValue: ...


@dataclass(frozen=True)
class Entry:
    """One line: the act, who and why; of a changed value also where, and what it was."""

    act: str
    said: str
    object: str | None = None
    corrected: Corrected | None = None
    before: FieldValue = None
    type: str = "Info"


async def note(
    org: Org, database: Database, by: Caller, frame: Frame, record_id: RecordId, entries: Sequence[Entry]
) -> None:
    """Add lines to a transaction's log, in the name of who did it."""
    counters = [value for (value,) in await database.rows(org.save.server_ids, count=len(entries))]
    wave = Wave(by, frame, [])
    rows: list[Row] = []
    for entry, counter in zip(entries, counters, strict=True):
        log_id = ids.mint(org.catalog[LOG].prefix, frame.server_number, counter)
        rows.append(_row(entry, record_id) | system_columns(wave, log_id) | {"Name": f"L-{counter:010d}"})
    await database.run(org.save.insert(LOG), rows=encode_rows(rows))


def _row(entry: Entry, record_id: RecordId) -> Row:
    row: Row = {"Sync_TransactionId": record_id, "Type": entry.type, "Code": entry.act, "Message": entry.said[:4_000]}
    if entry.corrected is not None:
        before_and_after = {"before": entry.before, "after": entry.corrected.value}
        row |= {
            "Object_Name": entry.object,
            "Record_Id": entry.corrected.record_id,
            "Field_Name": entry.corrected.field,
            "Field_Value": None if entry.corrected.value is None else str(entry.corrected.value),
            "Details": msgspec.json.encode(before_and_after).decode(),
        }
    return row
