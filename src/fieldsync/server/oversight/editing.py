"""Saving from a page: the same pipeline as for a device, as the person who is signed in; nothing goes on a feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from fieldsync.base import limits
from fieldsync.base.ids import uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Item, Outcome, encode_items, hash_of
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.records import root_stamp
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy, Collision
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Incoming, decode_row
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin


@dataclass(frozen=True)
class Stale:
    """Nothing was saved: the record is not as the page showed it."""


async def edit_from_page(org: Org, begin: Begin, item: Item) -> Outcome | Stale:
    """As `save_from_page`, for a record whose version the page names in `seen`.

    Where edits of a family override what they have not seen, a page's do not: somebody else's change is shown first
    (optimistic locking). Other objects compare field by field in the pipeline. Raises Refused: AUTH, BUSY.
    """
    family = org.catalog.family_of(item.object)
    table = org.metadata.tables[item.object]
    locked = select(table.c[STAMP]).where(table.c.Id == bindparam("id")).with_for_update(key_share=True)

    async def is_stale(database: Database) -> bool:
        if family is None:
            return False
        row = await database.one(compile_statement(locked), id=item.id)
        if row is not None and row[0] != item.seen:
            return True
        [values] = [decode_row(text) for (text,) in await database.rows(org.save.read(item.object), ids=[item.id])] or [
            {column: change.new for column, change in item.changes.items()}
        ]
        return await root_stamp(org, database, item.object, values) != item.root_seen

    return await _save(org, begin, (item,), is_stale)


async def save_from_page(org: Org, begin: Begin, *items: Item) -> Outcome:
    """One transaction, and what became of it. Raises Refused: AUTH, BUSY."""

    async def never(_: Database) -> bool:
        return False

    outcome = await _save(org, begin, items, never)
    assert not isinstance(outcome, Stale)
    return outcome


async def _save(
    org: Org, begin: Begin, items: tuple[Item, ...], is_stale: Callable[[Database], Awaitable[bool]]
) -> Outcome | Stale:
    now = org.world.clock.now()
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
        incoming = Incoming(transaction_id, 1, hash_of((encode_items(items),)), instant(now), items)
        try:
            async with begin() as (database, caller):
                frame = await lock_head(org, database, caller)
                if await is_stale(database):
                    return Stale()
                [result] = (await save(org, database, caller, frame, (incoming,))).results
                return result.outcome
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)
