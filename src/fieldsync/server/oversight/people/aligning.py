"""An alignment as a job: asked for with its file, watched, canceled, and what came of it kept until the next one.

It acts as the admin who brought the file, with the rights he has when it runs. Its note ends in the transaction of its
effect, so that begun again after its process died it is done once.
"""

from __future__ import annotations

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.alignment import Aligned, File, align
from fieldsync.server.oversight.people.asked import as_who_asked
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.queue.watched import Watched
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.batch import Caller, encode_rows

ALIGNING, PREVIEWING = "alignment brought by a file", "alignment previewed"
REFUSED_TOLD_MAX = 1_000
"""So many refused lines are told one by one."""


class Alignment(msgspec.Struct, frozen=True):
    """The job's arguments. `alignment` is the id of its note."""

    org: str
    alignment: int
    user: RecordId
    preview: bool
    file: File


async def ask_alignment(org: Org, database: Database, caller: Caller, file: File, how: tuple[bool, str]) -> None:
    """Have it done soon, with the commit; `how`: whether it is a preview, and by whose name it is told. Raises
    Refused(UNUSABLE) while one is under way."""
    preview, by = how
    known = await progress.begin(database, org.name, PREVIEWING if preview else ALIGNING, by)
    if known is None:
        reason = "one that was brought before is under way; wait for its end, or cancel it"
        raise Refused(problem(Code.UNUSABLE, what="This file", reason=reason))
    asked = Alignment(org.name, known, caller.user_id, preview, file)
    await database.rows(DEFER, queue=org.name, jobs=encode_rows([msgspec.to_builtins(asked)]), at=None)


async def run_alignment(org: Org, asked: Alignment) -> None:
    """The job. What it raises ends it, so that another one may be asked for."""
    watched = Watched(org.pool, org.name, "", "", known=asked.alignment)
    async with transaction(org.pool) as database:
        if not await progress.step(database, asked.alignment, 0, len(asked.file.lines)):
            await progress.end(database, asked.alignment, Stage.CANCELED, Aligned())
            return
    try:
        done = await align(org, lambda: as_who_asked(org, asked.user), asked.file, watched, preview=asked.preview)
    except Refused as refused:
        watched.stage, done = Stage.ERROR, Aligned(wrong=refused.problem.message)
    except Exception:
        async with transaction(org.pool) as database:
            await progress.end(database, asked.alignment, Stage.FAILED, Aligned())
        raise
    told = msgspec.structs.replace(done, refused=done.refused[:REFUSED_TOLD_MAX], many_refused=len(done.refused))
    async with transaction(org.pool) as database:
        await progress.end(database, asked.alignment, watched.stage, told)


async def newest_alignment(org: Org, database: Database) -> tuple[Progress, Aligned] | None:
    """The last one that was asked for, preview or not, and what came of it so far; None where there was none."""
    known = [one for one in await progress.listed(database, org.name) if one.what in (ALIGNING, PREVIEWING)]
    if not known:
        return None
    return known[0], msgspec.json.decode(known[0].result, type=Aligned) if known[0].result else Aligned()
