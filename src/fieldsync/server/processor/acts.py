"""What an admin does with a transaction: one conditional move, first to commit wins, every act noted (J12, J13).

The person's head row is locked, as by his uploads: a device that takes its save back, another admin and the processor
wait for each other, and whoever finds the transaction decided is told so (Refused DECIDED).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from sqlalchemy import Text, bindparam, cast, func, update

from fieldsync.base import ids, limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Canceled, Change, Result
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy, Collision, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.audit import Entry, note
from fieldsync.server.processor.kept import OPEN, Kept, behind, kept, kept_of_device, person, unsaved
from fieldsync.server.processor.run import run_again, tell
from fieldsync.server.processor.states import Act, Follow, Status, move
from fieldsync.server.processor.waiting import replay_as
from fieldsync.server.save.batch import Caller, Channel, Frame, StepLog
from fieldsync.server.save.head import lock_head

BY_HAND = "Done by hand"
COMMENT_CHARS_MAX = 1_000


@dataclass(frozen=True)
class Correction:
    """One value of one record, changed by the admin. `base` is the server's value he was shown."""

    record_id: str
    field: str
    value: FieldValue
    base: FieldValue = None


@dataclass(frozen=True)
class Asked:
    """What an admin asks for: the act, why, and for `Act.EDIT` the corrections."""

    act: Act
    by: Caller
    name: str
    reason: str = ""
    corrections: tuple[Correction, ...] = field(default=())
    as_owner: bool = True
    """Whether what runs again runs with the rights of who saved it; else with those of the admin (FEATURES J18)."""
    step_log: bool = False
    """Whether the steps of what runs again are noted with it (FEATURES J24)."""


async def carry_out(org: Org, record_id: str, asked: Asked) -> Status:
    """Do it, and say where the transaction stands now. Raises Refused: NOT_FOUND, DECIDED, FORBIDDEN, BAD_REQUEST,
    UNUSABLE, BUSY."""
    if asked.act is Act.CANCEL and not asked.reason.strip():
        raise Refused(problem(Code.BAD_REQUEST, reason="a transaction is canceled with a reason"))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with transaction(org.pool) as database:
                return await _once(org, database, record_id, asked)
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


async def _once(org: Org, database: Database, record_id: str, asked: Asked) -> Status:
    found = await kept(org, database, record_id)
    move(found.status, asked.act, can_be_retried=found.can_be_retried)
    runs = asked.act in (Act.RETRY, Act.EDIT)
    caller = await person(org, database, found, Channel.DEVICE)
    frame = await _locked(org, database, caller, runs=runs)
    found = await kept(org, database, record_id)  # as it is behind everybody who was before us
    goal = move(found.status, asked.act, can_be_retried=found.can_be_retried)
    others = await kept_of_device(org, database, found.device or "", OPEN)
    waiting = behind(found, [other for other in others if other.status is Status.WAITING])
    await note(org, database, asked.by, frame, found.record_id, _entries(asked, found))
    if runs:
        again = corrected(found, asked.corrections) if asked.act is Act.EDIT else found
        if again.incoming is None:
            raise Refused(problem(Code.UNUSABLE, what="This transaction", reason="its content is not kept any more"))
        noted = replace(frame, steps=StepLog(org.world.clock.now)) if asked.step_log else frame
        by = None if asked.as_owner else asked.by
        went_along = await _canceled_with(org, database, found)
        await run_again(org, database, caller, noted, (again, *waiting), by=by)
        status = (await kept(org, database, record_id)).status
        if went_along and status is Status.SUCCESS:
            await run_again(org, database, caller, await _locked(org, database, caller, runs=True), went_along, by=by)
        return status
    reason = asked.reason.strip() or (BY_HAND if asked.act is Act.MANUAL else asked.act.value.capitalize())
    ended = (found, *waiting) if goal.follow is Follow.CANCEL else (found,)
    frame = await _end(org, database, caller, frame, _Ending(goal.to, asked.name, reason, ended))
    if goal.follow is Follow.RUN and frame.scope is not None:
        await run_again(org, database, caller, frame, waiting)
    return goal.to


async def add_comment(org: Org, record_id: str, by: Caller, name: str, text: str) -> None:
    """Note what somebody has to say of a transaction, whatever its status (FEATURES J12). Raises Refused: NOT_FOUND,
    BAD_REQUEST, BUSY."""
    said = text.strip()
    if not said or len(said) > COMMENT_CHARS_MAX:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"a comment has 1 to {COMMENT_CHARS_MAX} characters"))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with transaction(org.pool) as database:
                frame = await lock_head(org, database, replace(by, channel=Channel.JOB))
                found = await kept(org, database, record_id)
                t = org.metadata.tables["Sync_Transaction"]
                values = {"Comments": func.concat_ws("\n", t.c.Comments, cast(bindparam("said"), Text))}
                write = update(t).where(t.c.Id == bindparam("id")).values({**values, STAMP: frame.stamp})
                await database.run(compile_statement(write), id=found.record_id, said=f"{name}: {said}")
                await note(org, database, by, frame, found.record_id, [Entry("comment", f"{name}: {said}")])
                return
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


