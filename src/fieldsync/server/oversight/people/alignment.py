"""An alignment brought by a file: who works in which territory from which day, and which accounts belong to it.

A file has a column `Territory`, one of `User` and `Account`, perhaps `Action` (add or remove) and `Effective` (a day).
All of it is one database transaction, through the save pipeline; a preview does the same, looks at what the devices of
the people concerned would hold, and takes it back. `aligning.py` does it as a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import msgspec
from sqlalchemy import any_, bindparam, null, or_, select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant, unix_ms
from fieldsync.protocol.upload import Change, Item, Operation, Rejected, encode_items, hash_of
from fieldsync.schema.standard import STAMP
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.shift import Shift, held_before, held_now
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.queue.progress import Stage
from fieldsync.server.postgres.queue.watched import Watched
from fieldsync.server.postgres.work import Busy, Collision
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.simulate import stand_in_for_sequences
from fieldsync.server.save.batch import Caller, Frame, Incoming
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.pipeline import save
from fieldsync.server.sync.session import Begin

LINES_MAX = 20_000
WORKS, BELONGS = "User_Territory", "Territory_Account"
ADD, REMOVE = "add", "remove"


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One line of the file as it is written; `who` is a user name, or an account's id or external id."""

    number: int
    who: str
    territory: str
    action: str
    effective: str


class File(msgspec.Struct, frozen=True):
    """All lines. `of`: `User` or `Account`."""

    of: str
    lines: tuple[Line, ...]


class Aligned(msgspec.Struct):
    """What became of it, or would: (line, why) of what was refused; nothing is kept where there is any."""

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    refused: list[tuple[int, str]] = []
    many_refused: int = 0
    """In all, where not all are told."""
    shifts: tuple[Shift, ...] = ()
    """Of a preview: what comes and goes on the devices of those concerned."""
    wrong: str = ""
    """Why none of it could be done, where that is no line's fault."""


class _TakenBack(Exception):
    """Ends the transaction of a preview, of a file with a line that is refused, or of one that somebody canceled."""


def read_file(rows: Iterable[Sequence[str]]) -> File:
    """The lines of a file, the head first. Raises Refused(UNUSABLE)."""
    numbered = enumerate((list(row) for row in rows), 1)
    heads = [name.strip().lower() for name in next(numbered, (0, []))[1]]
    of = next((name for name in ("User", "Account") if name.lower() in heads), None)
    if of is None or "territory" not in heads:
        raise _unusable("its first line names User or Account, and Territory; Action and Effective may follow")
    places = {name: heads.index(name) for name in (of.lower(), "territory", "action", "effective") if name in heads}
    lines = []
    for number, row in numbered:
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        if any(cells.values()):
            action, day = cells.get("action", "").lower() or ADD, cells.get("effective", "")
            lines.append(Line(number, cells[of.lower()], cells["territory"], action, day))
        if len(lines) > LINES_MAX:
            raise _unusable(f"it has more than {LINES_MAX:,} lines")
    return File(of, tuple(lines))


def _unusable(reason: str) -> Refused:
    return Refused(problem(Code.UNUSABLE, what="This file", reason=reason))


async def align(org: Org, begin: Begin, file: File, watched: Watched, *, preview: bool) -> Aligned:
    """Carry it out, or say what it would do. What was kept is noted as ended with it, in one commit; how the rest ended
    is for the caller to note, by `watched.stage`. Raises Refused: FORBIDDEN, BUSY."""
    ids = await draw_ids(org, [WORKS if file.of == "User" else BELONGS] * len(file.lines))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        done = Aligned()
        try:
            async with begin() as (database, caller):
                known = await _look_up(org, database, file)
                items = _items(org, file, known, ids, done)
                people = await _concerned(org, database, file, known) if preview else ()
                if preview:
                    await stand_in_for_sequences(database)
                    await held_before(org, database, people)
                frame = replace(await lock_head(org, database, caller), dry=preview)
                await _save(org, database, (caller, frame), (items, watched), done)
                if preview:
                    done.shifts = await held_now(org, database, people)
                if preview or done.refused or not await watched.end_with(database, done):
                    raise _TakenBack
                return done
        except _TakenBack:
            if done.refused and watched.stage is not Stage.CANCELED:
                watched.stage = Stage.ERROR
            return done
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


async def _save(
    org: Org,
    database: Database,
    who: tuple[Caller, Frame],
    what: tuple[Sequence[tuple[int, Item]], Watched],
    done: Aligned,
) -> None:
    """Save what the lines say, in batches; what is refused is noted."""
    items, watched = what
    for first in range(0, len(items), limits.UPLOAD_BATCH_RECORDS_MAX):
        if not await watched.step(first, len(items)):
            raise _TakenBack
        batch = items[first : first + limits.UPLOAD_BATCH_RECORDS_MAX]
        results = (await save(org, database, *who, _incoming(org, batch))).results
        for (number, _), result in zip(batch, results, strict=True):
            if isinstance(result.outcome, Rejected):
                done.refused.append((number, result.outcome.problems[0].message))
    await database.flush()
    if not await watched.step(len(items), len(items)):
        raise _TakenBack


def _incoming(org: Org, batch: Sequence[tuple[int, Item]]) -> tuple[Incoming, ...]:
    now, made = org.world.clock.now(), []
    for number, item in batch:
        transaction_id = uuid7(unix_ms(now), org.world.chance.bytes(10))
        made.append(Incoming(transaction_id, number, hash_of((encode_items((item,)),)), instant(now), (item,)))
    return tuple(made)


