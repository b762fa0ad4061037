"""Step 1 and the first lock: the user's head row, then which transactions are new, replayed or forked.

The head row is locked before anything is looked up, so two requests of one user never run at once: it takes the place
of a lock per device, gives the feed its gapless position, and is where a revoked user stops (DESIGN 6, THREATS T3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from sqlalchemy import ARRAY, ClauseElement, Text, any_, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from fieldsync.base.ids import DeviceNumber
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import Clock, instant
from fieldsync.protocol.upload import Result, Transaction
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Collision, Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller, Channel, Frame, Incoming, StepLog
from fieldsync.server.save.statements import DEFERRED, GROUPED, STEP_LOG
from fieldsync.server.save.write import Written

_RESULT = msgspec.json.Decoder(Result)
_SAYS_WHO_HE_IS = ("ProfileId", "IsActive", "IsDeleted")


def as_sender(caller: Caller, number: str) -> Caller:
    """The caller under the number that the device sends under: after a fork it is a newer one than that its session
    began with. Raises Refused(FORBIDDEN) for a number that was not issued to this device."""
    if caller.number is None or number not in caller.numbers:
        raise Refused(problem(Code.FORBIDDEN, reason="this device number was not issued to this device"))
    return replace(caller, number=DeviceNumber(number))


def head_question(org: Org, caller: Caller) -> Question:
    """What `lock_head` asks."""
    return org.save.lock_head, {"user": caller.user_id}


async def lock_head(org: Org, database: Database, caller: Caller, *, reads: bool = True) -> Frame:
    """Lock the user's head row and read what is fixed for this batch; `reads`: whose rows he may read among it.

    Raises Refused(AUTH) for a revoked user; a job finishes what was saved before that. Raises Collision where the
    caller's rights changed since they were read: the request begins again with those he has now (THREATS T20).
    """
    statement, given = head_question(org, caller)
    row = await database.one(statement, **given)
    if row is None or (row[1] and caller.channel is not Channel.JOB):
        raise Refused(problem(Code.AUTH))
    position, _, stamp, server_number, rights_version = row
    if caller.rights_version not in (None, rights_version):
        raise Collision("the rights of this person changed")
    asked = reads and caller.channel in (Channel.DEVICE, Channel.API)
    return Frame(
        stamp=stamp,
        server_number=server_number,
        now=instant(org.world.clock.now()),
        position=position,
        scope=await org.scopes.of(database, caller, org.world.clock) if asked else None,
    )


def make_heads(database: Database, written: Iterable[Written]) -> None:
    """A head row for every person who was created: without it he could save nothing."""
    people = [entry.ref.id for entry in written if entry.ref.object == "User" and entry.kind == "created"]
    if people:
        database.later(_MAKE_HEADS, people=people)


def renew_rights(database: Database, written: Iterable[Written]) -> None:
    """Let everybody whose rights these rows change start anew: his saves in progress wait for this one, or it for them.

    Last among the locks, as it is not known before what is written: two saves that meet here may be tried again.
    """
    people = sorted({user for entry in written for user in _concerned(entry)})
    if people:
        database.later(_RENEW, people=people)


def _concerned(entry: Written) -> Iterator[str]:
    rows = [row for row in (entry.before, entry.after) if row is not None]
    if entry.ref.object == "User" and any(len({row.get(name) for row in rows}) > 1 for name in _SAYS_WHO_HE_IS):
        yield entry.ref.id
    if entry.ref.object == "Permission_Set_Assignment":
        yield from (row["AssigneeId"] for row in rows)


@dataclass(frozen=True)
class Identified:
    """New transactions in order, recorded results of replayed ones, and where the histories part, if they do."""

    fresh: tuple[Incoming, ...]
    replays: tuple[Result, ...]
    fork_at: int | None
    deferred: bool = False
    """Whether the new ones are processed later: a setting says so, or earlier ones of the device are still to come."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of those that say how they are processed, the values that count for the person."""

    def framed(self, frame: Frame, clock: Clock) -> Frame:
        """The frame as the settings want it."""
        return as_set(frame, self.settings, clock)


