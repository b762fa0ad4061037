"""The feed, the server's half: what the user saved on other devices, whole families, in one snapshot (DESIGN 8).

Positions have no gap and commit in order, so a cursor is one number. Only whole transactions are delivered. Rights are
looked at when reading; sync rules are not (FEATURES C06, C13).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from fieldsync.base import ids, limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.feed import FamilyImage, FeedPage, OpenSaves, Outcomes
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Result
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.epoch import checkpoint_fork, of_epoch
from fieldsync.server.postgres.listen import Named
from fieldsync.server.postgres.work import END, Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.recovery.standing import known_epochs
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.images import (
    closed,
    concerned,
    family_questions,
    image_questions,
    read_families,
    read_images,
)
from fieldsync.server.sync.token import Purpose, seal, unseal

_RESULT = msgspec.json.Decoder(Result)


class Elsewhere(Exception):
    """What follows a cursor is not in the parts of the log it should be in: a server's clock was put back by days, or
    a part was dropped."""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last position a device has. It shows it to a download too, which has to know what the feed may have brought:
    what came into a family before the stamp `read`, in which the device read news last, if it did since its checkpoint.
    """

    position: int
    read: int = 0
    nonce: str = ""
    """The epoch it was made in; empty in those of earlier versions."""
    made: int = 0
    """The stamp that its snapshot ends before: where a later epoch begins below it, the position may be another's."""
    day: str = ""
    """On which it was made, in UTC: what follows lies in no earlier part of the log. Empty in earlier versions'."""

    def days(self, today: date) -> dict[str, date]:
        """The parts of the log that what follows may lie in; clocks of servers differ by less than a day."""
        if not self.day:
            return {"since": date.min, "until": date.max}
        return {"since": date.fromisoformat(self.day) - _DAY, "until": today + _DAY}


@dataclass(frozen=True)
class Place:
    """The newest epoch, the stamp that a snapshot ends before, and its day in UTC."""

    nonce: str = ""
    end: int = 0
    day: str = ""


_UNKNOWN, _DAY = Place(), timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """A row of the feed, as `statements._feed` reads it."""

    position: int
    kind: str
    transaction_id: str | None
    root_object: str
    root_id: str
    device: str | None
    object: str
    id: str
    beside: bool | None
    """It was changed by the save without being uploaded, or being master of what was."""
    told: dict[str, Any] | None
    """The later outcome of a transaction."""


def seal_cursor(org: Org, caller: Caller, position: int, place: Place = _UNKNOWN, read: int = 0) -> str:
    """The cursor a device keeps; `place`: where the snapshot stands in which it is made."""
    return seal(org.mac_key, Purpose.FEED, caller, Cursor(position, read, place.nonce, place.end, place.day))


def read_through(org: Org, caller: Caller, cursor: str) -> int:
    """The stamp to which a device that shows this cursor read its feed; 0 for one that shows none of ours."""
    try:
        return unseal(org.mac_key, Purpose.FEED, caller, cursor, Cursor).read
    except Refused:
        return 0


async def feed_position(org: Org, database: Database, caller: Caller) -> int:
    """The feed's last position in this transaction's snapshot. Raises Refused(AUTH) for a revoked user."""
    return (await _head(org, database, caller)).position


def foresee(org: Org, caller: Caller, cursor: str, named: Named | None = None) -> Iterator[Question]:
    """What a reading of news asks, if there are some; nothing for a cursor that is not ours. Where they are of these
    alone, that is all, and the transaction ends with it."""
    try:
        shown = unseal(org.mac_key, Purpose.FEED, caller, cursor, Cursor)
    except Refused:
        return
    yield org.read.head, {"user": caller.user_id}
    yield org.read.feed, _asked(org, caller, shown, limits.FEED_PAGE_ENTRIES_MAX)
    yield org.scopes.question(caller, org.world.clock)
    yield org.read.place, {}
    scope = org.scopes.last(caller)
    if named is not None and scope is not None and named.object in org.catalog.objects:
        yield from image_questions(scope, (RecordRef(named.object, ids.RecordId(each)) for each in named.ids))
        yield END


@dataclass(frozen=True)
class _Head:
    position: int
    floor: int
    poll_seconds: float


async def _head(org: Org, database: Database, caller: Caller) -> _Head:
    row = await database.one(org.read.head, user=caller.user_id)
    if row is None or row[2]:
        raise Refused(problem(Code.AUTH))
    return _Head(row[0], row[1], poll_seconds(row[3]))


def poll_seconds(setting: str | None) -> float:
    """How long a device waits between two looks for news; a setting that is no number sets nothing."""
    return float(setting) if setting and setting.isascii() and setting.isdecimal() else float(limits.POLL_SECONDS)


