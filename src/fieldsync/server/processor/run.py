"""Running transactions again, as the person who saved them, and telling his devices what became of them.

One database transaction, with the person's head row locked: a device that takes the same transaction back meanwhile
waits, and whoever commits first wins. The outcome goes on his feed as an entry for the device that sent it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Rejected, Result
from fieldsync.server.configuration.in_force import values_in_force
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.kept import Kept
from fieldsync.server.processor.waiting import as_told, replay_as
from fieldsync.server.save.batch import Caller, Frame, Incoming, Row, encode_rows
from fieldsync.server.save.changes import change_row, log_shown
from fieldsync.server.save.head import as_set
from fieldsync.server.save.pipeline import save
from fieldsync.server.save.statements import ON_ARRIVAL
from fieldsync.server.sync.images import concerned, read_images

OUTCOME = "outcome"


async def run_again(
    org: Org,
    database: Database,
    caller: Caller,
    frame: Frame,
    chosen: Sequence[Kept],
    *,
    by: Caller | None = None,
    told_as: Callable[[Result], Result] | None = None,
) -> list[Result]:
    """Run these transactions of one device, in order, under present rules. Raises Refused(UNUSABLE), Busy, Collision.

    `caller` is the person with that device, whose head row is locked. They hold nothing up while they are decided.
    `by`: whose rights count instead of the person's, where somebody runs them as himself (FEATURES J18). `told_as`:
    what the person's devices are told in place of a result.
    """
    saver, saving = await _as_set(org, database, caller, frame, by)
    runnable = [(one, one.incoming) for one in chosen if one.incoming is not None]
    await database.run(org.save.unblock, device=caller.number, ns=[one.n for one, _ in runnable])
    position, results = frame.position, list[Result]()
    for batch in _batches(incoming for _, incoming in runnable):
        done = await save(org, database, saver, replace(saving, position=position), batch)
        if done.fork_at is not None:
            reason = "a record that it creates is there already"
            raise Refused(problem(Code.UNUSABLE, what=f"Transaction {done.fork_at}", reason=reason))
        results += done.results
        position = done.position
    results = list(await as_told(org, database, caller.number or "", results))
    ids = {incoming.n: one.record_id for one, incoming in runnable}
    await _note_shown(org, database, caller, frame, results)
    if told_as is not None:
        results = [told_as(result) for result in results]
        await replay_as(database, results)
    await tell(org, database, caller, replace(frame, position=position), [(ids[r.n], r) for r in results])
    return results


async def _as_set(
    org: Org, database: Database, caller: Caller, frame: Frame, by: Caller | None
) -> tuple[Caller, Frame]:
    """Who saves, and how the settings want it saved."""
    frame = as_set(frame, await values_in_force(org, database, caller.profile, ON_ARRIVAL), org.world.clock)
    if by is None:
        return caller, frame
    scope = await org.scopes.of(database, by, org.world.clock)
    return replace(caller, rights=by.rights), replace(frame, scope=scope)


async def tell(
    org: Org, database: Database, caller: Caller, frame: Frame, told: Sequence[tuple[RecordId, Result]]
) -> None:
    """Put outcomes on the person's feed, each for the device that sent its transaction, and wake his devices."""
    entries = [_entry(caller, frame, place, *one) for place, one in enumerate(told, frame.position + 1)]
    if entries:
        await database.run(org.save.add_changes, rows=encode_rows(entries))
    await database.run(org.save.move_head, user=caller.user_id, to=frame.position + len(entries))
    await database.rows(org.save.wake, channel="fieldsync", payload=f"{org.schema}:{caller.user_id}")


def _entry(caller: Caller, frame: Frame, position: int, record_id: RecordId, result: Result) -> Row:
    ref = RecordRef("Sync_Transaction", record_id)
    content = msgspec.to_builtins(result, builtin_types=(Decimal,))
    row = change_row(
        frame=frame, ref=ref, kind=OUTCOME, root=ref, transaction_id=result.id, device=caller.number, old=content
    )
    return row | {"feed_user": caller.user_id, "feed_position": position}


async def _note_shown(org: Org, database: Database, caller: Caller, frame: Frame, results: Iterable[Result]) -> None:
    """What a refusal will show, though nothing was written: a later download takes it away, if it has to."""
    refused = [result for result in results if isinstance(result.outcome, Rejected)]
    if refused and frame.scope is not None:
        images = await read_images(frame.scope, database, {ref for r in refused for ref in concerned(r)})
        shown = [(result.id, ref) for result in refused for ref in concerned(result) if images.holds(ref)]
        log_shown(org, database, caller, frame, shown)


def _batches(incoming: Iterable[Incoming]) -> list[tuple[Incoming, ...]]:
    """Cut in order, so that none holds more records than a request may, unless one transaction alone does. Pure."""
    batches: list[list[Incoming]] = [[]]
    size = 0
    for one in incoming:
        if batches[-1] and size + len(one.items) > limits.UPLOAD_BATCH_RECORDS_MAX:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += len(one.items)
    return [tuple(batch) for batch in batches if batch]