def identity_questions(org: Org, caller: Caller, sent: Sequence[Incoming | Transaction]) -> tuple[Question, Question]:
    """What `identify` asks of a device's transactions."""
    ns, transactions = [t.n for t in sent], [t.id for t in sent]
    receipts = org.save.receipts, {"device": caller.number, "ns": ns, "transactions": transactions}
    return receipts, (org.save.device_heads, {"device": caller.number})


async def identify(org: Org, database: Database, caller: Caller, incoming: tuple[Incoming, ...]) -> Identified:
    """Tell replays from news. Nothing from the first fork on is news (DESIGN 5)."""
    if caller.number is None or not incoming:
        return Identified(incoming, (), None)
    receipts, of_device = identity_questions(org, caller, incoming)
    rows = await database.rows(receipts[0], **receipts[1])
    heads = await database.one(of_device[0], **of_device[1])
    assert heads is not None, "the session names a registered number"
    found = classify(caller, incoming, [Receipt(*row) for row in rows], confirmed_through=heads[1])
    settings = dict(said.split("=", 1) for said in heads[2] or () if said)
    return replace(found, deferred=settings.get(DEFERRED) == "true" or heads[3], settings=settings)


def as_set(frame: Frame, settings: Mapping[str, str], clock: Clock) -> Frame:
    """The frame with transactions together or not, their steps noted or not, as these settings say."""
    if settings.get(STEP_LOG) == "true" and frame.steps is None:
        frame = replace(frame, steps=StepLog(clock.now))
    return replace(frame, together=False) if settings.get(GROUPED) == "false" else frame


@dataclass(frozen=True)
class Receipt:
    """A row of `_receipt`."""

    device: str
    n: int
    transaction_id: str
    hash: str
    stamp: int
    result: bytes


def classify(
    caller: Caller, incoming: tuple[Incoming, ...], receipts: list[Receipt], *, confirmed_through: int
) -> Identified:
    """Pure half of `identify`. A transaction is

    * a replay when number (or id), id and hash are those of a receipt;
    * a fork when number or id is known with anything else, or the device had confirmed that number already;
    * new otherwise.

    Behind a fork nothing is new, but what is known is still a replay: sent anew under another number it would be done
    twice. Known is also what has number and id of a receipt and says something else, though the histories part there:
    a transaction changes only before it is sent, so that an older image has an earlier stage of it.
    """
    by_n = {r.n: r for r in receipts if r.device == caller.number}
    by_id = {r.transaction_id: r for r in receipts}
    fresh: list[Incoming] = []
    replays: list[Result] = []
    fork_at: int | None = None
    for transaction in incoming:
        known = by_id.get(transaction.id) or by_n.get(transaction.n)
        if known is None and transaction.n > confirmed_through:
            if fork_at is None:
                fresh.append(transaction)
            continue
        known_by_id = known is not None and known.device in caller.numbers and known.transaction_id == transaction.id
        if known is None or not known_by_id or known.hash != transaction.hash:
            fork_at = transaction.n if fork_at is None else fork_at
        if known is None or not known_by_id:
            continue
        replays.append(msgspec.structs.replace(_RESULT.decode(known.result), n=transaction.n))
    return Identified(tuple(fresh), tuple(replays), fork_at)


def _renew_rights() -> ClauseElement:
    """Heads are locked in the order of their ids."""
    head = system_table("_user_head")
    theirs = select(head.c.user_id).where(head.c.user_id == any_(bindparam("people")))
    locked = theirs.order_by(head.c.user_id).with_for_update().cte("locked")
    renewed = update(head).values(rights_version=head.c.rights_version + 1)
    return renewed.where(head.c.user_id == locked.c.user_id)


_RENEW = compile_statement(_renew_rights())
_MAKE_HEADS = compile_statement(
    insert(system_table("_user_head"))
    .from_select(["user_id"], select(func.unnest(cast(bindparam("people"), ARRAY(Text)))))
    .on_conflict_do_nothing()
)
