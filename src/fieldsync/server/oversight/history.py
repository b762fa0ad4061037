"""What was ever saved of one record: who, when, from where, and each field before and after (FEATURES M07).

Told from the journal, which has every save that was sent; what the platform computed by itself is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select

from fieldsync.base.world import instant
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.fields import FieldValue
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

HAPPENED_MAX = 50
_VALUES = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True)
class Happened:
    """One save of the record; `changes` are (column, before, after) of fields that the reader may see."""

    at: str
    by: str
    how: str
    """`create on iPad`, say."""
    transaction: str
    changes: tuple[tuple[str, FieldValue, FieldValue], ...]


async def history_of(org: Org, database: Database, reader: Reader, name: str, record_id: str) -> tuple[Happened, ...]:
    """The newest saves first. Empty for who may not read transactions."""
    if not reader.rights.may("Sync_Transaction", Access.READ):
        return ()
    record, sent, user, device = (
        org.metadata.tables[n] for n in ("Sync_Transaction_Record", "Sync_Transaction", "User", "Device")
    )
    columns = (sent.c.Received_At, func.coalesce(user.c.Name, user.c.Username), record.c.Operation, device.c.Platform)
    joined = (
        record.join(sent, sent.c.Id == record.c.Sync_TransactionId)
        .outerjoin(user, user.c.Id == sent.c.UserId)
        .outerjoin(device, device.c.Id == sent.c.DeviceId)
    )
    query = select(*columns, sent.c.Id, record.c.Field_Values, sent.c.Status).select_from(joined)
    here = query.where(record.c.Record_Id == bindparam("id"), record.c.Object_Name == bindparam("name"))
    newest = here.order_by(sent.c.Received_At.desc(), sent.c.Id.desc()).limit(HAPPENED_MAX)
    rows = await database.rows(compile_statement(newest), id=record_id, name=name)
    return tuple(_happened(reader, name, row) for row in rows)


def _happened(reader: Reader, name: str, row: tuple[Any, ...]) -> Happened:
    at, by, operation, platform, transaction, values, status = row
    how = f"{operation} {'on ' + platform if platform else 'online'}"
    told = _VALUES.decode(values) if values else {}
    seen = {column: value for column, value in told.items() if reader.rights.sees(name, column)}
    changes = tuple((column, value.get("old"), value.get("new")) for column, value in seen.items())
    ended = "" if status == "Success" else f", {status}"
    return Happened(instant(at) if at else "", by or "", f"{how}{ended}", transaction, changes)
