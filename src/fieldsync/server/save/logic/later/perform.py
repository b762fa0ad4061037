"""Running an asynchronous trigger's job: the records as they are now, then what the trigger asks for, saved as a whole.

The trigger runs outside any transaction, so however slow it is, nobody waits for it. What it was given is remembered by
stamp: where one of those records changed before its edit could be saved, the trigger runs again on what is there then,
so nothing is overwritten unseen (law L6). The job is marked as applied in the transaction of its effect (law L2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.world import instant
from fieldsync.protocol.upload import Item, Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.queue.statements import IS_APPLIED, MARK_APPLIED
from fieldsync.server.postgres.queue.worker import Hopeless, Perform, open_queue
from fieldsync.server.postgres.work import Busy, Collision, transaction
from fieldsync.server.save.batch import Caller, Channel, Edit, Row, decode_row
from fieldsync.server.save.logic.later.defer import Deferred, DeferredRecord
from fieldsync.server.save.logic.later.settle import Moved, settle
from fieldsync.server.save.logic.trigger import Batch, Trigger, TriggerRecord
from fieldsync.server.save.logic.triggered import referring

Stamps = dict[RecordId, int]
"""The stamps of the rows that a trigger was shown."""


class NotInstalled(Hopeless):
    """The job's trigger is no longer in the org's table."""


class EndlessChain(Hopeless):
    """Jobs that defer jobs without an end."""


class NotSaved(Exception):
    """The trigger refused a record, or the pipeline what the trigger asked for."""


def performing(orgs: Mapping[str, Org]) -> Perform:
    """Does jobs of these orgs, each with the catalog that it has when the job runs."""

    async def run(job_id: int, arguments: Mapping[str, Any]) -> None:
        deferred = msgspec.convert(arguments, Deferred)
        await perform(orgs[deferred.org], job_id, deferred)

    return run


async def run_due(uri: str, orgs: Mapping[str, Org]) -> None:
    """Run every job of these orgs that is due, once. For tests and the command line; a server runs them by itself."""
    async with open_queue(uri, list(orgs), performing(orgs)) as queue:
        await queue.work_off()


async def perform(org: Org, job_id: int, deferred: Deferred) -> None:
    """One job. Raises Hopeless for what cannot be run, and whatever the trigger raises."""
    trigger = org.logic.triggers.asynchronous(deferred.object, deferred.trigger)
    if trigger is None:
        raise NotInstalled(f"{deferred.trigger} is no longer an asynchronous trigger of {deferred.object}")
    if deferred.chain > limits.JOB_CHAIN_MAX:
        raise EndlessChain(f"{deferred.trigger} follows from itself more than {limits.JOB_CHAIN_MAX} times")
    caller = Caller(
        deferred.user,
        deferred.profile,
        Channel.JOB,
        chain=deferred.chain,
        job_feeds=trigger.feed,
        rights=org.rights.of(deferred.profile),
    )
    for attempt in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            return await _once(org, job_id, deferred, (trigger, caller))
        except (Collision, Busy, Moved):
            if attempt == limits.DEADLOCK_RETRIES_MAX - 1:
                raise
    return None


async def _once(org: Org, job_id: int, deferred: Deferred, who: tuple[Trigger, Caller]) -> None:
    trigger, caller = who
    ids = sorted(record.id for record in deferred.records)
    async with transaction(org.pool) as database:
        if await database.one(IS_APPLIED, job=job_id):
            return
        found = [decode_row(t) for (t,) in await database.rows(org.save.read(deferred.object), ids=ids)]
    rows = {row["Id"]: row for row in found}
    seen = {row["Id"]: row["_stamp"] for row in found}
    batches = [_batch(org, caller, deferred, (records, rows, seen)) for records in _by_operation(deferred, rows)]
    for batch in batches:
        await trigger.run(batch)
        refused = [problem.message for record in batch.records for problem in record.problems]
        if refused:
            raise NotSaved("; ".join(refused))
    async with transaction(org.pool) as database:
        if await database.run(MARK_APPLIED, job=job_id):
            problems = await settle(org, database, caller, (batches, seen))
            if problems:
                raise NotSaved("; ".join(problem.message for problem in problems))


def _by_operation(deferred: Deferred, rows: Mapping[RecordId, Row]) -> Iterable[list[DeferredRecord]]:
    """The records that are still there. A batch has one operation; a wave may have had several."""
    found: dict[Operation, list[DeferredRecord]] = defaultdict(list)
    for record in deferred.records:
        if record.id in rows:
            found[record.operation].append(record)
    return found.values()


def _batch(
    org: Org,
    caller: Caller,
    deferred: Deferred,
    shown: tuple[list[DeferredRecord], Mapping[RecordId, Row], Stamps],
) -> Batch:
    records, rows, seen = shown
    object_type = org.catalog[deferred.object]

    async def find(object_name: str, reference: str, values: Iterable[str]) -> list[Row]:
        async with transaction(org.pool) as database:
            found = await referring(org, database, object_name, reference, values)
        for row in found:
            seen.setdefault(row["Id"], row["_stamp"])
        return found

    edits = [
        Edit(
            Item(deferred.object, record.id, record.operation),
            object_type,
            current=None if record.old is None else rows[record.id] | record.old,
            new=rows[record.id],
        )
        for record in records
    ]
    shown_records = [TriggerRecord(edit, may_change=False) for edit in edits]
    now = org.world.clock.now()
    return Batch(object_type, records[0].operation, shown_records, caller.user_id, instant(now), find)
