"""Applying what devices offered again, one save after another, in the order of the stamps they had (DESIGN 5).

One that does not fit any more is for an admin, in the console's recovery list; its person, who was told long ago that
it was saved, is asked nothing, and nothing of his waits for it.
"""

from __future__ import annotations

from functools import partial
from itertools import count

import msgspec

from fieldsync.base import ids, limits
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import BY_RECOVERY, Accepted, Canceled, Held, Rejected, Result
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.queue.watched import watching
from fieldsync.server.postgres.work import Collision, TooLong, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.deferred import run_soon
from fieldsync.server.processor.kept import OPEN, Kept, count_offered, first_offered, has_offers, kept, person
from fieldsync.server.processor.locked import ToldApart, Unforeseen
from fieldsync.server.processor.marks import mark_failed
from fieldsync.server.processor.run import run_again, tell
from fieldsync.server.processor.waiting import replay_as
from fieldsync.server.save.batch import Channel
from fieldsync.server.save.head import lock_head

RECOVERED = "saves of devices applied again after a restore"
REASON = "the server was restored from a backup, and it does not fit what is there now"
UNFORESEEN = "it ended in an error that nobody foresaw; the server's log describes it"


async def recover(org: Org) -> None:
    """Apply all whose window is over; where somebody cancels it, the rest waits for the next hour. Raises Busy where
    somebody's own requests hold him for too long: try again."""
    async with transaction(org.pool) as database:
        total = await count_offered(org, database)
    if not total:
        return
    async with watching(org.pool, org.name, RECOVERED) as watched:
        for done in count():
            if not await watched.step(done, max(total, done)) or not await _apply_first(org):
                return


async def _apply_first(org: Org) -> bool:
    """Apply the one with the least stamp; False where there is none."""
    one: Kept | None = None
    try:
        with ToldApart(org):
            async with transaction(org.pool) as database:
                one = await first_offered(org, database)
                if one is None:
                    return False
                caller = await person(org, database, one, Channel.DEVICE)
                frame = await lock_head(org, database, caller)
                await database.wait_for_locks(limits.JOB_LOCK_SECONDS)
                await run_again(org, database, caller, frame, [one], told_as=partial(quietly, one))
                await _go_on(org, database, one)
                return True
    except Collision:
        return True
    except TooLong:
        why = problem(Code.TIMEOUT)
    except Refused as refused:
        why = refused.problem
    except Unforeseen:
        why = problem(Code.TRIGGER, object="this save", reason=UNFORESEEN)
    assert one is not None
    await _fail(org, one, why)
    return True


def quietly(one: Kept, result: Result) -> Result:
    """What a device is told of one: what an admin has to look at is no error of its person. Pure."""
    if not isinstance(result.outcome, Rejected | Held | Accepted) or one.incoming is None:
        return result
    touched = tuple(RecordRef(item.object, item.id) for item in one.incoming.items if ids.is_id(item.id))
    return msgspec.structs.replace(result, outcome=Canceled(BY_RECOVERY, REASON), touched=touched)


async def _fail(org: Org, one: Kept, why: Problem) -> None:
    async with transaction(org.pool) as database:
        caller = await person(org, database, one, Channel.JOB)
        frame = await lock_head(org, database, caller)
        if (await kept(org, database, one.record_id)).status in OPEN:
            await mark_failed(org, database, caller, frame, one, why)
            assert one.incoming is not None, "what was offered is kept"
            told = quietly(one, Result(one.n, one.incoming.id, Rejected((why,))))
            await replay_as(database, [told])
            await tell(org, database, caller, frame, [(one.record_id, told)])
        await _go_on(org, database, one)


async def _go_on(org: Org, database: Database, one: Kept) -> None:
    """It holds nothing up; behind the last one of its device comes what the device saved since."""
    assert one.device is not None
    await database.run(org.save.unblock, device=one.device, ns=[one.n])
    if not await has_offers(org, database, one.device):
        await run_soon(org, database, one.device)
