"""Upload, the server's half: parts become transactions, transactions go through the save pipeline, outcomes go back.

One request is one database transaction of one user, answered after its commit. It is safe to send any request again,
at any time, in any number (law L2). A deadlock is tried again; then, as where it takes too long, the batch is halved.
A save that alone takes too long is tried later by a job, so that the queue behind it goes on; so is one that ends in an
error nobody foresaw, once another that goes through shows that it is no fault of all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import msgspec

from fieldsync.base import ids, limits
from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Saved, UploadRequest, UploadResponse
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.listen import CHANNEL, Named, news_for
from fieldsync.server.postgres.work import BadRow, Busy, Collision, NotUnique, Question, TooLong
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.deferred import put_off
from fieldsync.server.processor.locked import (
    RecordsHeld,
    ToldApart,
    Unforeseen,
    save_around,
    save_behind,
    save_or_held,
    try_later,
)
from fieldsync.server.processor.marks import mark_taken_back
from fieldsync.server.processor.waiting import as_told
from fieldsync.server.recovery.offers import note_offers
from fieldsync.server.recovery.standing import take_back
from fieldsync.server.save.batch import Caller, Frame, Incoming
from fieldsync.server.save.changes import log_shown
from fieldsync.server.save.head import Identified, as_sender, head_question, identify, identity_questions, lock_head
from fieldsync.server.save.pipeline import Done, questions_ahead
from fieldsync.server.sync import parts
from fieldsync.server.sync.images import closed, concerned, image_questions, read_images
from fieldsync.server.sync.session import BeginAhead

NAMED_MAX = 3
"""Records that a wake-up names: those of a save on the way to a person's other device."""

Run = Callable[[Org, Database, Caller, Frame, tuple[Incoming, ...]], Awaitable[Done]]
"""What is done with transactions that are new."""


async def upload(org: Org, begin: BeginAhead, request: UploadRequest) -> UploadResponse:
    """Save what a device sent. Raises Refused: AUTH, BAD_REQUEST, BUSY, TIMEOUT."""
    refuse_unreadable(request)
    try:
        with ToldApart(org):
            return await _upload(org, begin, request)
    except Unforeseen:
        half = _first_half(request)
        if half is None:
            raise
        return await _upload_half(org, begin, request, half)


async def _upload_half(org: Org, begin: BeginAhead, request: UploadRequest, half: UploadRequest) -> UploadResponse:
    """The first half alone; where that is one that fails again, what is behind it."""
    try:
        return await upload(org, begin, half)
    except Unforeseen as first:
        try:
            with ToldApart(org):
                return await _once(org, begin, request, save_behind)
        except Unforeseen:
            raise first from None


async def _upload(org: Org, begin: BeginAhead, request: UploadRequest) -> UploadResponse:
    run: Run = save_or_held
    why, settled = Code.BUSY, False
    for tried in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            return await _once(org, begin, request, run, settled=settled, foresees=tried == 0)
        except Collision:
            continue
        except Unsettled:
            settled = True
        except RecordsHeld:
            run = save_around
        except TooLong:
            why = Code.TIMEOUT
            break
        except Busy:
            raise Refused(problem(Code.BUSY), retry_after_seconds=2.0) from None
    half = _first_half(request)
    if half is not None:
        return await _upload(org, begin, half)
    if why is not Code.TIMEOUT:
        raise Refused(problem(why), retry_after_seconds=2.0)
    try:
        return await _once(org, begin, request, try_later)
    except TooLong:
        raise Refused(problem(why), retry_after_seconds=2.0) from None


