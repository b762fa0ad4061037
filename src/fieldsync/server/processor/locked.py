"""Saves that meet a record which another save holds: they wait on the server, and the rest goes on (FEATURES J06, L7).

The batch was rolled back when its lock was not had. It runs again, halved as often as it takes to find what is held up,
with short looks instead of waits, as the person's head row is locked meanwhile. What is held up is kept as Retry and
answered as Accepted; a job tries it again, with growing pauses, not counted as failed, up to a bound. So it is with a
save that alone takes too long, and with one that ends in an error nobody foresaw while others go through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from fieldsync.base import limits
from fieldsync.base.log import get_logger
from fieldsync.base.problems import Refused
from fieldsync.protocol.upload import Saved
from fieldsync.server.configuration.in_force import values_in_force
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Busy, DatabaseError, TooLong
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.deferred import put_off, run_soon
from fieldsync.server.processor.kept import kept_under
from fieldsync.server.processor.marks import mark_put_off
from fieldsync.server.save.batch import Caller, Frame, Incoming
from fieldsync.server.save.pipeline import Done, save

RETRY_LOCKED = "Retry_Locked"
_log = get_logger("fieldsync.server")


class RecordsHeld(Exception):
    """A record was not had in time, with the person's head row locked: what was asked is rolled back."""


class Unforeseen(Exception):
    """A save ended in an error of the server's own: what was asked is rolled back."""


class NotTheSave(Unforeseen):
    """Nothing shows that it is one save that fails, and not all of them."""


@dataclass(frozen=True)
class ToldApart:
    """A block in which what is no answer of the product becomes Unforeseen, and is logged."""

    org: Org

    def __enter__(self) -> None:
        """Nothing happened yet."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        foreseen = Refused | DatabaseError | Unforeseen
        if isinstance(error, Exception) and not isinstance(error, foreseen):
            _log.error("save", org=self.org.name, exc_info=error)
            raise Unforeseen from error


async def save_or_held(
    org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]
) -> Done:
    """`save`. Raises RecordsHeld where another save holds a record for too long."""
    try:
        return await save(org, database, caller, frame, incoming)
    except TooLong:
        raise
    except Busy as busy:
        raise RecordsHeld from busy


async def save_around(
    org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]
) -> Done:
    """As `save`, with what is held up put off. Raises Busy where the setting says that the device is to try again."""
    if not await retries_locked(org, database, caller.profile):
        raise Busy("a record is held, and the setting is off")
    await database.wait_for_locks(limits.LOCK_LOOK_SECONDS)
    return await _Around(org, database, caller, frame).save(incoming, frame.position)


async def try_later(org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]) -> Done:
    """Keep them without running them, and have a job try them again after a pause."""
    number = caller.number
    assert number is not None, "only what a device sent is put off"
    done = await put_off(org, database, caller, frame, incoming, soon=False)
    at = org.world.clock.now() + timedelta(seconds=limits.JOB_BACKOFF_BASE_SECONDS)
    for one in incoming:
        await mark_put_off(org, database, caller, frame, await kept_under(org, database, number, one.n), at)
    if incoming:
        await run_soon(org, database, number, at)
    return done


async def save_behind(
    org: Org, database: Database, caller: Caller, frame: Frame, incoming: tuple[Incoming, ...]
) -> Done:
    """Put the first off, and save those behind it. Raises NotTheSave where none of them goes through either: then it
    may be the server that is at fault, and the device is to try again."""
    first = await try_later(org, database, caller, frame, incoming[:1])
    rest = await save(org, database, caller, replace(frame, position=first.position), incoming[1:])
    if not any(isinstance(result.outcome, Saved) for result in rest.results):
        raise NotTheSave
    return Done((*first.results, *rest.results), rest.position, rest.fork_at)


async def retries_locked(org: Org, database: Database, profile: str) -> bool:
    """Whether what another save holds is tried again by the server: yes, unless a setting says otherwise."""
    values = await values_in_force(org, database, profile, [RETRY_LOCKED])
    return values.get(RETRY_LOCKED) != "false"


@dataclass
class _Around:
    org: Org
    database: Database
    caller: Caller
    frame: Frame
    looks: int = limits.LOCKED_LOOKS_MAX

    async def save(self, incoming: tuple[Incoming, ...], position: int) -> Done:
        """These transactions, in order; `position` is the feed's last."""
        frame = replace(self.frame, position=position)
        if self.looks == 0:
            return await put_off(self.org, self.database, self.caller, frame, incoming)
        try:
            async with self.database.savepoint():
                return await save(self.org, self.database, self.caller, frame, incoming)
        except TooLong:
            raise
        except Busy:
            self.looks -= 1
        if len(incoming) == 1:
            return await try_later(self.org, self.database, self.caller, frame, incoming)
        middle = len(incoming) // 2
        first = await self.save(incoming[:middle], position)
        if first.fork_at is not None:
            return first
        second = await self.save(incoming[middle:], first.position)
        return Done((*first.results, *second.results), second.position, second.fork_at)
