"""What a job's trigger asked for, saved: the pipeline's steps from 5 on, on rows that are locked and known unchanged.

A job is nobody's edit made elsewhere, so there is no conflict to resolve, and a trigger may do what its user may not.
Each family is a transaction in the journal; all of them are one in the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Problem
from fieldsync.base.world import unix_ms
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Saved
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.listen import CHANNEL, news_for
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import changes
from fieldsync.server.save.access.authorise import root_of
from fieldsync.server.save.batch import Caller, Edit, Incoming, Wave, Work
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.journal import journal
from fieldsync.server.save.logic import triggered
from fieldsync.server.save.logic.follow import save_derived
from fieldsync.server.save.logic.late import Late
from fieldsync.server.save.logic.later.defer import defer
from fieldsync.server.save.logic.trigger import Batch
from fieldsync.server.save.prefetch import lock_records
from fieldsync.server.save.write import Derived


class Moved(Exception):
    """A record changed after the trigger was shown it."""


async def settle(
    org: Org, database: Database, caller: Caller, asked: tuple[Sequence[Batch], Mapping[RecordId, int]]
) -> tuple[Problem, ...]:
    """Save what these batches ask for. Returns why not, if so, and the transaction must roll back. Raises Moved."""
    batches, seen = asked
    if not any(batch.updates or batch.creates for batch in batches):
        return ()
    frame = await lock_head(org, database, caller)
    wave = Wave(caller, frame, [])
    derived = [one for one in await _edits(org, database, wave, batches) if one.edit.writes]
    for one in derived:
        row = one.edit.current
        if row is not None and seen.get(row["Id"], row["_stamp"]) != row["_stamp"]:
            raise Moved(f"{one.edit.item.object} {row['Id']} changed meanwhile")
    if not derived:
        return ()
    await _part(org, database, wave, derived)
    try:
        written = await save_derived(org, database, wave, derived)
    except Late as late:
        return tuple(problem for _, problems in late.refused for problem in problems)
    position = changes.log(org, database, wave, written, frame.position)
    for work in wave.works:
        work.outcome = Saved()
    await journal.journal(org, database, wave)
    await defer(org, database, wave, written)
    if position > frame.position:
        await database.run(org.save.move_head, user=caller.user_id, to=position)
        await database.rows(org.save.wake, channel=CHANNEL, payload=news_for(org.schema, caller.user_id))
    return ()


async def _edits(org: Org, database: Database, wave: Wave, batches: Sequence[Batch]) -> list[Derived]:
    derived: dict[str, Derived] = {}
    for batch in batches:
        owners: dict[int, Sequence[Work]] = {id(record): () for record in batch.records}
        await triggered.take_updates(org, database, batch, owners, derived)
        await triggered.take_creates(org, database, wave, batch, owners, derived)
    return list(derived.values())


async def _part(org: Org, database: Database, wave: Wave, derived: Sequence[Derived]) -> None:
    """Give the wave one transaction for each family, and each edit the one it belongs to."""
    edits = [one.edit for one in derived]
    everything = Work(_incoming(org, wave, 0, edits), edits)
    wave.works = [everything]
    await lock_records(org, database, wave)
    by_root: dict[RecordRef, list[Derived]] = {}
    for one in derived:
        by_root.setdefault(root_of(org.catalog, wave.facts, everything, one.edit), []).append(one)
    wave.works = []
    for n, (root, family) in enumerate(by_root.items(), 1):
        own = [one.edit for one in family]
        work = Work(_incoming(org, wave, n, own), own, root=root)
        wave.works.append(work)
        for one in family:
            one.works.append(work)


def _incoming(org: Org, wave: Wave, n: int, edits: Sequence[Edit]) -> Incoming:
    transaction_id = uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10))
    return Incoming(transaction_id, n, "", wave.frame.now, tuple(edit.item for edit in edits))
