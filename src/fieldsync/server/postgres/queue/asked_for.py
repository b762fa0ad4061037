"""Work that somebody asked for on a page: a note with what it begins with, one job that does it, and how it ended.

What came of it until now stands in the note, written in the transaction of its effect: one that was killed goes on
behind it. One of a kind is under way at a time. What is done, and as whom, is not here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.postgres.json_rows import as_json
from fieldsync.server.postgres.queue import brought, progress
from fieldsync.server.postgres.queue.again import Canceled, HeldUp, patiently
from fieldsync.server.postgres.queue.progress import Progress, Stage
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Pool, Work, snapshot, transaction

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Kind:
    """What may be asked for. `subject` and `busy`: what is said to who asks while one is under way."""

    what: str
    subject: str
    busy: str


async def ask(
    database: Work,
    org: str,
    by: str,
    kind: Kind,
    job: Callable[[int], msgspec.Struct],
    begins_with: msgspec.Struct,
    *,
    takes: tuple[int, str] | None = None,
) -> int:
    """Have it done soon, with the commit. `job` makes its arguments from the id of its note, which is returned.
    `takes`: what was brought with this note, of this kind, is about the new one. Raises Refused(UNUSABLE) while one of
    this kind is under way."""

    async def move(to: int) -> None:
        if takes is not None:
            await brought.move(database, takes[0], to, takes[1])

    known = await progress.begin(database, org, kind.what, by, takes=move)
    if known is None:
        raise Refused(problem(Code.UNUSABLE, what=kind.subject, reason=kind.busy))
    await progress.expect(database, known, begins_with)
    await database.rows(DEFER, queue=org, jobs=as_json([msgspec.to_builtins(job(known))]), at=None)
    return known


class Doing(Generic[T]):
    """One on its way. `done`: what came of it until now, as far as it is kept."""

    def __init__(self, pool: Pool, known: int, done: T) -> None:
        self.pool, self.known, self.done = pool, known, done

    async def note(self, database: Work, place: tuple[int, int], done: T) -> None:
        """With the effect: so far it is, in steps done of all, and this came of it. Raises Canceled."""
        if not await progress.note(database, self.known, place, done):
            raise Canceled

    async def piece(self, kind: str, part: int) -> bytes | None:
        """One piece of what was brought with it; None where there is none."""
        async with snapshot(self.pool) as database:
            return await brought.get(database, self.known, kind, part)


def told_why(done: T, stage: Stage, why: str) -> T:
    """What came of it, once it ended so; `why` where that was a refusal. Its struct says so as `wrong`. Pure."""
    return msgspec.structs.replace(done, wrong=why) if stage is Stage.ERROR and why else done


async def carry_out(
    pool: Pool,
    known: int,
    of: type[T],
    work: Callable[[Doing[T]], Awaitable[Stage]],
    *,
    ended: Callable[[T, Stage, str], T] = told_why,
    forget: Callable[[T], str] = lambda _: "",
) -> None:
    """The job: do what is left of it, and note how it ended, as `work` says or by what it raises; nothing where it has
    ended. What other work holds is waited for. What nobody foresaw ends it too, so that another may be asked for.
    `forget`: the kind of pieces that are needed no more then, empty for none."""
    noted = await _noted(pool, known)
    if noted is None:
        return
    doing, stage, why = Doing(pool, known, msgspec.json.decode(noted, type=of)), Stage.FAILED, ""

    async def attempt() -> Stage:
        kept = await _noted(pool, known)
        if kept is None:
            raise Canceled
        doing.done = msgspec.json.decode(kept, type=of)
        return await work(doing)

    try:
        stage = await patiently(pool, known, attempt)
    except Canceled:
        stage = Stage.CANCELED
    except HeldUp as held:
        stage, why = Stage.ERROR, str(held)
    except Refused as refused:
        stage, why = Stage.ERROR, refused.problem.message
    except Exception:
        await _end(doing, (Stage.FAILED, doing.done), forget)
        raise
    await _end(doing, (stage, ended(doing.done, stage, why)), forget)


async def _noted(pool: Pool, known: int) -> bytes | None:
    async with transaction(pool) as database:
        return await progress.noted(database, known)


async def _end(doing: Doing[T], how: tuple[Stage, T], forget: Callable[[T], str]) -> None:
    async with transaction(doing.pool) as database:
        if kind := forget(doing.done):
            await brought.forget(database, doing.known, kind)
        await progress.end(database, doing.known, *how)


async def newest(database: Work, org: str, of: type[T], *whats: str) -> tuple[Progress, T] | None:
    """The last one of these kinds, and what came of it so far; None where there was none."""
    known = await progress.newest(database, org, whats)
    return None if known is None else (known, msgspec.json.decode(known.result, type=of))
