"""Step 8: what the platform itself fills in: owner, dates, defaults, composed names, auto-numbers, the stamp.

Auto-numbers come from PostgreSQL sequences: they never repeat, and a save that is rolled back leaves a gap.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Operation
from fieldsync.schema.autonumber import format_number
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Row, Wave

ALWAYS_WRITTEN = frozenset({"LastModifiedDate", "LastModifiedById", "SystemModstamp", STAMP})
"""Columns that every write sets, beside those it changes."""


def fill_in(wave: Wave) -> None:
    """Defaults and system fields of every row to be written. Runs before the checks, so that they see them."""
    for edit in wave.edits:
        if edit.new is None or not edit.writes:
            continue
        row = edit.new
        if edit.item.operation is Operation.CREATE:
            _begin(edit, row, wave)
        compose_name(edit.object_type, row, edit.changed)
        _touch(row, edit.current, wave)


def _touch(row: Row, before: Row | None, wave: Wave) -> None:
    """Who changed a row, and when."""
    row["LastModifiedDate"] = row["SystemModstamp"] = wave.frame.now
    row["LastModifiedById"] = wave.caller.user_id
    row[STAMP] = wave.frame.stamp_after(row["Id"], before)


def _begin(edit: Edit, row: Row, wave: Wave) -> None:
    for column, value in edit.object_type.defaults.items():
        if column not in edit.item.changes and row[column] is None:
            row[column] = value
    row["OwnerId"] = row["OwnerId"] or wave.caller.user_id
    row["CreatedDate"], row["CreatedById"] = wave.frame.now, wave.caller.user_id


def compose_name(object_type: ObjectType, row: Row, changed: set[str]) -> None:
    """A person's name out of its parts, where the object composes it."""
    parts = object_type.declared.name_field.compose
    if parts and (not row.get("Name") or changed & set(parts)):
        row["Name"] = " ".join(str(row[part]) for part in parts if row.get(part)) or None
        changed.add("Name")


async def number(org: Org, database: Database, wave: Wave) -> None:
    """Give created rows their auto-numbers, one query per numbered field."""
    today = date.fromisoformat(wave.frame.now[:10])
    for (name, field_name), edits in _numbered(wave).items():
        values = await database.rows(org.save.numbers(name, field_name), count=len(edits))
        display = edits[0].object_type.fields[field_name].display_format or "{0}"
        for edit, (value,) in zip(edits, values, strict=True):
            assert edit.new is not None
            edit.new[field_name] = format_number(display, value, today)


def _numbered(wave: Wave) -> dict[tuple[str, str], list[Edit]]:
    wanted: dict[tuple[str, str], list[Edit]] = defaultdict(list)
    for edit in wave.edits:
        if edit.item.operation is Operation.CREATE and edit.new is not None:
            for field in edit.object_type.numbered:
                wanted[edit.item.object, field.name].append(edit)
    return wanted


def journal_rows(wave: Wave) -> int:
    """How many rows the journal takes if nothing is refused."""
    return sum(1 + len(work.edits) for work in wave.works)


async def draw_numbers(org: Org, database: Database, wave: Wave, count: int) -> None:
    """Have counters for the ids of so many more journal rows."""
    rows = await database.rows(org.save.server_ids, count=count)
    wave.numbers += [value for (value,) in rows]


def system_columns(wave: Wave, record_id: RecordId) -> Row:
    """Id, owner, dates and stamp of a row that the platform itself creates."""
    return {"Id": record_id, **common_columns(wave)}


def common_columns(wave: Wave) -> Row:
    """Owner, dates and stamp of every row that the platform itself creates in a wave."""
    user, now = wave.caller.user_id, wave.frame.now
    return {
        "OwnerId": user,
        "CreatedDate": now,
        "CreatedById": user,
        "LastModifiedDate": now,
        "LastModifiedById": user,
        "SystemModstamp": now,
        "IsDeleted": False,
        "_stamp": wave.frame.stamp,
    }
