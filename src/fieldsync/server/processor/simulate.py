"""Running transactions under present rules without any effect (law L10, FEATURES J14, J15).

Everything runs as it would, in a database transaction that is always rolled back. What PostgreSQL does not roll back,
sequences, is stood in for by temporary ones of the same name; jobs are not deferred; notifications go with the commit
that never comes. What a trigger does outside of the database is the trigger's own affair.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Outcome, Rejected, Result
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Busy, Collision, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.kept import OPEN, Kept, ahead, devices_with_open, kept, kept_of_device, person
from fieldsync.server.processor.run import run_again
from fieldsync.server.save.batch import Channel
from fieldsync.server.save.head import lock_head

_OWN_SEQUENCES = Statement(
    "SELECT sequencename::text, coalesce(last_value + 1, start_value) FROM pg_sequences"
    " WHERE schemaname = current_schema()",
    frozenset(),
    {},
)
_TEMPORARY_FIRST = Statement(
    "SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)", frozenset(), {}
)


@dataclass(frozen=True)
class Simulated:
    """What would become of one transaction now. Without an outcome it could not be tried: `why`."""

    record_id: RecordId
    outcome: Outcome | None
    why: Problem | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The reasons it would be refused for, or could not be tried for."""
        if self.why is not None:
            return (self.why,)
        return self.outcome.problems if isinstance(self.outcome, Rejected) else ()


async def simulate(org: Org, record_id: str) -> Simulated:
    """One transaction, behind those it waits for. Raises Refused: NOT_FOUND, DECIDED where it is not open."""
    async with transaction(org.pool) as database:
        one = await kept(org, database, record_id)
        others = await kept_of_device(org, database, one.device or "", OPEN)
    if one.status not in OPEN or one.incoming is None:
        raise Refused(problem(Code.DECIDED, status=one.status.value, act="simulate"))
    [*_, found] = await _tried(org, (*ahead(one, others), one))
    return found


async def simulate_all(org: Org, user_id: RecordId | None = None) -> AsyncIterator[Simulated]:
    """Every transaction that is not decided, of all or of one person, device by device, each behind those of its device
    before it."""
    async with transaction(org.pool) as database:
        devices = await devices_with_open(org, database, user_id)
    for device in devices:
        async with transaction(org.pool) as database:
            chosen = await kept_of_device(org, database, device, OPEN)
        for found in await _tried(org, chosen):
            yield found


async def _tried(org: Org, chosen: Sequence[Kept]) -> list[Simulated]:
    why = problem(Code.BUSY)
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            results = {result.id: result.outcome for result in await _run_for_nothing(org, chosen)}
            return [Simulated(one.record_id, results.get(one.incoming.id)) for one in chosen if one.incoming]
        except Collision:
            continue
        except Busy:
            break
        except Refused as refused:
            why = refused.problem
            break
    return [Simulated(one.record_id, None, why) for one in chosen]


class _Undo(Exception):
    """Rolls the database transaction back; carries what would have been."""

    def __init__(self, results: list[Result]) -> None:
        super().__init__()
        self.results = results


async def _run_for_nothing(org: Org, chosen: Sequence[Kept]) -> list[Result]:
    if not chosen:
        return []
    try:
        async with transaction(org.pool) as database:
            await stand_in_for_sequences(database)
            caller = await person(org, database, chosen[0], Channel.DEVICE)
            frame = replace(await lock_head(org, database, caller), dry=True)
            raise _Undo(await run_again(org, database, caller, frame, chosen))
    except _Undo as undone:
        return undone.results


async def stand_in_for_sequences(database: Database) -> None:
    """Temporary sequences hide the org's own, and go with the transaction."""
    for name, upcoming in await database.rows(_OWN_SEQUENCES):
        quoted = '"' + name.replace('"', '""') + '"'
        await database.run(Statement(f"CREATE TEMPORARY SEQUENCE {quoted} START {upcoming}", frozenset(), {}))
    await database.rows(_TEMPORARY_FIRST)
