"""Taking what a device sends without deciding it: journaled as New, answered as Accepted, run by a job (J03).

The job is deferred in the same database transaction, so what was accepted is always processed (law L1). Whatever a
device sends while some of its own is still to come waits behind it: outcomes keep the order of its queue.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from fieldsync.protocol.upload import Accepted
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Frame, Incoming, Wave, Work, encode_rows
from fieldsync.server.save.journal import journal, result_of
from fieldsync.server.save.pipeline import Done


class DueDevice(msgspec.Struct, frozen=True):
    """The arguments of a job: run what is due of one device."""

    org: str
    device: str


async def put_off(org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]) -> Done:
    """Keep transactions that are new, and have them run soon."""
    works = [Work(one, [], Accepted(len(one.items), len(one.items))) for one in incoming]
    await journal(org, database, Wave(caller, frame, works))
    if works and caller.number is not None:
        await run_soon(org, database, caller.number)
    return Done(tuple(result_of(work) for work in works), frame.position, None)


async def run_soon(org: Org, database: Database, device: str, at: datetime | None = None) -> None:
    """Defer the job that runs what is due of this device, when this transaction commits or at a time."""
    arguments = [msgspec.structs.asdict(DueDevice(org.name, device))]
    await database.rows(DEFER, queue=org.name, jobs=encode_rows(arguments), at=at)
