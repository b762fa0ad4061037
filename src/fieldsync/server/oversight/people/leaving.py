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
from fieldsync.server.oversight.people.leaver import Reassigned, owned, reassign
from fieldsync.server.postgres.queue import asked_for
from fieldsync.server.postgres.queue.asked_for import Doing, Kind
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller

REASSIGNING = "a person's records given to another"
_BUSY = "records of another person are being given away; wait for its end, or cancel it"


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
    total = sum(one.records for one in await owned(org, database, who[0]))
    begins = Reassigned(*who, total=total)
    kind = Kind(REASSIGNING, "This", _BUSY)
    await asked_for.ask(database, org.name, by, kind, lambda known: Leaving(org.name, known, caller.user_id), begins)


async def run_leaving(org: Org, asked: Leaving) -> None:
    """The job. What it raises that nobody foresaw ends it, so that another one may be asked for."""

    async def work(doing: Doing[Reassigned]) -> Stage:
        async def note(database: Database, told: Reassigned) -> None:
            await doing.note(database, told.place, told)

        await reassign(org, lambda: as_who_asked(org, asked.user), doing.done, note)
        return Stage.VALID

    await asked_for.carry_out(org.pool, asked.leaving, Reassigned, work)


async def newest_leaving(org: Org, database: Database) -> tuple[Progress, Reassigned] | None:
    """The last one that was asked for, and what came of it so far; None where there was none."""
    return await asked_for.newest(database, org.name, Reassigned, REASSIGNING)
