"""Lines of a CSV file into records: in batches through the save pipeline, as the person who brings them.

Every line is a transaction of its own: what one is refused for holds up no other. A check runs the same and keeps
nothing. `bringing.py` does it as a job.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Text as SqlText
from sqlalchemy import any_, bindparam, cast, select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, is_id, uuid7
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Linked, Operation, Outcome, Rejected, encode_items, hash_of
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.reader import Reader, reader_of
from fieldsync.server.oversight.sheets.cells import value_of
from fieldsync.server.oversight.sheets.heads import ID, Heads
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy, Collision
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.simulate import stand_in_for_sequences
from fieldsync.server.save.batch import Incoming, Row, decode_row
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin

BATCH_LINES = 200


@dataclass(frozen=True)
class Told:
    """What became of one line of the file: `created`, `updated`, `unchanged`, `linked` or `refused`."""

    line: int
    became: str
    record: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Bringing:
    """A file on its way in. `check`: nothing is kept."""

    org: Org
    begin: Begin
    heads: Heads
    zone: str
    check: bool


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line of the file that is not empty, and its number in it."""

    line: int
    cells: tuple[str, ...]


Note = Callable[[Database, list[Told]], Awaitable[None]]
"""Keeps what became of a batch."""


@dataclass(frozen=True)
class Liney:
    line: int
    item: Item


class _TakenBack(Exception):
    """Ends the transaction of a check."""


async def bring(bringing: Bringing, batch: Sequence[Line], note: Note) -> None:
    """What becomes of a batch of lines is noted: with its effect, in one commit. Raises Refused: FORBIDDEN, BUSY, and
    what `note` does, which takes the batch back."""
    new_ids = await draw_ids(bringing.org, [bringing.heads.object.name] * len(batch))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        told: list[Told] = []
        ready: list[Liney] = []
        try:
            async with bringing.begin() as (database, caller):
                reader = await reader_of(bringing.org, database, caller)
                looked = await _look_up(bringing, database, reader, batch)
                for read, new_id in zip(batch, new_ids, strict=True):
                    one = _one(bringing, looked, read, new_id)
                    (told if isinstance(one, Told) else ready).append(one)  # type: ignore[arg-type]
                if bringing.check:
                    await stand_in_for_sequences(database)
                frame = replace(await lock_head(bringing.org, database, caller), dry=bringing.check)
                incoming = tuple(_incoming(bringing.org, one) for one in ready)
                results = (await save(bringing.org, database, caller, frame, incoming)).results if incoming else ()
                told += [_told(one, result.outcome) for one, result in zip(ready, results, strict=True)]
                told.sort(key=lambda one: one.line)
                if bringing.check:
                    raise _TakenBack
                await note(database, told)
        except _TakenBack:
            async with bringing.begin() as (database, _):
                await note(database, told)
        except Collision:
            continue
        except Busy:
            break
        return
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


def _incoming(org: Org, one: Liney) -> Incoming:
    now, items = org.world.clock.now(), (one.item,)
    transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
    return Incoming(transaction_id, one.line, hash_of((encode_items(items),)), instant(now), items)


def _told(one: Liney, outcome: Outcome) -> Told:
    if isinstance(outcome, Rejected):
        return Told(one.line, "refused", one.item.id, outcome.problems)
    if isinstance(outcome, Linked):
        return Told(one.line, "linked", outcome.existing.get(one.item.id, one.item.id))
    return Told(one.line, "created" if one.item.operation is Operation.CREATE else "updated", one.item.id)


@dataclass(frozen=True)
class _Looked:
    """Records that are there: rows by their key, and ids by (place of the column, value)."""

    rows: Mapping[str, Row]
    targets: Mapping[tuple[int, str], str]


async def _look_up(bringing: Bringing, database: Database, reader: Reader, batch: Sequence[Line]) -> _Looked:
    heads, org = bringing.heads, bringing.org
    place, rows = heads.place, dict[str, Row]()
    if place >= 0:
        keys = sorted({_cell(read, place) for read in batch} - {""})
        found = await _ids_by(org, database, reader, (heads.object.name, heads.key), keys)
        by_id = {record_id: key for key, record_id in found.items()}
        for (text,) in await database.rows(org.save.read(heads.object.name), ids=sorted(by_id)):
            row = decode_row(text)
            rows[by_id[row[ID]]] = row
    targets: dict[tuple[int, str], str] = {}
    for i, head in enumerate(heads.heads):
        if head.by is not None and head.field is not None and head.field.references is not None:
            wanted = sorted({_cell(read, i) for read in batch} - {""})
            found = await _ids_by(org, database, reader, (head.field.references, head.by.name), wanted)
            targets |= {(i, value): record_id for value, record_id in found.items()}
    return _Looked(rows, targets)


async def _ids_by(
    org: Org, database: Database, reader: Reader, place: tuple[str, str], values: Sequence[str]
) -> dict[str, str]:
    """Records that the reader may see by the text of a field."""
    name, column = place
    table = org.metadata.tables[name]
    query = select(cast(table.c[column], SqlText), table.c.Id).where(
        cast(table.c[column], SqlText) == any_(bindparam("values")),
        table.c.IsDeleted.is_(False),
        reader.may_see(name, table),
    )
    return dict(await database.rows(compile_statement(query), values=list(values))) if values else {}


def _cell(read: Line, place: int) -> str:
    return read.cells[place].strip() if place < len(read.cells) else ""


def _one(bringing: Bringing, looked: _Looked, read: Line, new_id: RecordId) -> Liney | Told:
    """The save of one line, or what there is to say without one. Pure."""
    heads = bringing.heads
    name, key = heads.object.name, _cell(read, heads.place) if heads.place >= 0 else ""
    row = looked.rows.get(key) if key else None
    if heads.key == ID and key and row is None:
        return Told(read.line, "refused", key, (problem(Code.NOT_FOUND, object=name, id=key[:18]),))
    values: dict[str, FieldValue] = {}
    problems: list[Problem] = []
    for i, head in enumerate(heads.heads):
        if head.field is None or head.column == ID:
            continue
        try:
            values[head.column] = _value(bringing, looked, (i, head.by is not None), _cell_as_is(read, i))
        except Refused as refused:
            problems.append(refused.problem)
    if problems:
        return Told(read.line, "refused", row[ID] if row else "", tuple(problems))
    if row is None:
        changes = {column: Change(None, value) for column, value in values.items() if value is not None}
        return Liney(read.line, Item(name, new_id, Operation.CREATE, changes))
    changes = {c: Change(row.get(c), value) for c, value in values.items() if row.get(c) != value}
    if not changes:
        return Told(read.line, "unchanged", row[ID])
    return Liney(read.line, Item(name, RecordId(row[ID]), Operation.UPDATE, changes, row[STAMP]))


def _cell_as_is(read: Line, place: int) -> str:
    return read.cells[place] if place < len(read.cells) else ""


def _value(bringing: Bringing, looked: _Looked, place: tuple[int, bool], cell: str) -> FieldValue:
    i, by_unique = place
    field = bringing.heads.heads[i].field
    assert field is not None
    if by_unique and cell.strip():
        found = looked.targets.get((i, cell.strip()))
        if found is None:
            raise Refused(problem(Code.INVALID_REF, field=field.label or field.name, value=cell.strip()[:80]))
        return found
    value = value_of(field, cell, ZoneInfo(bringing.zone))
    if field.references is not None and value is not None and not is_id(value):
        raise Refused(problem(Code.INVALID_REF, field=field.label or field.name, value=str(value)[:80]))
    return value