async def _locked(org: Org, database: Database, caller: Caller, *, runs: bool) -> Frame:
    """The person's head row. Who may sign in no more can have nothing run; what he left can still be ended."""
    try:
        return await lock_head(org, database, caller)
    except Refused as refused:
        if refused.problem.code is not Code.AUTH:
            raise
        if runs:
            reason = "the person who saved it may not sign in any more"
            raise Refused(problem(Code.FORBIDDEN, reason=reason)) from None
        return await lock_head(org, database, replace(caller, channel=Channel.JOB))


async def _canceled_with(org: Org, database: Database, found: Kept) -> list[Kept]:
    """Those that were canceled only because this one was: they wait for nothing else that was not saved."""
    others = await kept_of_device(org, database, found.device or "", (Status.CANCELED,))
    along = behind(found, [other for other in others if other.can_be_retried])
    theirs = found.waits_for | {found.n, *(one.n for one in along)}
    needed = frozenset[int]().union(*(one.waits_for for one in along)) - theirs
    missing = await unsaved(org, database, found.device or "", needed) if needed else frozenset()
    return behind(found, [one for one in along if not one.waits_for & missing])


@dataclass(frozen=True)
class _Ending:
    to: Status
    by: str
    reason: str
    ended: Sequence[Kept]


async def _end(org: Org, database: Database, caller: Caller, frame: Frame, ending: _Ending) -> Frame:
    """Decide without running: the first for good; what waited for it may run once that was saved. Returns the frame
    with the feed's new position."""
    table = org.metadata.tables["Sync_Transaction"]
    names = ("Status", "Outcome", "Processed_At", "Can_Be_Retried", "Simulation", STAMP)
    said = cast(bindparam("said"), Text)
    values = {**{n: bindparam(n) for n in names}, "Comments": func.concat_ws("\n", table.c.Comments, said)}
    write = compile_statement(update(table).where(table.c.Id == bindparam("id")).values(values))
    told: list[tuple[RecordId, Result]] = []
    for place, one in enumerate(ending.ended):
        reason = ending.reason if place == 0 else f"It waited for {ending.ended[0].n}: {ending.reason}"
        ended = (ending.to.value, "Canceled", frame.now, place > 0, "Impossible", frame.stamp)
        now = dict(zip(names, ended, strict=True))
        await database.run(write, id=one.record_id, said=f"{ending.by}: {reason}", **now)
        if one.incoming is not None:
            touched = tuple(RecordRef(item.object, item.id) for item in one.incoming.items if ids.is_id(item.id))
            result = Result(one.n, one.incoming.id, Canceled(ending.by, reason), touched)
            told.append((one.record_id, result))
    await replay_as(database, (result for _, result in told))
    await database.run(org.save.unblock, device=caller.number, ns=[one.n for one in ending.ended])
    await tell(org, database, caller, frame, told)
    return replace(frame, position=frame.position + len(told))


def corrected(one: Kept, corrections: Sequence[Correction]) -> Kept:
    """The transaction with an admin's values in it. Raises Refused(BAD_REQUEST) for what it does not hold. Pure."""
    if one.incoming is None:
        return one
    wanted: dict[str, dict[str, Correction]] = {}
    for correction in corrections:
        wanted.setdefault(correction.record_id, {})[correction.field] = correction
    unknown = wanted.keys() - {item.id for item in one.incoming.items}
    if unknown or not wanted:
        reason = f"the transaction does not hold {', '.join(sorted(unknown))}" if unknown else "nothing was changed"
        raise Refused(problem(Code.BAD_REQUEST, reason=reason))
    items = tuple(
        msgspec.structs.replace(item, changes={**item.changes, **_changes(wanted[item.id])})
        if item.id in wanted
        else item
        for item in one.incoming.items
    )
    return replace(one, incoming=replace(one.incoming, items=items))


def _changes(corrections: Mapping[str, Correction]) -> dict[str, Change]:
    return {name: Change(correction.base, correction.value) for name, correction in corrections.items()}


def _entries(asked: Asked, found: Kept) -> list[Entry]:
    """What is noted of an act: one entry, and one for each value that was changed."""
    entries = [Entry(asked.act.value, f"{asked.name}: {asked.reason}".removesuffix(": "))]
    items = {item.id: item for item in found.incoming.items} if found.incoming else {}
    for one in asked.corrections if asked.act is Act.EDIT else ():
        item = items.get(RecordId(one.record_id))
        change = item.changes.get(one.field) if item else None
        before = change.new if change else None
        entries.append(Entry(asked.act.value, asked.name, item.object if item else None, one, before))
    return entries