async def read_feed(org: Org, database: Database, caller: Caller, cursor: str, *, everywhere: bool = False) -> FeedPage:
    """News after the cursor, read in the snapshot `database` is. Raises Refused: BAD_CURSOR, INCREMENTAL_REQUIRED; and
    Elsewhere, unless `everywhere`: then the whole log is looked through."""
    shown = unseal(org.mac_key, Purpose.FEED, caller, cursor, Cursor)
    shown = msgspec.structs.replace(shown, day="") if everywhere else shown
    after = shown.position
    head = await _head(org, database, caller)
    if after < head.floor or after > head.position:
        raise Refused(problem(Code.INCREMENTAL_REQUIRED))
    place = await _place(org, database)
    if shown.nonce not in ("", place.nonce):
        await _refuse_another_history(org, database, shown)
        cursor = seal_cursor(org, caller, after, place, shown.read)
    if after == head.position:
        return FeedPage(cursor=cursor, poll_seconds=head.poll_seconds, orders=caller.ordered)
    entries = await _whole_transactions(org, database, caller, shown)
    if not entries or entries[-1].position != after + len(entries):
        if shown.day:
            raise Elsewhere
        raise Refused(problem(Code.INCREMENTAL_REQUIRED))  # one went with its part of the log
    news = [e for e in entries if e.told is None and e.device not in caller.numbers]
    results = [msgspec.convert(e.told, Result) for e in entries if e.told is not None and e.device in caller.numbers]
    scope = await org.scopes.of(database, caller, org.world.clock)
    news = await _for_this_device(scope, database, news)
    roots = {RecordRef(e.root_object, ids.RecordId(e.root_id)): None for e in news}
    refs = {*roots, *(ref for result in results for ref in concerned(result))}
    alone = not any(root.object in org.catalog.families for root in roots)
    (database.ending if alone else database.ahead)(*image_questions(scope, refs), *family_questions(scope, roots))
    images = await read_images(scope, database, refs)
    members = await read_families(scope, database, roots, images)
    read = place.end if members or results else shown.read
    return FeedPage(
        cursor=seal_cursor(org, caller, entries[-1].position, place, read),
        families=tuple(FamilyImage(root, refs) for root, refs in members.items()),
        rows=images.blocks(scope),
        gone=tuple(images.gone.values()),
        results=tuple(closed(result, images, scope) for result in results),
        more=entries[-1].position < head.position,
        poll_seconds=head.poll_seconds,
        orders=caller.ordered,
    )


async def _for_this_device(scope: Scope, database: Database, news: list[Entry]) -> list[Entry]:
    """What was uploaded, and its masters; of what else the save changed, that which rules select (FEATURES C15)."""
    asked: dict[str, set[str]] = defaultdict(set)
    for entry in news:
        if entry.beside and entry.object in scope.cut.chosen:
            asked[entry.object].add(entry.id)
    selected: set[str] = set()
    for name, wanted in asked.items():
        selected.update(found for (found,) in await database.rows(scope.among(name), ids=sorted(wanted)))
    return [entry for entry in news if not entry.beside or entry.id in selected]


async def read_outcomes(org: Org, database: Database, caller: Caller, asked: OpenSaves) -> Outcomes:
    """How saves of the caller's device stand that it has as open. Its receipt says it; where that was confirmed, what
    was told on the feed since. Raises Refused: AUTH, BAD_REQUEST."""
    if len(asked.open) > limits.OPEN_SAVES_MAX:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"more than {limits.OPEN_SAVES_MAX} saves at once"))
    await _head(org, database, caller)
    numbers = {transaction_id: n for n, transaction_id in asked.open}
    given = {"ids": sorted(numbers), "numbers": sorted(caller.numbers)}
    told = dict(await database.rows(org.read.told_later, user=caller.user_id, **given))
    found = {i: msgspec.convert(result, Result) for i, result in told.items()}
    found |= {i: _RESULT.decode(result) for i, result in await database.rows(org.read.receipts, **given)}
    results = [msgspec.structs.replace(result, n=numbers[i]) for i, result in found.items()]
    scope = await org.scopes.of(database, caller, org.world.clock)
    images = await read_images(scope, database, {ref for result in results for ref in concerned(result)})
    closed_ones = tuple(closed(result, images, scope) for result in sorted(results, key=lambda r: r.n))
    return Outcomes(closed_ones, images.blocks(scope), tuple(images.gone.values()))


async def _place(org: Org, database: Database) -> Place:
    """Where this snapshot stands: it shows nothing from its end on."""
    row = await database.one(org.read.place)
    assert row is not None, "an org has an epoch before it serves"
    snapshot, nonce, offset, _ = row
    return Place(nonce, int(snapshot.split(":")[1]) + offset, _today(org).isoformat())


def _today(org: Org) -> date:
    return org.world.clock.now().date()


def _asked(org: Org, caller: Caller, shown: Cursor, limit: int) -> dict[str, Any]:
    """What is given to the statement that reads entries."""
    return {"user": caller.user_id, "after": shown.position, "limit": limit} | shown.days(_today(org))


async def _refuse_another_history(org: Org, database: Database, shown: Cursor) -> None:
    """Positions that were given after the backup this server was restored from are given again, for other saves."""
    epochs = await known_epochs(org, database)
    if checkpoint_fork(epochs, of_epoch(shown.nonce), shown.made) is not None:
        raise Refused(problem(Code.INCREMENTAL_REQUIRED))


async def _whole_transactions(org: Org, database: Database, caller: Caller, shown: Cursor) -> list[Entry]:
    """Entries after the cursor, cut behind a transaction; a long one is read to its end."""
    limit = limits.FEED_PAGE_ENTRIES_MAX
    while True:
        rows = await database.rows(org.read.feed, **_asked(org, caller, shown, limit))
        entries = [Entry(*row) for row in rows]
        if len(entries) < limit:
            return entries
        ends = [i for i in range(1, len(entries)) if entries[i].transaction_id != entries[i - 1].transaction_id]
        if ends:
            return entries[: ends[-1]]
        limit *= 4
