"""What the device shows in system fields until the server has filled them in. Pure.

The server's values replace these with the answer; nothing of it is sent. Auto-numbers stay empty: only the server
gives them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fieldsync.base.ids import RecordId
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue, literal_default

Row = dict[str, FieldValue]


@dataclass(frozen=True)
class Author:
    """Who saves, and when by this device's clock."""

    user_id: RecordId
    now: str


def new_row(object_type: ObjectType, record_id: RecordId, given: Mapping[str, FieldValue], author: Author) -> Row:
    """A created record as it is shown at once."""
    row = defaults_of(object_type) | dict(given)
    row["Id"] = record_id
    row["OwnerId"] = row.get("OwnerId") or author.user_id
    row["CreatedById"], row["CreatedDate"] = author.user_id, author.now
    touch(object_type, row, given.keys(), author)
    return row


def touch(object_type: ObjectType, row: Row, changed: Collection[str], author: Author) -> None:
    """Who changed the row last, and its name where that is composed."""
    row["LastModifiedById"] = author.user_id
    row["LastModifiedDate"] = row["SystemModstamp"] = author.now
    parts = object_type.declared.name_field.compose
    if parts and (not row.get("Name") or set(changed) & set(parts)):
        row["Name"] = " ".join(str(row[p]) for p in parts if row.get(p)) or None


def defaults_of(object_type: ObjectType) -> Row:
    """Every column with the value it has when nobody fills it in."""
    return {c: literal_default(object_type.column_fields[c]) for c in object_type.columns}
