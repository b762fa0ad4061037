"""Step 13: asynchronous triggers become jobs, in the save's own database transaction.

So a save that is rolled back or refused leaves no job, and one that is committed always has its own. A job remembers
what was saved and how it was before; what it is now, the trigger reads when it runs (`perform.py`).
"""

from __future__ import annotations

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Operation
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.email.queued import emails_of
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Row, Wave, encode_rows
from fieldsync.server.save.logic.trigger import Trigger, When
from fieldsync.server.save.logic.triggered import OPERATIONS
from fieldsync.server.save.write import Written


class DeferredRecord(msgspec.Struct, frozen=True):
    """One record of a job: what was done with it, and its row before. A file's text that did not change is left out."""

    id: RecordId
    operation: Operation
    old: Row | None


class Deferred(msgspec.Struct, frozen=True):
    """The arguments of a job: one trigger, for all records of its object that one wave wrote."""

    org: str
    trigger: str
    object: str
    user: RecordId
    profile: str
    chain: int
    records: tuple[DeferredRecord, ...]


async def defer(org: Org, database: Database, wave: Wave, written: list[Written]) -> None:
    """One job for each asynchronous trigger that has something to do with what was written, and each queued e-mail."""
    jobs: dict[Trigger, dict[str, DeferredRecord]] = {}
    for entry in written:
        operation = OPERATIONS[entry.kind]
        for trigger in org.logic.triggers.of(entry.ref.object, When.ASYNC, operation):
            old = _kept(org.catalog[entry.ref.object], entry.before, entry.after)
            jobs.setdefault(trigger, {}).setdefault(entry.ref.id, DeferredRecord(entry.ref.id, operation, old))
    emails = emails_of(org, wave, written)
    if (jobs or emails) and not wave.frame.dry:
        arguments = [
            msgspec.structs.asdict(_deferred(org, wave, trigger, tuple(records.values())))
            for trigger, records in jobs.items()
        ]
        arguments += [msgspec.structs.asdict(one) for one in emails]
        await database.rows(DEFER, queue=org.name, jobs=encode_rows(arguments), at=None)


def _deferred(org: Org, wave: Wave, trigger: Trigger, records: tuple[DeferredRecord, ...]) -> Deferred:
    return Deferred(
        org=org.name,
        trigger=trigger.name,
        object=trigger.object,
        user=wave.caller.user_id,
        profile=wave.caller.profile,
        chain=wave.caller.chain + 1,
        records=records,
    )


def _kept(object_type: ObjectType, before: Row | None, after: Row) -> Row | None:
    """The old row without files that the save left alone: hundreds of them would not fit in one job."""
    if before is None:
        return None
    return {c: value for c, value in before.items() if c not in object_type.files or value != after.get(c)}
