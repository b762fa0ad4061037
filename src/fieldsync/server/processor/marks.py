"""What is noted of a transaction that does not run: put off, failed for what was outside of it, or taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ClauseElement, MetaData, Text, any_, bindparam, cast, func, update

from fieldsync.base import ids
from fieldsync.base.problems import Problem
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement, compiled_once
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.audit import Entry, note
from fieldsync.server.processor.kept import Kept
from fieldsync.server.processor.states import MOVES, Act, Status
from fieldsync.server.save.batch import Caller, Frame, encode_rows

_UNDECIDED = system_table("_undecided")
_THIS = update(_UNDECIDED).where(_UNDECIDED.c.record_id == bindparam("id"))
_LATER = compile_statement(_THIS.values(due_at=bindparam("at"), locked_times=_UNDECIDED.c.locked_times + 1))
_NEVER = compile_statement(_THIS.values(due_at=None, locked_times=0))


async def mark_put_off(org: Org, database: Database, caller: Caller, frame: Frame, one: Kept, at: datetime) -> None:
    """It runs again at this time; what builds on its records waits."""
    await database.run(_LATER, id=one.record_id, at=at)
    await _set_status(org, database, frame, one, Status.RETRY, None)
    await _block(org, database, caller, one)


async def mark_failed(org: Org, database: Database, caller: Caller, frame: Frame, one: Kept, why: Problem) -> None:
    """Somebody has to look at it; what builds on its records waits."""
    await database.run(_NEVER, id=one.record_id)
    await _set_status(org, database, frame, one, Status.FAILED, why)
    await _block(org, database, caller, one)
    await note(org, database, caller, frame, one.record_id, [Entry(why.code.value, why.message, type="Error")])


async def mark_taken_back(
    org: Org, database: Database, caller: Caller, frame: Frame, ns: tuple[int, ...], *, comment: str | None = None
) -> None:
    """What the person undid holds nothing up any more. What somebody decided before stays decided."""
    if not ns:
        return
    await database.run(org.save.unblock, device=caller.number, ns=list(ns))
    await database.run(org.save.forget_undecided, device=caller.number, ns=list(ns))
    statuses = [status.value for status, acts in MOVES.items() if Act.TAKE_BACK in acts]
    said = {"comment": comment or f"Taken back on the device, {frame.now}", "now": frame.now, "stamp": frame.stamp}
    await database.run(_take_back(org.metadata), device=caller.number, ns=list(ns), statuses=statuses, **said)


@compiled_once
def _take_back(metadata: MetaData) -> ClauseElement:
    t = metadata.tables["Sync_Transaction"]
    mine = (t.c.Device_Number == bindparam("device")) & (t.c.Queue_Number == any_(bindparam("ns")))
    open_still = t.c.Status == any_(bindparam("statuses"))
    comments = func.concat_ws("\n", t.c.Comments, cast(bindparam("comment"), Text))
    values = {"Status": Status.CANCELED.value, "Comments": comments, "Simulation": "Impossible"}
    return (
        update(t)
        .where(mine, open_still)
        .values({**values, "Processed_At": bindparam("now"), STAMP: bindparam("stamp")})
    )


async def _set_status(
    org: Org, database: Database, frame: Frame, one: Kept, status: Status, why: Problem | None
) -> None:
    told = {} if why is None else {"outcome": "Rejected", "log": why.message[:4_000]}
    write = _status(org.metadata, failed=why is not None)
    await database.run(write, id=one.record_id, status=status.value, stamp=frame.stamp, **told)


@compiled_once
def _status(metadata: MetaData, *, failed: bool) -> ClauseElement:
    table = metadata.tables["Sync_Transaction"]
    attempts = func.coalesce(table.c.Failed_Attempts, 0) + int(failed)
    values = {"Status": bindparam("status"), "Failed_Attempts": attempts, STAMP: bindparam("stamp")}
    if failed:
        values |= {"Outcome": bindparam("outcome"), "Last_Log": bindparam("log")}
    return update(table).where(table.c.Id == bindparam("id")).values(values)


async def _block(org: Org, database: Database, caller: Caller, one: Kept) -> None:
    items = one.incoming.items if one.incoming is not None else ()
    await database.run(org.save.unblock, device=caller.number, ns=[one.n])
    found = sorted({item.id for item in items if ids.is_id(item.id)})
    rows = [{"device": caller.number, "record_id": record_id, "n": one.n} for record_id in found]
    await database.run(org.save.add_blocked, rows=encode_rows(rows))
