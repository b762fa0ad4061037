"""Lines of a file brought in as a job: asked for with the file, watched, canceled between two batches.

The file is kept in pieces of a batch each. What became of one is kept in the transaction of its effect, with its
report: one that was killed goes on behind it. It acts as the person who brought the file, with the rights he has when
it runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Final

import msgspec

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.asked import as_who_asked
from fieldsync.server.oversight.reader import open_to, reader_of
from fieldsync.server.oversight.sheets.bring import BATCH_LINES, Bringing, Line, Told, bring
from fieldsync.server.oversight.sheets.export import line
from fieldsync.server.oversight.sheets.heads import heads_of
from fieldsync.server.postgres.queue import asked_for, brought, progress
from fieldsync.server.postgres.queue.asked_for import Doing, Kind
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.save.batch import Caller

SHOWN_MAX = 200
IMPORTING: Final = "import of "
_BUSY = "one that was brought before is under way; wait for its end, or cancel it"
_LINES, _REPORT = "lines", "report"
_HEAD = ("line", "became", "record", "field", "code", "message")


class Import(msgspec.Struct, frozen=True):
    """The job's arguments. `known` is the id of its note."""

    org: str
    known: int = msgspec.field(name="import")


class Brought(msgspec.Struct, frozen=True):
    """What a file is, and what became of it until now; with `check`, what would."""

    object: str
    user: RecordId
    head: tuple[str, ...]
    key: str = ""
    check: bool = False
    total: int = 0
    """Lines in all."""
    pieces: int = 0
    """So many are done."""
    counts: dict[str, int] = {}
    refused: tuple[tuple[int, str], ...] = ()
    """The first lines that were, and why."""
    left_out: tuple[str, ...] = ()
    """Columns that nobody may write."""
    wrong: str = ""
    """Why it could not go on, where that is no line's fault."""

    @property
    def place(self) -> tuple[int, int]:
        """Lines that are done, of all."""
        return sum(self.counts.values()), self.total


async def ask_import(
    org: Org, database: Database, caller: Caller, what: Brought, lines: Iterator[Sequence[str]], by: str
) -> None:
    """Have it done soon, with the commit; `lines` come without the head. Raises Refused(UNUSABLE) while one of this
    object is under way, for a head that cannot be used, and as `lines` do."""
    reader = await reader_of(org, database, caller)
    heads = heads_of(org.catalog, open_to(org, reader, what.object), reader.rights, what.head, what.key)
    kind = Kind(IMPORTING + what.object, "This file", _BUSY)
    known = await asked_for.ask(database, org.name, by, kind, lambda known: Import(org.name, known), what)
    total, numbered = 0, (Line(i, tuple(cells)) for i, cells in enumerate(lines, 2) if any(cells))
    while batch := list(islice(numbered, BATCH_LINES)):
        await brought.put(database, known, _LINES, total // BATCH_LINES, msgspec.json.encode(batch))
        total += len(batch)
    await progress.expect(database, known, msgspec.structs.replace(what, total=total, left_out=heads.left_out))


async def ask_checked(org: Org, database: Database, caller: Caller, name: str, checked: int, by: str) -> None:
    """Have the file brought in that this person has had checked. Raises Refused(UNUSABLE) where another took its place,
    and while one is under way."""
    newest, done = await newest_import(org, database, name) or (None, None)
    mine = newest is not None and done is not None and newest.id == checked and done.user == caller.user_id
    if newest is None or done is None or not mine or not may_follow(newest, done):
        raise Refused(problem(Code.UNUSABLE, what="The file that was checked", reason="another has taken its place"))
    begins = Brought(name, caller.user_id, done.head, done.key, total=done.total, left_out=done.left_out)
    kind = Kind(IMPORTING + name, "This file", _BUSY)
    takes = (checked, _LINES)
    await asked_for.ask(database, org.name, by, kind, lambda known: Import(org.name, known), begins, takes=takes)


def may_follow(checked: Progress, done: Brought) -> bool:
    """Whether the file can be brought in as it was checked, all of it."""
    return done.check and checked.stage is Stage.VALID and done.total > 0


async def run_import(org: Org, asked: Import) -> None:
    """The job. What it raises that nobody foresaw ends it, so that another one may be asked for."""
    await asked_for.carry_out(org.pool, asked.known, Brought, lambda doing: _bring(org, doing), forget=_needed_no_more)


def _needed_no_more(done: Brought) -> str:
    return "" if done.check else _LINES


async def _bring(org: Org, doing: Doing[Brought]) -> Stage:
    """What is left of it. Raises Refused, Canceled."""

    def begin() -> AbstractAsyncContextManager[tuple[Database, Caller]]:
        return as_who_asked(org, doing.done.user, admin=False)

    async def note(database: Database, told: list[Told]) -> None:
        done = _with(doing.done, told)
        await brought.put(database, doing.known, _REPORT, doing.done.pieces, b"".join(_reported(told)))
        await doing.note(database, done.place, done)
        doing.done = done

    async with begin() as (database, caller):
        reader = await reader_of(org, database, caller)
        of = open_to(org, reader, doing.done.object)
        heads = heads_of(org.catalog, of, reader.rights, doing.done.head, doing.done.key)
    bringing = Bringing(org, begin, heads, reader.zone, doing.done.check)
    while piece := await doing.piece(_LINES, doing.done.pieces):
        await bring(bringing, msgspec.json.decode(piece, type=list[Line]), note)
    return Stage.VALID


def _with(done: Brought, told: Iterable[Told]) -> Brought:
    """What became of it until now, with these lines. Pure."""
    counts, refused = dict(done.counts), list(done.refused)
    for one in told:
        counts[one.became] = counts.get(one.became, 0) + 1
        if one.became == "refused" and len(refused) < SHOWN_MAX:
            refused.append((one.line, " ".join(found.message for found in one.problems)))
    return msgspec.structs.replace(done, counts=counts, refused=tuple(refused), pieces=done.pieces + 1)


def _reported(told: Iterable[Told]) -> Iterator[bytes]:
    for one in told:
        for found in one.problems or (None,):
            reason = (found.field or "", found.code.value, found.message) if found is not None else ("", "", "")
            yield line((one.line, one.became, one.record, *reason))


async def report(org: Org, known: int) -> AsyncIterator[bytes]:
    """What became of each line until now, as CSV."""
    yield line(_HEAD)
    place = -1
    while True:
        async with snapshot(org.pool) as database:
            found = await brought.after(database, known, _REPORT, place)
        if found is None:
            return
        place, content = found
        yield content


async def newest_import(org: Org, database: Database, name: str) -> tuple[Progress, Brought] | None:
    """The last one of this object, and what came of it so far; None where there was none."""
    return await asked_for.newest(database, org.name, Brought, IMPORTING + name)
