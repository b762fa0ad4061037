"""What the console asks of an org: its transactions, their records and reasons, its devices, a few counts.

Read-only, one snapshot a page. Who may ask is the console's business.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.schema.access.rights import Rights
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.wanted import Wanted, listed
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import snapshot

STATUSES = ("New", "Waiting", "InProgress", "Success", "Failed", "Retry", "Canceled", "Manual")


class TransactionLine(msgspec.Struct, frozen=True):
    """One row of the list."""

    id: str
    status: str
    received: str | None
    user: str
    object: str | None
    records: int
    reason: str | None
    name: str | None = None


class Transaction(msgspec.Struct, frozen=True):
    """One transaction, whole."""

    id: str
    status: str
    outcome: str | None
    received: str | None
    saved: str | None
    processed: str | None
    user: str
    device: str | None
    n: int
    object: str | None
    signed: str | None
    depends_on: str | None
    transaction: str
    comments: str | None
    name: str | None = None
    attempts: int = 0
    can_be_retried: bool = False
    root_record: str | None = None
    step_log: str | None = None
    """Whether its steps are noted: `On` or `Off`."""
    expected: int = 0
    received_records: int = 0
    platform: str | None = None
    app: str | None = None
    """The version of the app that sent it."""
    metadata: str | None = None
    """The version of the data model the device worked with."""


class Changed(msgspec.Struct, frozen=True):
    """One field of one record of a transaction."""

    field: str
    old: Any = None
    new: Any = None
    theirs: Any = None


class RecordLine(msgspec.Struct, frozen=True):
    """One record of a transaction."""

    object: str
    record: str
    operation: str
    changes: tuple[Changed, ...]
    result: str | None = None
    """The record it became; null as long as it became none."""


class LogLine(msgspec.Struct, frozen=True):
    """One reason."""

    code: str | None
    message: str | None
    field: str | None
    type: str | None
    at: str | None
    object: str | None
    record: str | None
    details: dict[str, Any]
    """Of an edit before and after, of a conflict base, mine and theirs; empty where the reader may not see it."""
    location: str | None = None
    """The rule, trigger or step that said so."""
    value: str | None = None
    raw: str | None = None
    """The whole problem as the device was told it."""


class Oversight:
    """The console's questions about one org, their statements built once."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._tables = org.metadata.tables

    async def transactions(self, wanted: Wanted) -> list[TransactionLine]:
        """Newest first, a page of them. Raises Refused(NOT_FOUND) for an unknown list view."""
        async with snapshot(self._org.pool) as database:
            rows = await listed(self._org, database, wanted)
        return [TransactionLine(r[0], r[1], _text(r[2]), r[3], r[4], int(r[5] or 0), *r[6:]) for r in rows]

    async def transaction(self, record_id: str, rights: Rights) -> tuple[Transaction, list[RecordLine], list[LogLine]]:
        """One transaction with its records, the fields of them that may be read, and reasons. Raises Refused."""
        rows = await self._rows(self._one, id=record_id)
        if not rows:
            raise Refused(problem(Code.NOT_FOUND, object="Sync_Transaction", id=record_id))
        records = [_record(r, rights) for r in await self._rows(self._records, id=record_id)]
        logs = [_log(r, rights) for r in await self._rows(self._logs, id=record_id)]
        values: list[Any] = [_text(v) if isinstance(v, datetime) else v for v in rows[0]]
        for place in _NUMBERS:
            values[place] = int(values[place] or 0)
        return Transaction(*values), records, logs

    async def counts(self, since: datetime) -> dict[str, int]:
        """Transactions since then by status."""
        return {status: int(number) for status, number in await self._rows(self._counts, since=since)}

    async def _rows(self, statement: Statement, **params: Any) -> list[tuple[Any, ...]]:
        async with snapshot(self._org.pool) as work:
            return await work.rows(statement, **params)

    @cached_property
    def _one(self) -> Statement:
        t, user, device = (self._tables[n] for n in ("Sync_Transaction", "User", "Device"))
        c = t.c
        head = (c.Id, c.Status, c.Outcome, c.Received_At, c.Saved_At, c.Processed_At, user.c.Name, device.c.Name)
        told = (c.Queue_Number, c.Root_Object, c.Signed, c.Depends_On, c.Transaction_Id, c.Comments, c.Name)
        counts = (c.Failed_Attempts, c.Can_Be_Retried, c.Root_Record_Id, c.Trace, c.Expected_Records, c.Actual_Records)
        runs = [func.coalesce(c[name], device.c[name]) for name in ("Platform", "App_Version")]
        tail = (*counts, *runs, c.Metadata_Version)
        joined = t.outerjoin(user, user.c.Id == c.UserId).outerjoin(device, device.c.Id == c.DeviceId)
        return compile_statement(select(*head, *told, *tail).select_from(joined).where(c.Id == bindparam("id")))

    @cached_property
    def _records(self) -> Statement:
        c = self._tables["Sync_Transaction_Record"].c
        query = select(c.Object_Name, c.Record_Id, c.Operation, c.Field_Values, c.Result_Id)
        return compile_statement(query.where(c.Sync_TransactionId == bindparam("id")).order_by(c.Sequence))

    @cached_property
    def _logs(self) -> Statement:
        c = self._tables["Sync_Transaction_Log"].c
        columns = (c.Code, c.Message, c.Field_Name, c.Type, c.CreatedDate, c.Object_Name, c.Record_Id, c.Details)
        query = select(*columns, c.Location, c.Field_Value, c.Raw_Text)
        return compile_statement(query.where(c.Sync_TransactionId == bindparam("id")).order_by(c.Id))

    @cached_property
    def _counts(self) -> Statement:
        c = self._tables["Sync_Transaction"].c
        query = select(c.Status, func.count()).where(c.Received_At >= bindparam("since"))
        return compile_statement(query.group_by(c.Status))


def _record(row: tuple[Any, ...], rights: Rights) -> RecordLine:
    values = _DETAILS.decode(row[3]) if row[3] else {}
    shown = {name: value for name, value in values.items() if rights.admin or rights.sees(row[0], name)}
    changes = tuple(Changed(name, v.get("old"), v.get("new"), v.get("theirs")) for name, v in shown.items())
    return RecordLine(row[0], row[1], row[2], changes, row[4])


def _log(row: tuple[Any, ...], rights: Rights) -> LogLine:
    code, message, field, kind, at, name, record, details, location, value, raw = row
    seen = rights.admin or (name is not None and field is not None and rights.sees(name, field))
    told = _DETAILS.decode(details) if details and seen else {}
    hidden = (value if seen else None, raw if seen else None)
    return LogLine(code, message, field, kind, _text(at), name, record, told, location, *hidden)


_NUMBERS = (8, 15, 19, 20)
"""Places of whole numbers in a transaction."""
_DETAILS = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)
