"""What a device is told of saves that wait: only what waits for a refused one is in its error list.

What waits for one that will be tried again by itself is accepted, as that one is; nobody has to look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import bindparam, update

from fieldsync.protocol.upload import Accepted, Held, Result
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.kept import OPEN, Kept, kept_of_device
from fieldsync.server.processor.states import Status

_RECEIPT = system_table("_receipt")
_REPLAYED = compile_statement(
    update(_RECEIPT).where(_RECEIPT.c.transaction_id == bindparam("id")).values(result=bindparam("result"))
)


async def as_told(org: Org, database: Database, device: str, results: Sequence[Result]) -> tuple[Result, ...]:
    """The results, with Accepted for each Held one that waits for nothing refused. A replay is told the same."""
    if not any(isinstance(result.outcome, Held) for result in results):
        return tuple(results)
    open_ones = await kept_of_device(org, database, device, OPEN)
    items = {one.n: len(one.incoming.items) for one in open_ones if one.incoming is not None}
    patient = patient_ones(open_ones)
    told = tuple(
        msgspec.structs.replace(result, outcome=Accepted(items[result.n], items[result.n]))
        if isinstance(result.outcome, Held) and result.n in patient
        else result
        for result in results
    )
    await replay_as(database, (new for new, old in zip(told, results, strict=True) if new is not old))
    return told


async def replay_as(database: Database, results: Iterable[Result]) -> None:
    """Let a transaction that is sent again get this outcome."""
    for result in results:
        await database.run(_REPLAYED, id=result.id, result=msgspec.json.encode(result))


def patient_ones(open_ones: Iterable[Kept]) -> set[int]:
    """Numbers of those, given in order, that are run by themselves or wait only for such. Pure."""
    found: set[int] = set()
    for one in open_ones:
        if one.status in (Status.NEW, Status.RETRY) or (one.status is Status.WAITING and one.waits_for <= found):
            found.add(one.n)
    return found
