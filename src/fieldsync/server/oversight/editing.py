"""Saving from a page: the same pipeline as for a device, as the person who is signed in; nothing goes on a feed."""

from __future__ import annotations

from fieldsync.base import limits
from fieldsync.base.ids import uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Item, Outcome, encode_items, hash_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Busy, Collision
from fieldsync.server.save.batch import Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin


async def save_from_page(org: Org, begin: Begin, *items: Item) -> Outcome:
    """One transaction, and what became of it. Raises Refused: AUTH, BUSY."""
    now = org.world.clock.now()
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
        incoming = Incoming(transaction_id, 1, hash_of((encode_items(items),)), instant(now), items)
        try:
            async with begin() as (database, caller):
                frame = await lock_head(org, database, caller)
                [result] = (await save(org, database, caller, frame, (incoming,))).results
                return result.outcome
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)
