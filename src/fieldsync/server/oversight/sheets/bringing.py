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
from fieldsync.server.postgres.queue import brought, progress
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.save.batch import Caller, encode_rows

SHOWN_MAX = 200
IMPORTING: Final = "import of "
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
    known = await progress.begin(database, org.name, IMPORTING + what.object, by)
    if known is None:
        reason = "one that was brought before is under way; wait for its end, or cancel it"
        raise Refused(problem(Code.UNUSABLE, what="This file", reason=reason))
    total, numbered = 0, (Line(i, tuple(cells)) for i, cells in enumerate(lines, 2) if any(cells))
    while batch := list(islice(numbered, BATCH_LINES)):
        await brought.put(database, known, _LINES, total // BATCH_LINES, msgspec.json.encode(batch))
        total += len(batch)
    await progress.expect(database, known, msgspec.structs.replace(what, total=total, left_out=heads.left_out))
    asked = msgspec.to_builtins(Import(org.name, known))
    await database.rows(DEFER, queue=org.name, jobs=encode_rows([asked]), at=None)


class _Canceled(Exception):
    """Somebody does not want it any more; what was brought in by then stays."""


async def run_import(org: Org, asked: Import) -> None:
    """The job. What it raises that nobody foresaw ends it, so that another one may be asked for."""
    async with transaction(org.pool) as database:
        noted = await progress.noted(database, asked.known)
    if noted is None:
        return
    one = _Running(org, asked.known, msgspec.json.decode(noted, type=Brought))
    try:
        await one.bring()
    except _Canceled:
        await one.end(Stage.CANCELED)
    except Refused as refused:
        await one.end(Stage.ERROR, refused.problem.message)
    except Exception:
        await one.end(Stage.FAILED)
        raise
    else:
        await one.end(Stage.VALID)


class _Running:
    """A file on its way in."""

    def __init__(self, org: Org, known: int, done: Brought) -> None:
        self._org, self._known, self._done = org, known, done

    async def bring(self) -> None:
        """What is left of it. Raises Refused, _Canceled."""
        async with self._begin() as (database, caller):
            reader = await reader_of(self._org, database, caller)
            of = open_to(self._org, reader, self._done.object)
            heads = heads_of(self._org.catalog, of, reader.rights, self._done.head, self._done.key)
        bringing = Bringing(self._org, self._begin, heads, reader.zone, self._done.check)
        while piece := await self._piece():
            await bring(bringing, msgspec.json.decode(piece, type=list[Line]), self._note)

    def _begin(self) -> AbstractAsyncContextManager[tuple[Database, Caller]]:
        return as_who_asked(self._org, self._done.user, admin=False)

    async def _piece(self) -> bytes | None:
        async with snapshot(self._org.pool) as database:
            return await brought.get(database, self._known, _LINES, self._done.pieces)

    async def _note(self, database: Database, told: list[Told]) -> None:
        done = _with(self._done, told)
        await brought.put(database, self._known, _REPORT, self._done.pieces, b"".join(_reported(told)))
        if not await progress.note(database, self._known, done.place, done):
            raise _Canceled
        self._done = done

    async def end(self, stage: Stage, wrong: str = "") -> None:
        """It ended so; the file is needed no more."""
        done = msgspec.structs.replace(self._done, wrong=wrong)
        async with transaction(self._org.pool) as database:
            await brought.forget(database, self._known, _LINES)
            await progress.end(database, self._known, stage, done)


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
    known = await progress.newest(database, org.name, IMPORTING + name)
    return None if known is None else (known, msgspec.json.decode(known.result, type=Brought))