def _first_half(request: UploadRequest) -> UploadRequest | None:
    """As many of the saves, each with all its parts; None where there is but one."""
    numbers = list(dict.fromkeys(t.n for t in request.transactions))
    first = frozenset(numbers[: len(numbers) // 2])
    kept = tuple(t for t in request.transactions if t.n in first)
    return msgspec.structs.replace(request, transactions=kept) if kept else None


def refuse_unreadable(request: UploadRequest) -> None:
    """Order and numbers of a request, before anything is looked up."""
    last: tuple[int, int] = (request.confirmed_through, 0)
    for transaction in request.transactions:
        place = (transaction.n, transaction.part)
        if place <= last or not 0 < transaction.n < 2**53:
            raise _unreadable(f"transaction {transaction.n} part {transaction.part} is out of order")
        if not ids.is_transaction_id(transaction.id):
            raise _unreadable(f"transaction {transaction.n} has no valid id")
        if not 1 <= transaction.part <= transaction.parts <= limits.TRANSACTION_PARTS_MAX:
            raise _unreadable(f"transaction {transaction.n} has part {transaction.part} of {transaction.parts}")
        last = place


def _unreadable(reason: str) -> Refused:
    return Refused(problem(Code.BAD_REQUEST, reason=reason))


class Unsettled(Exception):
    """PostgreSQL refused a row when the batch was answered already: which save is to blame shows when it runs again and
    waits for every wave. Hardly ever so, and all others spare that wait."""


class HeldAhead(Collision):
    """Something was not had in time: the head row, or a record that was asked for with it. Asked for by itself, it
    shows which."""


async def _once(
    org: Org, begin: BeginAhead, request: UploadRequest, run: Run, *, settled: bool = True, foresees: bool = False
) -> UploadResponse:
    begun = hoping = False
    try:
        async with begin(lambda known: _questions(org, known, request, records=foresees)) as (database, signed_in):
            if request.device not in signed_in.numbers and await take_back(org, signed_in, request.device):
                raise Collision("the device has its number again")
            caller = as_sender(signed_in, request.device)
            frame = replace(await lock_head(org, database, caller), settled=settled)
            begun, hoping = True, not settled
            gathered, identified, done = await _saved(org, database, caller, frame, request, run)
            _move_heads(org, database, caller, frame, request, done)
            reach("upload.before_commit")
            response = await _answer(org, database, caller, frame, gathered, identified, done)
    except (NotUnique, BadRow) as refused:
        if settled:
            raise
        raise Unsettled from refused
    except Busy as refused:
        if isinstance(refused, TooLong):
            raise
        if foresees and not begun:
            raise HeldAhead("asked for ahead") from refused
        if not hoping:
            raise
        raise Unsettled from refused
    reach("upload.after_commit")
    return response


async def _saved(
    org: Org, database: Database, caller: Caller, frame: Frame, request: UploadRequest, run: Run
) -> tuple[parts.Gathered, Identified, Done]:
    """What was whole, what of it was new, and what became of that."""
    await mark_taken_back(org, database, caller, frame, request.undone)
    gathered = await parts.gather(org, database, caller, request.transactions)
    identified = await identify(org, database, caller, gathered.complete)
    run = put_off if identified.deferred or request.offered else run
    done = await run(org, database, caller, identified.framed(frame, org.world.clock), identified.fresh)
    if request.offered:
        await note_offers(org, database, caller, frame, dict(request.offered), done)
    return gathered, identified, replace(done, results=await as_told(org, database, caller.number or "", done.results))


def _questions(org: Org, known: Caller, request: UploadRequest, *, records: bool) -> Iterator[Question]:
    """What every upload asks first; `records`: and what a small one asks of the records it names."""
    caller = replace(known, number=ids.DeviceNumber(request.device))
    yield head_question(org, caller)
    yield org.scopes.question(caller, org.world.clock)
    yield from identity_questions(org, caller, request.transactions)
    scope = org.scopes.last(caller)
    if records and scope is not None and not (request.undone or request.offered):
        with suppress(Refused):  # what cannot be read is refused when its turn has come
            alone = parts.alone(request.transactions)
            yield from questions_ahead(org, caller, scope, alone)


def _move_heads(org: Org, database: Database, caller: Caller, frame: Frame, request: UploadRequest, done: Done) -> None:
    number, now = caller.number, org.world.clock.now()
    database.later(org.session.uploaded, device=caller.device_id, now=now)
    high = max((r.n for r in done.results), default=0)
    through = min(request.confirmed_through, 2**53)
    database.later(org.save.move_device, device=number, high=high, through=through)
    if done.position > frame.position:
        database.later(org.save.move_head, user=caller.user_id, to=done.position)
        payload = news_for(org.schema, caller.user_id, caller.device_id, done.position, _named(org, done))
        database.later(org.save.wake, channel=CHANNEL, payload=payload)
        database.say(payload)


def _named(org: Org, done: Done) -> Named | None:
    """What the news are of, where that is a record or two which have no parts."""
    refs = {ref for result in done.results for ref in result.touched}
    name = next((ref.object for ref in refs), "")
    alone = all(ref.object == name for ref in refs) and org.catalog.family_of(name) is None
    return Named(name, tuple(sorted(ref.id for ref in refs))) if alone and 0 < len(refs) <= NAMED_MAX else None


async def _answer(
    org: Org,
    database: Database,
    caller: Caller,
    frame: Frame,
    gathered: parts.Gathered,
    identified: Identified,
    done: Done,
) -> UploadResponse:
    results = sorted((*done.results, *identified.replays, *gathered.waiting), key=lambda r: r.n)
    scope = frame.scope
    assert scope is not None, "a device is asked whose rows it may read"
    refs = {ref for result in results for ref in concerned(result)}
    refused = [result for result in done.results if not isinstance(result.outcome, Saved)]
    (database.ahead if refused else database.ending)(*image_questions(scope, refs))
    images = await read_images(scope, database, refs)
    shown = [(result.id, ref) for result in refused for ref in concerned(result) if images.holds(ref)]
    log_shown(org, database, caller, frame, shown)
    results = [closed(result, images, scope) for result in results]
    forks = [n for n in (identified.fork_at, done.fork_at, gathered.fork_at) if n is not None]
    fork_at, known = min(forks, default=None), {r.n for r in identified.replays}
    return UploadResponse(
        results=tuple(r for r in results if fork_at is None or r.n < fork_at or r.n in known),
        rows=images.blocks(scope),
        gone=tuple(images.gone.values()),
        fork_at=fork_at,
    )
