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
from fieldsync.server.postgres.queue import asked_for, brought
from fieldsync.server.postgres.queue.again import Canceled
from fieldsync.server.postgres.queue.asked_for import Doing, Kind
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.watched import Watched
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller

ALIGNING, PREVIEWING = "alignment brought by a file", "alignment previewed"
_BUSY = "one that was brought before is under way; wait for its end, or cancel it"
_FILE = "file"
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
    kind = Kind(PREVIEWING if preview else ALIGNING, "This file", _BUSY)

    def job(known: int) -> Alignment:
        return Alignment(org.name, known, caller.user_id, preview, file)

    known = await asked_for.ask(database, org.name, by, kind, job, Aligned())
    if preview:
        await brought.put(database, known, _FILE, 0, msgspec.json.encode(file))


async def previewed_file(org: Org, database: Database, previewed: int) -> File:
    """The file of this preview. Raises Refused(UNUSABLE) where another took its place."""
    newest, _ = await newest_alignment(org, database) or (None, None)
    kept = await brought.get(database, previewed, _FILE, 0) if newest is not None and newest.id == previewed else None
    if kept is None:
        raise Refused(problem(Code.UNUSABLE, what="The file that was previewed", reason="another has taken its place"))
    return msgspec.json.decode(kept, type=File)


async def run_alignment(org: Org, asked: Alignment) -> None:
    """The job. What it raises that nobody foresaw ends it, so that another one may be asked for."""

    async def work(doing: Doing[Aligned]) -> Stage:
        watched = Watched(org.pool, org.name, "", "", known=asked.alignment)
        if not await watched.step(0, len(asked.file.lines)):
            raise Canceled
        done = await align(org, lambda: as_who_asked(org, asked.user), asked.file, watched, preview=asked.preview)
        told = {"refused": done.refused[:REFUSED_TOLD_MAX], "many_refused": len(done.refused)}
        doing.done = msgspec.structs.replace(done, **told)
        return watched.stage

    await asked_for.carry_out(org.pool, asked.alignment, Aligned, work)


async def newest_alignment(org: Org, database: Database) -> tuple[Progress, Aligned] | None:
    """The last one that was asked for, preview or not, and what came of it so far; None where there was none."""
    return await asked_for.newest(database, org.name, Aligned, ALIGNING, PREVIEWING)
