"""Rows that a merge makes say the same: an account is of a territory once, so two rows that say it become one.

An object names the columns in `one_each`. The row of the one that stays is kept: where it says nothing it takes what
the other says, and what is ticked in either is ticked. What refers to the other refers to it. Nothing here asks a
database but `rows_of`.
"""

from __future__ import annotations

from sqlalchemy import bindparam, or_

from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, decode_row
from fieldsync.server.save.statements import json_rows, locked_rows

Key = tuple[object, ...]


def referring(object_type: ObjectType, object_name: str) -> list[str]:
    """The columns of an object that refer to records of the other. Pure."""
    return [field.name for field in object_type.references if field.references == object_name]


def key_of(object_type: ObjectType, row: Row) -> Key | None:
    """What there may be one row of: the key of a row that is loaded from files, what `one_each` names of another. None
    where there may be many, and where a value is missing. Pure."""
    bulk, columns = object_type.declared.bulk, object_type.declared.one_each
    names = bulk.key if bulk is not None else columns
    found = tuple(row[name] for name in names)
    return None if not names or (bulk is None and None in found) else found


async def rows_of(
    org: Org, database: Database, object_type: ObjectType, winner: RecordRef, *, locked: bool
) -> dict[Key, Row]:
    """The rows there may be one of, that the winner has already, by their keys."""
    declared = object_type.declared
    if declared.bulk is None and not declared.one_each:
        return {}
    table, columns = org.metadata.tables[object_type.name], referring(object_type, winner.object)
    mine = or_(*(table.c[column] == bindparam("winner") for column in columns))
    if declared.bulk is None:
        mine &= table.c.IsDeleted.is_(False)
    chosen = locked_rows(table, mine) if locked else json_rows(table).where(mine).order_by(table.c.Id)
    rows = [decode_row(text) for (text,) in await database.rows(compile_statement(chosen), winner=winner.id)]
    # of two that were the same already, the older is kept
    return {key: row for row in reversed(rows) if (key := key_of(object_type, row)) is not None}


def folded(object_type: ObjectType, kept: Row, gone: Row) -> Row:
    """The row that is kept, with what only the other says. Pure."""
    names = [n for n in object_type.writable if n in kept and not object_type.column_fields[n].unique]
    silent = [n for n in names if kept[n] is None or kept[n] is False]
    return kept | {n: gone[n] for n in silent if gone[n] is not None}
