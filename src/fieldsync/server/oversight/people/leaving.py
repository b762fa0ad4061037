"""All that a person owns given to somebody else, as a job: asked for, watched, canceled between two batches.

How far it is, is kept with every batch, in the transaction of its effect: one that was killed goes on from there. It
acts as the admin who asked, with the rights he has when it runs.
"""

from __future__ import annotations

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.asked import as_who_asked
from fieldsync.server.oversight.people.leaver import Canceled, Reassigned, owned, reassign
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Caller, encode_rows

REASSIGNING = "a person's records given to another"


class Leaving(msgspec.Struct, frozen=True):
    """The job's arguments. `leaving` is the id of its note."""

    org: str
    leaving: int
    user: RecordId
    """Who asked."""


async def ask_leaving(org: Org, database: Database, caller: Caller, who: tuple[RecordId, RecordId], by: str) -> None:
    """Have it done soon, with the commit; `who`: from whom to whom; `by` whom it is told to be asked for. Raises
    Refused(UNUSABLE) while one is under way, or for somebody who is no user here."""
    if not await database.one(org.save.read_name("User"), ids=[who[1]]):
        raise Refused(problem(Code.UNUSABLE, what="Who gets it", reason="it is no user of this org"))
    known = await progress.begin(database, org.name, REASSIGNING, by)
    if known is None:
        reason = "records of another person are being given away; wait for its end, or cancel it"
        raise Refused(problem(Code.UNUSABLE, what="This", reason=reason))
    total = sum(count for _, _, count in await owned(org, database, who[0]))
    await progress.expect(database, known, Reassigned(*who, total=total))
    asked = Leaving(org.name, known, caller.user_id)
    await database.rows(DEFER, queue=org.name, jobs=encode_rows([msgspec.to_builtins(asked)]), at=None)


async def run_leaving(org: Org, asked: Leaving) -> None:
    """The job. What it raises that nobody foresaw ends it, so that another one may be asked for."""
    async with transaction(org.pool) as database:
        noted = await progress.noted(database, asked.leaving)
    if noted is None:
        return
    done, stage = msgspec.json.decode(noted, type=Reassigned), Stage.VALID

    async def note(database: Database, told: Reassigned) -> None:
        if not await progress.note(database, asked.leaving, told.place, told):
            raise Canceled

    try:
        await reassign(org, lambda: as_who_asked(org, asked.user), done, note)
    except Canceled:
        stage = Stage.CANCELED
    except Refused as refused:
        stage, done.wrong = Stage.ERROR, refused.problem.message
    except Exception:
        await _end(org, asked.leaving, Stage.FAILED, done)
        raise
    await _end(org, asked.leaving, stage, done)


async def _end(org: Org, known: int, stage: Stage, done: Reassigned) -> None:
    async with transaction(org.pool) as database:
        await progress.end(database, known, stage, done)


async def newest_leaving(org: Org, database: Database) -> tuple[Progress, Reassigned] | None:
    """The last one that was asked for, and what came of it so far; None where there was none."""
    known = await progress.newest(database, org.name, REASSIGNING)
    return None if known is None else (known, msgspec.json.decode(known.result, type=Reassigned))