@dataclass(frozen=True)
class _Known:
    """What the file names, by how it names it, and the assignments that are there by (who, territory)."""

    who: Mapping[str, str]
    territories: Mapping[str, str]
    there: Mapping[tuple[str, str], tuple[str, int, str | None]]
    """To id, stamp and last day."""


async def _look_up(org: Org, database: Database, file: File) -> _Known:
    tables = org.metadata.tables
    of, territory = tables[file.of], tables["Territory"]
    keys = (of.c.Username,) if file.of == "User" else (of.c.Id, of.c.External_Id)
    who: dict[str, str] = {}
    for key in keys:
        found = select(key, of.c.Id).where(key == any_(bindparam("keys")), of.c.IsDeleted.is_(False))
        who |= dict(await database.rows(compile_statement(found), keys=sorted({line.who for line in file.lines})))
    places: dict[str, str] = {}
    for key in (territory.c.Name, territory.c.External_Id, territory.c.Id):
        found = select(key, territory.c.Id).where(key == any_(bindparam("keys")), territory.c.IsDeleted.is_(False))
        places |= dict(
            await database.rows(compile_statement(found), keys=sorted({line.territory for line in file.lines}))
        )
    table = tables[WORKS if file.of == "User" else BELONGS]
    person = table.c.UserId if file.of == "User" else table.c.AccountId
    last = table.c.End_Date if file.of == "User" else null()
    query = select(person, table.c.TerritoryId, table.c.Id, table.c[STAMP], last)
    present = query.where(person == any_(bindparam("ids")), table.c.IsDeleted.is_(False))
    rows = await database.rows(compile_statement(present), ids=sorted(set(who.values())))
    there = {(r[0], r[1]): (r[2], r[3], r[4].isoformat() if isinstance(r[4], date) else None) for r in rows}
    return _Known(who, places, there)


def _items(org: Org, file: File, known: _Known, ids: Sequence[RecordId], done: Aligned) -> list[tuple[int, Item]]:
    """A save for each line that changes something; what cannot be one is noted as refused. Pure."""
    today, found = org.world.clock.now().date(), []
    for line, new_id in zip(file.lines, ids, strict=True):
        try:
            item = _item(file.of, line, known, new_id, today)
        except ValueError as wrong:
            done.refused.append((line.number, str(wrong)))
            continue
        if item is None:
            done.unchanged += 1
            continue
        if line.action == ADD:
            done.added += 1
        else:
            done.removed += 1
        found.append((line.number, item))
    return found


def _item(of: str, line: Line, known: _Known, new_id: RecordId, today: date) -> Item | None:
    """Raises ValueError with the reason."""
    who, territory = known.who.get(line.who), known.territories.get(line.territory)
    if who is None:
        raise ValueError(f"there is no {of.lower()} {line.who[:80]}")
    if territory is None:
        raise ValueError(f"there is no territory {line.territory[:80]}")
    if line.action not in (ADD, REMOVE):
        raise ValueError(f"an action is add or remove, not {line.action[:20]}")
    try:
        day = date.fromisoformat(line.effective) if line.effective else today
    except ValueError:
        raise ValueError(f"{line.effective[:20]} is no day like {today.isoformat()}") from None
    there = known.there.get((who, territory))
    if of == "User":
        return _works(line.action, (who, territory), there, new_id, day)
    if day > today:
        raise ValueError("accounts move on the day the file is brought; bring it on that day")
    if line.action == ADD:
        values = {"AccountId": who, "TerritoryId": territory, "Active": True, "Available_Offline": True}
        return None if there is not None else _made(BELONGS, new_id, values)
    return None if there is None else Item(BELONGS, RecordId(there[0]), Operation.DELETE, {}, there[1])


def _works(
    action: str, pair: tuple[str, str], there: tuple[str, int, str | None] | None, new_id: RecordId, day: date
) -> Item | None:
    """A person begins on the day, or worked there until the day before."""
    user, territory = pair
    if action == ADD:
        if there is not None and there[2] is None:
            return None
        values = {"UserId": user, "TerritoryId": territory, "Active": True, "Start_Date": day.isoformat()}
        return _made(WORKS, new_id, values)
    if there is None:
        return None
    last = (day - timedelta(days=1)).isoformat()
    if there[2] is not None and there[2] <= last:
        return None
    return Item(WORKS, RecordId(there[0]), Operation.UPDATE, {"End_Date": Change(there[2], last)}, there[1])


def _made(name: str, new_id: RecordId, values: Mapping[str, object]) -> Item:
    return Item(name, new_id, Operation.CREATE, {column: Change(None, value) for column, value in values.items()})


async def _concerned(org: Org, database: Database, file: File, known: _Known) -> tuple[str, ...]:
    """User names of who works in the territories that the file names, and of those it names."""
    tables = org.metadata.tables
    works, user = tables[WORKS], tables["User"]
    inside = select(works.c.UserId).where(
        works.c.TerritoryId == any_(bindparam("territories")), works.c.Active.is_(True), works.c.IsDeleted.is_(False)
    )
    named = user.c.Id == any_(bindparam("users"))
    query = select(user.c.Username).where(user.c.IsActive.is_(True), or_(named, user.c.Id.in_(inside)))
    users = sorted(known.who.values()) if file.of == "User" else []
    territories = sorted(set(known.territories.values()))
    rows = await database.rows(compile_statement(query.order_by(user.c.Username)), territories=territories, users=users)
    return tuple(name for (name,) in rows)
