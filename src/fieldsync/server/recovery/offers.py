"""Taking saves that were acknowledged before the server was restored: kept with the stamps they had, run later.

For a while after the restore they only gather, so that what several devices offer is applied in the order in which it
was acknowledged (DESIGN 5). A device that comes later is served at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ClauseElement, MetaData, bindparam, select, update

from fieldsync.base import limits
from fieldsync.schema.standard import STAMP
from fieldsync.server.configuration.in_force import values_in_force
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.json_rows import unpacked
from fieldsync.server.postgres.queue.statements import DEFER
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Frame, encode_rows
from fieldsync.server.save.pipeline import Done

WINDOW = "Recovery_Window_Minutes"
RECOVERY = "recovery"
"""The argument by which a job is known that applies what was offered."""


async def note_offers(
    org: Org, database: Database, caller: Caller, frame: Frame, offered: Mapping[int, int], done: Done
) -> None:
    """Of what was just put off, these numbers were acknowledged once, with these stamps."""
    rows = [{"n": r.n, "offered": offered[r.n]} for r in done.results if r.n in offered]
    if not rows:
        return
    now = org.world.clock.now()
    due = max(now, await _window_end(org, database, caller.profile))
    given = {"rows": encode_rows(rows), "device": caller.number}
    await database.run(_wait(org.metadata), due=due, **given)
    await database.run(_tell(org.metadata), now=now, stamp=frame.stamp, **given)
    await run_recovery(org, database, due if due > now else None)


async def run_recovery(org: Org, database: Database, at: datetime | None = None) -> None:
    """Defer the job that applies what was offered, when this transaction commits or at a time."""
    jobs = encode_rows([{"org": org.name, RECOVERY: True}])
    await database.rows(DEFER, queue=org.name, jobs=jobs, at=at)


async def _window_end(org: Org, database: Database, profile: str) -> datetime:
    values = await values_in_force(org, database, profile, [WINDOW])
    minutes = values.get(WINDOW, "")
    row = await database.one(_begun(org.metadata))
    assert row is not None, "an org has an epoch before it serves"
    begun: datetime = row[0]
    return begun + timedelta(minutes=int(minutes) if minutes.isdecimal() else limits.RECOVERY_WINDOW_MINUTES)


@compiled_once
def _begun(metadata: MetaData) -> ClauseElement:
    epoch = metadata.tables["_epoch"]
    return select(epoch.c.begun_at).order_by(epoch.c.number.desc()).limit(1)


@compiled_once
def _wait(metadata: MetaData) -> ClauseElement:
    u = metadata.tables["_undecided"]
    source = unpacked(u, ["n", "offered"])
    mine = (u.c.device == bindparam("device")) & (u.c.n == source.c.n)
    return update(u).where(mine).values(offered=source.c.offered, due_at=bindparam("due"))


@compiled_once
def _tell(metadata: MetaData) -> ClauseElement:
    t, u = metadata.tables["Sync_Transaction"], metadata.tables["_undecided"]
    source = unpacked(u, ["n"])
    mine = (u.c.device == bindparam("device")) & (u.c.n == source.c.n) & (u.c.record_id == t.c.Id)
    return update(t).where(mine).values({"Offered_Again": bindparam("now"), STAMP: bindparam("stamp")})
