"""Taking what a device sends without deciding it: journaled as New, answered as Accepted, run by a job (J03).

The job is deferred in the same database transaction, so what was accepted is always processed (law L1). Whatever a
device sends while some of its own is still to come waits behind it: outcomes keep the order of its queue.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Accepted
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.queue.statements import DEFER, DEFER_FIRST
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Edit, Frame, Incoming, Wave, Work, encode_rows
from fieldsync.server.save.journal.journal import journal, result_of
from fieldsync.server.save.journal.rows import is_signed
from fieldsync.server.save.pipeline import Done


class DueDevice(msgspec.Struct, frozen=True):
    """The arguments of a job: run what is due of one device."""

    org: str
    device: str


async def put_off(
    org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...], *, soon: bool = True
) -> Done:
    """Keep transactions that are new, and have them run soon."""
    works = [_taken(org, one) for one in incoming]
    await journal(org, database, Wave(caller, frame, works))
    if soon and works and caller.number is not None:
        await run_soon(org, database, caller.number, first=any(map(is_signed, works)))
    return Done(tuple(result_of(work, frame.stamp) for work in works), frame.position, None)


def _taken(org: Org, one: Incoming) -> Work:
    """A transaction as the console shows it before it is looked at."""
    known = [item for item in one.items if item.object in org.catalog]
    families = ((item, org.catalog.family_of(item.object)) for item in known)
    roots = (RecordRef(i.object, i.id) for i, family in families if family is None or family.root == i.object)
    edits = [Edit(item, org.catalog[item.object]) for item in known]
    return Work(one, edits, Accepted(len(one.items), len(one.items)), root=next(roots, None))


async def run_soon(
    org: Org, database: Database, device: str, at: datetime | None = None, *, first: bool = False
) -> None:
    """Defer the job that runs what is due of this device, when this transaction commits or at a time. `first`: before
    those of other devices, as there is a signature in it (FEATURES L03); a device's own keep the order of its queue."""
    arguments = [msgspec.structs.asdict(DueDevice(org.name, device))]
    await database.rows(DEFER_FIRST if first else DEFER, queue=org.name, jobs=encode_rows(arguments), at=at)
