"""Work that people may watch and cancel while it runs, noted beside the transactions of the work itself.

It is noted with its first step, so that what is done at once leaves no note. One whose process died is taken up by
the next of its kind; one that is canceled ends at its next step, and what it did until then stays, or goes, as the work
says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Stage
from fieldsync.server.postgres.work import Pool, Work, transaction

BY_ITSELF = "the server"


@dataclass
class Watched:
    """One piece of work. `stage`: how it is to end."""

    pool: Pool
    queue: str
    what: str
    by: str
    stage: Stage = Stage.VALID
    known: int | None = None
    """The id of its note, once there is one."""

    async def step(self, done: int, total: int) -> bool:
        """So far it is. False where somebody canceled it: then it is to stop here."""
        async with transaction(self.pool) as database:
            if self.known is None:
                self.known = await progress.begin_or_join(database, self.queue, self.what, self.by)
            goes_on = (
                self.known is None
                or await progress.step(database, self.known, done, total)
                or not await progress.is_canceled(database, self.known)
            )
        if not goes_on:
            self.stage = Stage.CANCELED
        return goes_on

    async def last(self, done: int) -> None:
        """All is done, this much; nothing where it was never noted."""
        if self.known is not None:
            await self.step(done, done)

    async def end_with(self, database: Work, result: msgspec.Struct) -> bool:
        """All is done, in the transaction that does it, and this came of it. False where it is to be taken back: it was
        canceled meanwhile, or has ended."""
        if self.known is None or await progress.end(database, self.known, self.stage, result):
            return True
        self.stage = Stage.CANCELED
        return False

    async def end(self, stage: Stage) -> None:
        """It ended so."""
        if self.known is not None:
            async with transaction(self.pool) as database:
                await progress.end(database, self.known, stage)


@asynccontextmanager
async def watching(pool: Pool, queue: str, what: str, by: str = BY_ITSELF) -> AsyncIterator[Watched]:
    """Watch what is done inside; where it raises, it has failed."""
    watched = Watched(pool, queue, what, by)
    try:
        yield watched
    except Exception:
        await watched.end(Stage.FAILED)
        raise
    await watched.end(watched.stage)
