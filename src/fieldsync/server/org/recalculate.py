"""Summing up anew what a deploy changed: every master of a new or changed roll-up, chunk by chunk, while people work.

What is due stands in `_recalculation`, written with the deploy, so that a job that was killed goes on where it was.
Each chunk is a transaction of its own that locks its masters in id order, like any save. What differs is written with a
new stamp and logged, so that devices get it; it goes on no feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, MetaData, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from fieldsync.protocol.rows import RecordRef
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import FieldType, RollUp
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Frame, Row, decode_row, encode_rows
from fieldsync.server.save.changes import change_row, old_values
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.stamp import ALWAYS_WRITTEN

CHUNK_MASTERS = 1_000
Told = Callable[[str, int], None]
"""Hears the object and how many of its records were looked at, every chunk."""


def changed_masters(old: Catalog | None, new: Catalog) -> list[str]:
    """Objects with a roll-up that is new or sums up differently, or that sums up such a one; details first."""
    known = _roll_ups(old) if old is not None else {}
    due = {key for key, roll_up in _roll_ups(new).items() if known.get(key) != roll_up}
    while True:
        more = {
            key
            for key, roll_up in _roll_ups(new).items()
            if any((roll_up.child_object, name) in due for name in (roll_up.field, *(f.field for f in roll_up.filters)))
        } - due
        if not more:
            break
        due |= more
    masters = {object_name for object_name, _ in due}
    return [o.name for o in reversed(list(new)) if o.name in masters]


def _roll_ups(catalog: Catalog) -> dict[tuple[str, str], RollUp]:
    return {
        (o.name, f.name): f.roll_up
        for o in catalog
        for f in o.stored
        if f.type is FieldType.ROLL_UP and f.roll_up is not None
    }


def note_due(connection: Connection, masters: Iterable[str]) -> None:
    """Remember, with the deploy, that these are to be summed up anew, from their first record."""
    table = system_table("_recalculation")
    for name in masters:
        again = upsert(table).values(object=name, after="")
        connection.execute(again.on_conflict_do_update(index_elements=["object"], set_={"after": ""}))


async def recalculate(org: Org, told: Told) -> int:
    """Everything that is due; how many masters changed. Details come before their masters."""
    table = system_table("_recalculation")
    changed = 0
    async with transaction(org.pool) as database:
        due = dict(await database.rows(compile_statement(select(table.c.object, table.c.after))))
    for object_type in reversed(list(org.catalog)):
        if object_type.name in due:
            changed += await _object(org, object_type.name, due[object_type.name], told)
    return changed


async def _object(org: Org, name: str, after: str, told: Told) -> int:
    table, done, changed = system_table("_recalculation"), 0, 0
    move = compile_statement(update(table).where(table.c.object == bindparam("name")).values(after=bindparam("to")))
    chunk = _next_masters(org.metadata, name)
    while True:
        async with transaction(org.pool) as database:
            ids = [found for (found,) in await database.rows(chunk, after=after)]
            if ids:
                changed += await _chunk(org, database, name, ids)
                after = ids[-1]
                await database.run(move, name=name, to=after)
        done += len(ids)
        told(name, done)
        if not ids:
            break
    async with transaction(org.pool) as database:
        await database.run(compile_statement(delete(table).where(table.c.object == bindparam("name"))), name=name)
    return changed


def _next_masters(metadata: MetaData, name: str) -> Statement:
    table = metadata.tables[name]
    rows = select(table.c.Id).where(table.c.Id > bindparam("after")).order_by(table.c.Id)
    return compile_statement(rows.limit(CHUNK_MASTERS))


async def _chunk(org: Org, database: Database, name: str, ids: list[str]) -> int:
    frame = await lock_head(org, database, await admin_of(org, database))
    return await sum_up(org, database, frame, name, ids)


async def sum_up(org: Org, database: Database, frame: Frame, name: str, ids: list[str]) -> int:
    """Sum up these masters anew; how many changed. They are locked in id order."""
    rows = {
        row["Id"]: row for (text,) in await database.rows(org.save.lock(name), ids=ids) for row in (decode_row(text),)
    }
    news: dict[str, Row] = {}
    for summary in org.logic.roll_ups.all:
        if summary.master != name or not summary.fields:
            continue
        for (text,) in await database.rows(org.logic.roll_ups.values(summary), ids=ids):
            values = decode_row(text)
            row = rows[values.pop("Id")]
            if any(row[column] != value for column, value in values.items()):
                news.setdefault(row["Id"], dict(row)).update(values)
    await _write(org, database, frame, name, rows, news)
    return len(news)


async def _write(
    org: Org, database: Database, frame: Frame, name: str, rows: dict[str, Row], news: dict[str, Row]
) -> None:
    if not news:
        return
    columns = {s_field.name for s in org.logic.roll_ups.all if s.master == name for s_field in s.fields}
    for row in news.values():
        row["SystemModstamp"], row["_stamp"] = frame.now, frame.stamp_after(row["Id"], rows[row["Id"]])
    await database.run(
        org.save.update(name, frozenset(columns) | ALWAYS_WRITTEN), rows=encode_rows(list(news.values()))
    )
    entries = [
        change_row(
            frame=frame,
            ref=(ref := RecordRef(name, row["Id"])),
            kind="updated",
            root=ref,
            transaction_id=None,
            device=None,
            old=old_values(org.catalog[name], rows[row["Id"]], row),
            version=row["_stamp"],
        )
        for row in news.values()
    ]
    await database.run(org.save.add_changes, rows=encode_rows(entries))
