"""What a person owns, and all of it given to somebody else: in batches through the save pipeline, as who asks.

Each record is a transaction of its own; what one is refused for, a lock say, holds up no other and is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Rejected, encode_items, hash_of
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


@dataclass
class Reassigned:
    """How many went over, and what was refused: (object, id, why)."""

    moved: int
    refused: list[tuple[str, str, Problem]]
    refused_in_all: int = 0


def _owned_objects(org: Org) -> list[ObjectType]:
    """Objects whose records have an owner of their own: neither the platform's, nor loaded, nor details of others."""
    return [o for o in org.catalog if not o.system and o.declared.bulk is None and "OwnerId" in o.writable]


async def owned(org: Org, database: Database, user_id: str) -> list[tuple[str, str, int]]:
    """(object, plural, records) of what a person owns."""
    found = []
    for object_type in _owned_objects(org):
        table = org.metadata.tables[object_type.name]
        query = select(func.count()).where(table.c.OwnerId == bindparam("user"), table.c.IsDeleted.is_(False))
        row = await database.one(compile_statement(query), user=user_id)
        if row is not None and row[0]:
            found.append((object_type.name, object_type.plural, int(row[0])))
    return found


async def reassign(org: Org, begin: Begin, leaver: RecordId, heir: RecordId) -> Reassigned:
    """Give all of it to `heir`. Raises Refused: AUTH, BUSY."""
    done = Reassigned(0, [])
    for object_type in _owned_objects(org):
        after = ""
        while True:
            after, more = await _batch(org, begin, (object_type.name, leaver, heir), after, done)
            if not more:
                break
    return done


async def _batch(
    org: Org, begin: Begin, what: tuple[str, RecordId, RecordId], after: str, done: Reassigned
) -> tuple[str, bool]:
    name, leaver, heir = what
    table = org.metadata.tables[name]
    mine = select(table.c.Id, table.c[STAMP]).where(table.c.OwnerId == leaver, table.c.IsDeleted.is_(False))
    query = compile_statement(mine.where(table.c.Id > bindparam("after")).order_by(table.c.Id).limit(BATCH))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with begin() as (database, caller):
                frame = await lock_head(org, database, caller)
                rows = await database.rows(query, after=after)
                incoming = tuple(_incoming(org, name, (RecordId(i), s), (leaver, heir)) for i, s in rows)
                results = (await save(org, database, caller, frame, incoming)).results if incoming else ()
        except Collision:
            continue
        except Busy:
            break
        for (record_id, _), result in zip(rows, results, strict=True):
            if not isinstance(result.outcome, Rejected):
                done.moved += 1
                continue
            done.refused_in_all += 1
            if len(done.refused) < REFUSED_TOLD_MAX:
                done.refused.append((name, record_id, result.outcome.problems[0]))
        return (rows[-1][0] if rows else after), len(rows) == BATCH
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


def _incoming(org: Org, name: str, row: tuple[RecordId, int], owners: tuple[RecordId, RecordId]) -> Incoming:
    items = (Item(name, row[0], Operation.UPDATE, {"OwnerId": Change(*owners)}, row[1], root_seen=row[1]),)
    now = org.world.clock.now()
    transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
    return Incoming(transaction_id, 1, hash_of((encode_items(items),)), instant(now), items)
