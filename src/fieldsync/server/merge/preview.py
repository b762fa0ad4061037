"""What a merge would do, before it is done: the fields that differ, and how many records would move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.standard import STAMP
from fieldsync.server.merge.fold import key_of, referring, rows_of
from fieldsync.server.merge.merge import Merging, check, takeable
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, decode_row
from fieldsync.server.save.stamp import ALWAYS_WRITTEN
from fieldsync.server.save.statements import json_rows

_OWN = ALWAYS_WRITTEN | {"Id", STAMP, "CreatedDate", "CreatedById", "IsDeleted"}


@dataclass(frozen=True)
class Difference:
    """A column of which both records have another value. `takeable`: the winner may take the loser's."""

    column: str
    label: str
    winner: Any
    loser: Any
    takeable: bool


@dataclass(frozen=True)
class Moving:
    """Records of one object that would refer to the winner. `gone`: those that would go, because the winner has one
    of the same key."""

    object: str
    label: str
    moved: int
    gone: int = 0


@dataclass(frozen=True)
class Preview:
    """What would become of both."""

    object: str
    loser: RecordId
    winner: RecordId
    loser_name: str
    winner_name: str
    differences: tuple[Difference, ...]
    moving: tuple[Moving, ...]


async def preview(org: Org, database: Database, merging: Merging) -> Preview:
    """Raises Refused: UNKNOWN_OBJECT, BAD_REQUEST, NOT_FOUND."""
    check(org, merging)
    object_type = org.catalog[merging.object]
    ids = [merging.loser, merging.winner]
    found = await database.rows(org.save.read(merging.object), ids=ids)
    rows = {row["Id"]: row for (text,) in found for row in (decode_row(text),) if not row["IsDeleted"]}
    for one in ids:
        if one not in rows:
            raise Refused(problem(Code.NOT_FOUND, object=merging.object, id=one))
    loser, winner = rows[merging.loser], rows[merging.winner]
    moving = [await _moving(org, database, one, merging) for one in org.catalog]
    return Preview(
        *(merging.object, merging.loser, merging.winner, loser["Name"] or "", winner["Name"] or ""),
        differences=_differences(object_type, loser, winner),
        moving=tuple(one for one in moving if one.moved or one.gone),
    )


def _differences(object_type: ObjectType, loser: Row, winner: Row) -> tuple[Difference, ...]:
    may = frozenset(takeable(object_type))
    return tuple(
        Difference(column, field.label or field.name, winner[column], loser[column], column in may)
        for column, field in object_type.column_fields.items()
        if column not in _OWN and winner[column] != loser[column]
    )


async def _moving(org: Org, database: Database, object_type: ObjectType, merging: Merging) -> Moving:
    """Counts; deleted records move too, and are not counted."""
    columns = referring(object_type, merging.object)
    if not columns:
        return Moving(object_type.name, object_type.plural, 0)
    table = org.metadata.tables[object_type.name]
    theirs = or_(*(table.c[column] == bindparam("loser") for column in columns)) & table.c.IsDeleted.is_(False)
    if object_type.declared.bulk is None and not object_type.declared.one_each:
        count = select(func.count()).select_from(table).where(theirs)
        row = await database.one(compile_statement(count), loser=merging.loser)
        return Moving(object_type.name, object_type.plural, int(row[0]) if row else 0)
    winner = RecordRef(merging.object, merging.winner)
    taken = await rows_of(org, database, object_type, winner, locked=False)
    found = await database.rows(compile_statement(json_rows(table).where(theirs)), loser=merging.loser)
    to = {merging.loser: merging.winner}
    rows = [{name: to.get(v, v) if name in columns else v for name, v in decode_row(t).items()} for (t,) in found]
    gone = sum(key_of(object_type, row) in taken for row in rows)
    return Moving(object_type.name, object_type.plural, len(rows) - gone, gone)
