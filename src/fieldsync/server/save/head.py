"""Step 1 and the first lock: the user's head row, then which transactions are new, replayed or forked.

The head row is locked before anything is looked up, so two requests of one user never run at once: it takes the place
of a lock per device, gives the feed its gapless position, and is where a revoked user stops (DESIGN 6, THREATS T3).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Result
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Frame, Incoming

_RESULT = msgspec.json.Decoder(Result)


async def lock_head(org: Org, database: Database, caller: Caller) -> Frame:
    """Lock the user's head row and read what is fixed for this batch.

    Raises Refused(AUTH) for a revoked user; a job finishes what was saved before that.
    """
    row = await database.one(org.save.lock_head, user=caller.user_id)
    if row is None or (row[1] and caller.channel is not Channel.JOB):
        raise Refused(problem(Code.AUTH))
    position, _, stamp, server_number = row
    return Frame(stamp=stamp, server_number=server_number, now=instant(org.world.clock.now()), position=position)


@dataclass(frozen=True)
class Identified:
    """New transactions in order, recorded results of replayed ones, and where the histories part, if they do."""

    fresh: tuple[Incoming, ...]
    replays: tuple[Result, ...]
    fork_at: int | None


async def identify(org: Org, database: Database, caller: Caller, incoming: tuple[Incoming, ...]) -> Identified:
    """Tell replays from news. Everything from the first fork on is left out (DESIGN 5)."""
    if caller.number is None or not incoming:
        return Identified(incoming, (), None)
    rows = await database.rows(
        org.save.receipts,
        device=caller.number,
        ns=[t.n for t in incoming],
        transactions=[t.id for t in incoming],
    )
    heads = await database.one(org.save.device_heads, device=caller.number)
    assert heads is not None, "the session names a registered number"
    return classify(caller, incoming, [Receipt(*row) for row in rows], confirmed_through=heads[1])


@dataclass(frozen=True)
class Receipt:
    """A row of `_receipt`."""

    device: str
    n: int
    transaction_id: str
    hash: str
    stamp: int
    result: bytes


def classify(
    caller: Caller, incoming: tuple[Incoming, ...], receipts: list[Receipt], *, confirmed_through: int
) -> Identified:
    """Pure half of `identify`. A transaction is

    * a replay when number (or id), id and hash are those of a receipt;
    * a fork when number or id is known with anything else, or the device had confirmed that number already;
    * new otherwise.
    """
    by_n = {r.n: r for r in receipts if r.device == caller.number}
    by_id = {r.transaction_id: r for r in receipts}
    fresh: list[Incoming] = []
    replays: list[Result] = []
    for transaction in incoming:
        known = by_id.get(transaction.id) or by_n.get(transaction.n)
        if known is None and transaction.n > confirmed_through:
            fresh.append(transaction)
            continue
        mine = known is not None and known.device in caller.numbers
        if known is None or not mine or (known.transaction_id, known.hash) != (transaction.id, transaction.hash):
            return Identified(tuple(fresh), tuple(replays), transaction.n)
        replays.append(msgspec.structs.replace(_RESULT.decode(known.result), n=transaction.n))
    return Identified(tuple(fresh), tuple(replays), None)
