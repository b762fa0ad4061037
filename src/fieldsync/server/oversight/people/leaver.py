"""What a person owns, and all of it given to somebody else: in batches through the save pipeline, as who asks.

Each record is a transaction of its own; what one is refused for holds up no other and is told. Submitted records stay:
who made them is part of what they say, and nobody is to be shown a failed transaction for each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, bindparam, false, func, select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Rejected, Result, encode_items, hash_of
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy, Collision
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin

BATCH = 200
REFUSED_TOLD_MAX = 100


class Reassigned(msgspec.Struct):
    """How many went over until now, and what was refused: (object, id, why)."""

    leaver: RecordId
    heir: RecordId
    total: int = 0
    moved: int = 0
    refused: list[tuple[str, str, str]] = []
    refused_in_all: int = 0
    kept: dict[str, int] = {}
    """Object to how many submitted records stay with the leaver."""
    places: dict[str, str] = {}
    """Object to the id of the last record that was looked at."""
    wrong: str = ""
    """Why it could not go on, where that is no record's fault."""

    @property
    def place(self) -> tuple[int, int]:
        """Records that were looked at, of all."""
        return self.moved + self.refused_in_all + sum(self.kept.values()), self.total


Note = Callable[[Database, Reassigned], Awaitable[None]]
"""Keeps how far it is, in the transaction of a batch. What it raises ends that batch: nothing of it is kept."""


def _owned_objects(org: Org) -> list[ObjectType]:
    """Objects whose records have an owner of their own: neither the platform's, nor loaded, nor details of others."""
    return [o for o in org.catalog if not o.system and o.declared.bulk is None and "OwnerId" in o.writable]


def _submitted(org: Org, name: str) -> ColumnElement[bool]:
    """Whether a row is submitted and not unlocked, or hangs on one that is; see `save/logic/locks.py`."""
    table, family, master = org.metadata.tables[name], org.catalog.family_of(name), org.catalog[name].master
    submit = family.declaration.submit if family is not None else None
    if family is None or submit is None:
        return false()
    if name != family.root:
        assert master is not None
        assert master.references is not None, "a family's detail has a master"
        above = org.metadata.tables[master.references]
        return table.c[master.name].in_(select(above.c.Id).where(_submitted(org, master.references)))
    locked = func.coalesce(table.c[submit.field] == submit.value, false())
    return locked & table.c[submit.unlocked].is_not(True) if submit.unlocked else locked


@dataclass(frozen=True)
class Owned:
    """How many records of an object a person owns; `submitted` of them are locked and stay."""

    object: str
    plural: str
    records: int
    submitted: int


async def owned(org: Org, database: Database, user_id: str) -> list[Owned]:
    """What a person owns, an object each."""
    found = []
    for object_type in _owned_objects(org):
        table = org.metadata.tables[object_type.name]
        counts = func.count(), func.count().filter(_submitted(org, object_type.name))
        query = select(*counts).where(table.c.OwnerId == bindparam("user"), table.c.IsDeleted.is_(False))
        row = await database.one(compile_statement(query), user=user_id)
        if row is not None and row[0]:
            found.append(Owned(object_type.name, object_type.plural, int(row[0]), int(row[1])))
    return found


async def reassign(org: Org, begin: Begin, done: Reassigned, note: Note) -> None:
    """Give what is left of it to the heir. Raises Refused: FORBIDDEN, BUSY; what `note` raises."""
    for object_type in _owned_objects(org):
        while await _batch(org, begin, object_type, done, note):
            pass


async def _batch(org: Org, begin: Begin, object_type: ObjectType, done: Reassigned, note: Note) -> bool:
    """Whether there may be more. `done` tells of the batch once it is kept."""
    table, after = org.metadata.tables[object_type.name], done.places.get(object_type.name, "")
    mine = select(table.c.Id, table.c[STAMP], _submitted(org, object_type.name))
    mine = mine.where(table.c.OwnerId == done.leaver, table.c.IsDeleted.is_(False), table.c.Id > bindparam("after"))
    query = compile_statement(mine.order_by(table.c.Id).limit(BATCH))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with begin() as (database, caller):
                frame = await lock_head(org, database, caller)
                rows = [(RecordId(i), stamp, locked) for i, stamp, locked in await database.rows(query, after=after)]
                free = [(i, stamp) for i, stamp, locked in rows if not locked]
                incoming = tuple(_incoming(org, object_type.name, row, (done.leaver, done.heir)) for row in free)
                results = (await save(org, database, caller, frame, incoming)).results if incoming else ()
                told = _told(done, object_type.name, rows, results)
                await note(database, told)
        except Collision:
            continue
        except Busy:
            break
        for field in msgspec.structs.fields(told):
            setattr(done, field.name, getattr(told, field.name))
        return len(rows) == BATCH
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


def _told(
    done: Reassigned, name: str, rows: Sequence[tuple[RecordId, int, bool]], results: Sequence[Result]
) -> Reassigned:
    """How far it is with this batch; `results` are those of rows that are not locked. Pure."""
    free = [record_id for record_id, _, locked in rows if not locked]
    refused = [
        (name, record_id, result.outcome.problems[0].message)
        for record_id, result in zip(free, results, strict=True)
        if isinstance(result.outcome, Rejected)
    ]
    stays = len(rows) - len(free)
    return msgspec.structs.replace(
        done,
        moved=done.moved + len(free) - len(refused),
        refused=(done.refused + refused)[:REFUSED_TOLD_MAX],
        refused_in_all=done.refused_in_all + len(refused),
        kept=done.kept | ({name: done.kept.get(name, 0) + stays} if stays else {}),
        places=done.places | ({name: rows[-1][0]} if rows else {}),
    )


def _incoming(org: Org, name: str, row: tuple[RecordId, int], owners: tuple[RecordId, RecordId]) -> Incoming:
    items = (Item(name, row[0], Operation.UPDATE, {"OwnerId": Change(*owners)}, row[1], root_seen=row[1]),)
    now = org.world.clock.now()
    transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
    return Incoming(transaction_id, 1, hash_of((encode_items(items),)), instant(now), items)
