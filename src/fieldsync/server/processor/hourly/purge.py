"""Finished transactions whose time is over are removed, with their records and logs (FEATURES J22).

Never what is open or failed, and never one whose outcome its device has not confirmed.
In bounded batches, each a short transaction of its own that passes over rows somebody else holds, so that nobody waits
for it. Doing it twice does nothing more.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Integer,
    MetaData,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    not_,
    select,
    update,
)

from fieldsync.base import limits
from fieldsync.server.configuration.retention import keep_days, retentions
from fieldsync.server.org.begin.retention import EVERY, OBJECT
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.queue.watched import watching
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import transaction
from fieldsync.server.processor.states import Status

PURGE = "finished transactions removed"
FINISHED = (Status.SUCCESS, Status.CANCELED, Status.MANUAL)
_STATUSES = [status.value for status in FINISHED]


async def purge(org: Org) -> int:
    """Remove what may go, as much as an hour allows; more than a batch is watched, and goes on in the next hour where
    somebody cancels it. Returns how many transactions went."""
    gone: Counter[str] = Counter()
    async with transaction(org.pool) as database:
        rules = await retentions(org, database)
    days = keep_days(rules)
    async with watching(org.pool, org.name, PURGE) as watched:
        total = 0
        for _ in range(limits.PURGE_BATCHES_MAX):
            async with transaction(org.pool) as database:
                removed = await _remove(org, database, days)
            gone.update(removed)
            if len(removed) < limits.PURGE_BATCH:
                await watched.last(gone.total())
                break
            total = max(total or await _in_all(org, days, gone.total()), gone.total())
            if not await watched.step(gone.total(), total):
                break
    async with transaction(org.pool) as database:
        await _note(org, database, {rule.object for rule in rules if rule.active}, gone)
    return gone.total()


async def _in_all(org: Org, days: dict[str, int], gone: int) -> int:
    async with transaction(org.pool) as database:
        return gone + await overdue(org.metadata, database, days, org.world.clock.now())


async def _remove(org: Org, database: Database, days: dict[str, int]) -> list[str]:
    """One batch. Returns the rule each went by."""
    statements = _statements(org.metadata)
    now = org.world.clock.now()
    rows = await database.rows(statements[0], **_given(days, now), page=limits.PURGE_BATCH)
    if rows:
        ids = [record_id for record_id, _ in rows]
        for statement in statements[1:]:
            database.later(statement, ids=ids)
    return [by_object if by_object in days else EVERY for _, by_object in rows]


async def overdue(org_metadata: MetaData, database: Database, days: dict[str, int], now: datetime) -> int:
    """How many finished transactions should have gone by this moment."""
    chosen = _chosen(org_metadata).with_only_columns(func.count())
    row = await database.one(compile_statement(chosen), **_given(days, now))
    return int(row[0]) if row is not None else 0


def _given(days: dict[str, int], now: datetime) -> dict[str, object]:
    own = sorted((name, kept) for name, kept in days.items() if name != EVERY)
    return {
        "statuses": _STATUSES,
        "objects": [name for name, _ in own],
        "days": [kept for _, kept in own],
        "others": days[EVERY],
        "now": now,
        "latest": now - timedelta(days=min(days.values())),
    }


@lru_cache(maxsize=64)
def _statements(metadata: MetaData) -> tuple[Statement, ...]:
    """The one that chooses and locks a batch, then those that remove it."""
    tables = metadata.tables
    t, undecided = tables["Sync_Transaction"], tables["_undecided"]
    chosen = (
        _chosen(metadata).order_by(t.c.Received_At).limit(bindparam("page")).with_for_update(skip_locked=True, of=t)
    )
    parts = [tables[name].c.Sync_TransactionId for name in ("Sync_Transaction_Record", "Sync_Transaction_Log")]
    removed = [delete(c.table).where(c == any_(bindparam("ids"))) for c in (*parts, undecided.c.record_id, t.c.Id)]
    return (compile_statement(chosen), *map(compile_statement, removed))


def _chosen(metadata: MetaData) -> Select[tuple[str, str]]:
    """Id and object of those whose time is over. A transaction is received before it is finished, and that is what
    there is an index for."""
    t, receipt = metadata.tables["Sync_Transaction"], metadata.tables["_receipt"]
    rules = func.unnest(cast(bindparam("objects"), ARRAY(Text)), cast(bindparam("days"), ARRAY(Integer)))
    own = rules.table_valued("object", "days").render_derived(name="own")
    kept = func.make_interval(0, 0, 0, func.coalesce(own.c.days, bindparam("others")))
    finished = func.greatest(t.c.Received_At, t.c.Processed_At)
    device = metadata.tables["_device_number"]
    its_own = receipt.join(device, device.c.number == receipt.c.device)
    open_there = (receipt.c.transaction_id == t.c.Transaction_Id) & (receipt.c.n > device.c.confirmed_through)
    unconfirmed = select(receipt.c.n).select_from(its_own).where(open_there).exists()
    joined = t.outerjoin(own, own.c.object == t.c.Root_Object)
    over = (t.c.Received_At < bindparam("latest")) & (finished < bindparam("now") - kept)
    decided = t.c.Status == any_(bindparam("statuses"))
    return select(t.c.Id, t.c.Root_Object).select_from(joined).where(decided, over, not_(unconfirmed))


async def _note(org: Org, database: Database, objects: set[str], gone: Counter[str]) -> None:
    """Let each rule that counts say when it was carried out last, and how many went by it."""
    if not objects:
        return
    table = org.metadata.tables[OBJECT]
    named = table.c.Object_Name == bindparam("object_name")
    values: dict[str, BindParameter[object]] = {
        "Last_Purge_At": bindparam("at"),
        "Last_Purge_Count": bindparam("count"),
    }
    statement = compile_statement(update(table).where(named).values(values))
    at = org.world.clock.now()
    for name in sorted(objects):
        database.later(statement, object_name=name, at=at, count=gone[name])
