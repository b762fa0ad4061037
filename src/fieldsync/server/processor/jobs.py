"""What the jobs of an org do: asynchronous triggers, e-mails, what people asked for, and transactions that are due.

Transactions of a device run in the order of its queue, all together. Where another save holds a record, they run one by
one, so that only those wait that need it (law L7): each is put off with growing pauses, not counted as failed, until it
has another result or was put off too often (FEATURES J06). One that takes too long, or ends in an error that nobody
foresaw, is tried again less often.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Held, Rejected, Result
from fieldsync.server.alerts.telling import tell_alerts
from fieldsync.server.email.queued import EMAIL, DueEmail
from fieldsync.server.email.send import send_email
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.catalog.deploying import Deploying, run_deploy
from fieldsync.server.oversight.people.aligning import Alignment, run_alignment
from fieldsync.server.oversight.people.leaving import Leaving, run_leaving
from fieldsync.server.oversight.scope.checking import CHECK, check_rules
from fieldsync.server.oversight.sheets.bringing import Import, run_import
from fieldsync.server.postgres.queue.listed import ASKED_FOR, FORGET_ENDED
from fieldsync.server.postgres.queue.worker import Perform
from fieldsync.server.postgres.work import Busy, Collision, TooLong, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.deferred import DueDevice, run_soon
from fieldsync.server.processor.hourly.purge import purge
from fieldsync.server.processor.hourly.schedule import run_hour
from fieldsync.server.processor.kept import (
    OPEN,
    Kept,
    behind,
    due_of_device,
    kept,
    kept_of_device,
    locked_times,
    person,
)
from fieldsync.server.processor.locked import ToldApart, Unforeseen, retries_locked
from fieldsync.server.processor.marks import mark_failed, mark_put_off
from fieldsync.server.processor.run import run_again, tell
from fieldsync.server.processor.states import Status
from fieldsync.server.processor.waiting import replay_as
from fieldsync.server.recovery.apply import recover
from fieldsync.server.recovery.offers import RECOVERY
from fieldsync.server.save.batch import Caller, Channel, Frame
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.logic.later.perform import performing as performing_triggers

_TRIES_MAX = {
    Code.ROW_LOCK: limits.LOCK_RETRIES_MAX,
    Code.TIMEOUT: limits.TIMEOUT_RETRIES_MAX,
    Code.TRIGGER: limits.TIMEOUT_RETRIES_MAX,
}
"""Reasons for which a transaction is put off, and how often before it fails."""

UNFORESEEN = "it ended in an error that nobody foresaw; the server's log describes it"


def performing(orgs: Mapping[str, Org], uri: str) -> Perform:
    """Does jobs of these orgs, each with the catalog that it has when the job runs; `uri` of their database."""
    run_trigger = performing_triggers(orgs)

    async def run(job_id: int, arguments: Mapping[str, Any]) -> None:
        if "timestamp" in arguments:
            org = orgs[arguments["org"]]
            await run_hour(org, datetime.fromtimestamp(int(arguments["timestamp"]), UTC))
            await purge(org)
            await tell_alerts(org)
            await recover(org)
            async with transaction(org.pool) as database:
                await database.run(FORGET_ENDED, queue=org.name)
        elif CHECK in arguments:
            await check_rules(orgs[arguments["org"]], int(arguments[CHECK]))
        elif not ASKED_FOR.keys().isdisjoint(arguments):
            await _run_asked_for(orgs, uri, arguments)
        elif RECOVERY in arguments:
            await recover(orgs[arguments["org"]])
        elif EMAIL in arguments:
            await send_email(orgs[arguments["org"]], msgspec.convert(arguments, DueEmail))
        elif "device" in arguments:
            due = msgspec.convert(arguments, DueDevice)
            await process(orgs[due.org], due.device)
        else:
            await run_trigger(job_id, arguments)

    return run


async def _run_asked_for(orgs: Mapping[str, Org], uri: str, arguments: Mapping[str, Any]) -> None:
    """What somebody asked for on a page."""
    org = orgs[arguments["org"]]
    if "alignment" in arguments:
        await run_alignment(org, msgspec.convert(arguments, Alignment))
    elif "leaving" in arguments:
        await run_leaving(org, msgspec.convert(arguments, Leaving))
    elif "import" in arguments:
        await run_import(org, msgspec.convert(arguments, Import))
    else:
        await run_deploy(orgs, uri, msgspec.convert(arguments, Deploying))


async def process(org: Org, device: str) -> None:
    """Run what is due of a device. Raises Busy where the person's own requests hold him for too long: try again."""
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            with ToldApart(org):
                async with transaction(org.pool) as database:
                    await _run(org, database, await due_of_device(org, database, device))
                    return
        except Collision:
            continue
        except (Busy, Refused, Unforeseen):
            break
    async with transaction(org.pool) as database:
        alone = await due_of_device(org, database, device)
    for one in alone:
        await _run_alone(org, one)


