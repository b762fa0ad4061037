"""What a day left behind, on the server and on its device, in words that do not depend on ids, numbers and times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from tests.scenarios.replay.shops import OBJECTS, ORG

from fieldsync.base.ids import RecordId
from fieldsync.device import Device

_OF_ITS_TIME = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp", "_stamp"})
_NUMBERED = frozenset({"Visit", "Visit_Line"})
"""Their names are auto-numbers, and those may have gaps."""
_JOURNALED = ("Queue_Number", "Status", "Outcome", "Depends_On", "Expected_Records", "Actual_Records", "Root_Object")
_TRANSACTIONS = """SELECT * FROM "Sync_Transaction" WHERE "Device_Number" = %(device)s ORDER BY "Queue_Number" """
_RECORDS = """SELECT * FROM "Sync_Transaction_Record" WHERE "Sync_TransactionId" = %(id)s ORDER BY "Sequence" """
_PROBLEMS = """SELECT "Code", "Field_Name", "Record_Id" FROM "Sync_Transaction_Log"
    WHERE "Sync_TransactionId" = %(id)s AND "Code" IS NOT NULL ORDER BY 1, 2, 3"""
_FEED = """SELECT kind, object, id FROM _change WHERE feed_user = %(user)s ORDER BY feed_position, seq"""


@dataclass(frozen=True)
class Ending:
    """Rows by the script's names (deleted ones too), the journal in order, the feed in order; and the device's rows,
    queue and errors."""

    rows: Mapping[str, Any]
    journal: list[Any]
    feed: list[Any]
    held: Mapping[str, Any]
    queue: list[Any]
    errors: list[Any]


def ending(uri: str, device: Device, named: Mapping[str, RecordId]) -> Ending:
    """Look at everything, after the device has synchronised. `named`: records and people by the script's names."""
    account = device.account
    assert account is not None
    names: dict[str, str] = {record_id: name for name, record_id in named.items()}
    with psycopg.connect(uri, row_factory=dict_row) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(f"org_{ORG}")))
        who = {"user": account.user.id, "device": account.device_number}
        feed = connection.execute(_FEED, who).fetchall()
        return Ending(
            _rows(connection, names),
            [_journaled(connection, row, names) for row in connection.execute(_TRANSACTIONS, who).fetchall()],
            [(entry["kind"], entry["object"], names.get(entry["id"])) for entry in feed],
            _held(device, names),
            [(entry.n, entry.state) for entry in device.queue()],
            [(e.n, e.state, e.waiting_for, [(p.code, p.field) for p in e.problems]) for e in device.errors()],
        )


def _rows(connection: psycopg.Connection[dict[str, Any]], names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for object_name in OBJECTS:
        query = sql.SQL('SELECT * FROM {} WHERE "Id" = ANY(%(ids)s)').format(sql.Identifier(object_name))
        for row in connection.execute(query, {"ids": list(names)}).fetchall():
            found[names[row["Id"]]] = _named(object_name, row, names)
    return found


def _named(object_name: str, row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    left_out = _OF_ITS_TIME | ({"Name"} if object_name in _NUMBERED else frozenset())
    return {column: _name(value, names) for column, value in row.items() if column not in left_out}


def _name(value: Any, names: Mapping[str, str]) -> Any:
    return names.get(value, value) if isinstance(value, str) else value


def _journaled(connection: psycopg.Connection[dict[str, Any]], row: Mapping[str, Any], names: Mapping[str, str]) -> Any:
    records = [
        (found["Operation"], _name(found["Record_Id"], names), found["Status"], _values(found["Field_Values"], names))
        for found in connection.execute(_RECORDS, {"id": row["Id"]}).fetchall()
    ]
    told = [
        (found["Code"], found["Field_Name"], _name(found["Record_Id"], names))
        for found in connection.execute(_PROBLEMS, {"id": row["Id"]}).fetchall()
    ]
    return [row[name] for name in _JOURNALED], records, told


def _values(text: str, names: Mapping[str, str]) -> Any:
    return {
        column: {which: _name(value, names) for which, value in sorted(values.items())}
        for column, values in sorted(json.loads(text).items())
    }


def _held(device: Device, names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for object_name in OBJECTS:
        for record in device.find(object_name, limit=10_000):
            if record.id in names:
                found[names[record.id]] = (record.mark, _named(object_name, record.values, names))
    return found