async def _run(org: Org, database: Database, chosen: list[Kept], *, alone: bool = False) -> None:
    """Run those that nobody decided meanwhile, and what waits for them unless they are to run alone."""
    if not chosen:
        return
    caller = await person(org, database, chosen[0], Channel.DEVICE)
    frame = await lock_head(org, database, caller)
    await database.wait_for_locks(limits.JOB_LOCK_SECONDS)  # the person's own saves wait for us
    waiting = await _waiting(org, database, chosen[0])
    due = await due_of_device(org, database, chosen[0].device or "")
    still = {one.record_id for one in (*due, *waiting)}
    chosen = [one for one in chosen if one.record_id in still]
    found = {one.n: one for first in chosen for one in (first, *(() if alone else behind(first, waiting)))}
    if found:
        await run_again(org, database, caller, frame, [found[n] for n in sorted(found)])


async def _waiting(org: Org, database: Database, one: Kept) -> list[Kept]:
    return await kept_of_device(org, database, one.device or "", (Status.WAITING,))


async def _run_alone(org: Org, one: Kept) -> None:
    """One that could not run with the others, then each that waits for it: what holds it up is its own."""
    try:
        with ToldApart(org):
            async with transaction(org.pool) as database:
                await _run(org, database, [one], alone=True)
    except TooLong:
        await _blame(org, one, problem(Code.TIMEOUT))
    except (Busy, Collision):
        await _blame(org, one, problem(Code.ROW_LOCK))
    except Refused as refused:
        await _blame(org, one, refused.problem)
    except Unforeseen:
        name = one.incoming.items[0].object if one.incoming and one.incoming.items else "this record"
        await _blame(org, one, problem(Code.TRIGGER, object=name, reason=UNFORESEEN))
    else:
        async with transaction(org.pool) as database:
            present = await kept(org, database, one.record_id)
            following = behind(one, await _waiting(org, database, one)) if present.status is Status.SUCCESS else []
        for other in following:
            await _run_alone(org, other)


async def _blame(org: Org, one: Kept, why: Problem) -> None:
    async with transaction(org.pool) as database:
        caller = await person(org, database, one, Channel.JOB)
        frame = await lock_head(org, database, caller)
        if (await kept(org, database, one.record_id)).status in OPEN:
            await _wait_or_fail(org, database, (caller, frame), one, why)


async def _wait_or_fail(org: Org, database: Database, who: tuple[Caller, Frame], one: Kept, why: Problem) -> None:
    caller, frame = who
    times = await locked_times(org, database, one)
    if times < _TRIES_MAX.get(why.code, 0) and await _waits(org, database, caller, why):
        pause = timedelta(seconds=limits.JOB_BACKOFF_BASE_SECONDS ** (times + 1))
        at = org.world.clock.now() + pause
        await mark_put_off(org, database, caller, frame, one, at)
        await run_soon(org, database, one.device or "", at)
    elif one.incoming is not None:
        await mark_failed(org, database, caller, frame, one, why)
        waiting = behind(one, await _waiting(org, database, one))
        told = [(one.record_id, Result(one.n, one.incoming.id, Rejected((why,))))]
        told += [
            (w.record_id, Result(w.n, w.incoming.id, Held(tuple(sorted(w.waits_for))))) for w in waiting if w.incoming
        ]
        await replay_as(database, (result for _, result in told))
        await tell(org, database, caller, frame, told)


async def _waits(org: Org, database: Database, caller: Caller, why: Problem) -> bool:
    return why.code in (Code.TIMEOUT, Code.TRIGGER) or await retries_locked(org, database, caller.profile)
