"""Merging two records online: what refers to the loser refers to the winner, the loser is deleted, its id an alias.

One database transaction, object by object as sets, journaled with every value it changed. It is the platform's own act
and asks no rule: a submitted call goes to the winner too. Of rows that are loaded from files, those go along that the
winner has none of the same key for; the others go with the loser. Rows there may be one of become one (`fold.py`).
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, update

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation, Saved, encode_items, hash_of
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import FieldType
from fieldsync.server.merge import aliases
from fieldsync.server.merge.locks import lock_all
from fieldsync.server.merge.move import Mover, written_as
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.open import open_org
from fieldsync.server.org.recalculate import sum_up
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Busy, Collision, NotUnique, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import changes
from fieldsync.server.save.batch import Caller, Edit, Frame, Incoming, Row, Wave, Work, decode_row, encode_rows
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.journal import journal
from fieldsync.server.save.stamp import ALWAYS_WRITTEN, compose_name
from fieldsync.server.save.write import Written

_COMPUTED = frozenset({FieldType.FORMULA, FieldType.ROLL_UP, FieldType.AUTO_NUMBER, FieldType.ID})


@dataclass(frozen=True)
class Merging:
    """What is asked for. The winner's own values stay, but for those of `take`, columns that it gets from the loser."""

    object: str
    loser: RecordId
    winner: RecordId
    take: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Merged:
    """What a merge did: how many records now refer to the winner."""

    object: str
    loser: RecordId
    winner: RecordId
    moved: int


async def merge(org: Org, merging: Merging, by: Caller | None = None) -> Merged:
    """Carry it out, in the name of an admin; of the org's first one where nobody is named.

    Raises Refused: UNKNOWN_OBJECT, BAD_REQUEST (not mergeable, the same, or a column that cannot be taken), NOT_FOUND
    (one of them is not there, or deleted), DUPLICATE (a unique value stands in the way) and BUSY.
    """
    check(org, merging)
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with transaction(org.pool) as database:
                return await _merge(org, database, merging, by or await admin_of(org, database))
        except NotUnique as taken:
            raise Refused(problem(Code.DUPLICATE, field=taken.constraint, value="a value of both")) from None
        except Collision:
            continue
        except Busy:
            break
    raise Refused(problem(Code.BUSY), retry_after_seconds=2.0)


def check(org: Org, merging: Merging) -> None:
    """Whether it can be asked for. Raises Refused: UNKNOWN_OBJECT, BAD_REQUEST."""
    if merging.object not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=merging.object))
    if not org.catalog[merging.object].declared.mergeable or merging.loser == merging.winner:
        reason = f"{merging.object} {merging.loser} cannot be merged into {merging.winner}"
        raise Refused(problem(Code.BAD_REQUEST, reason=reason))
    for column in set(merging.take) - set(takeable(org.catalog[merging.object])):
        raise Refused(problem(Code.BAD_REQUEST, reason=f"{column} cannot be taken from the other record"))


def takeable(object_type: ObjectType) -> tuple[str, ...]:
    """Columns whose value the winner may take from the loser: what people fill in. Pure."""
    fields = object_type.column_fields.items()
    return tuple(
        n for n, f in fields if not f.system and f.type not in _COMPUTED and f.type is not FieldType.MASTER_DETAIL
    )


async def merge_at(uri: str, org_name: str, world: World, merging: Merging) -> Merged:
    """`merge` for an org that no server of this process serves."""
    async with AsyncExitStack() as stack:
        return await merge(await open_org(stack, uri, org_name, world), merging)


async def _merge(org: Org, database: Database, merging: Merging, caller: Caller) -> Merged:
    frame = await lock_head(org, database, caller)
    loser, winner = RecordRef(merging.object, merging.loser), RecordRef(merging.object, merging.winner)
    work = Work(Incoming(uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10)), 0, "", frame.now, ()), [])
    wave = Wave(caller, frame, [work])
    await lock_all(org, database, wave, loser, winner)
    rows = await _both(org, database, loser, winner)
    mover = Mover(org, database, wave)
    written = await mover.move(loser, winner)
    moved = len(written)
    written += await _take(org, database, wave, merging, rows)
    written.append(await _delete(org, database, wave, loser, rows[loser.id]))
    await aliases.follow(database, loser, winner.id, frame.now)
    written = _once(written)
    changes.log(org, database, wave, written, frame.position)
    for kept, both in [*mover.folds, (winner, list(rows.values()))]:
        await _sum_up(org, database, frame, kept, both)
    await _journal(org, database, wave, written, merging)
    return Merged(loser.object, loser.id, winner.id, moved)


async def _sum_up(org: Org, database: Database, frame: Frame, winner: RecordRef, found: list[Row]) -> None:
    """The winner anew, then the masters of both, and theirs."""
    object_type = org.catalog[winner.object]
    await sum_up(org, database, frame, winner.object, [winner.id])
    while object_type.master is not None and found:
        master, column = object_type.master.references or "", object_type.master.name
        masters = sorted({row[column] for row in found if row[column] is not None})
        await sum_up(org, database, frame, master, masters)
        found = [decode_row(text) for (text,) in await database.rows(org.save.read(master), ids=masters)]
        object_type = org.catalog[master]


async def _both(org: Org, database: Database, loser: RecordRef, winner: RecordRef) -> dict[str, Row]:
    found = await database.rows(org.save.lock_to_delete(loser.object), ids=sorted((loser.id, winner.id)))
    rows = {row["Id"]: row for (text,) in found for row in (decode_row(text),)}
    for ref in (loser, winner):
        if ref.id not in rows or rows[ref.id]["IsDeleted"]:
            raise Refused(problem(Code.NOT_FOUND, object=ref.object, id=ref.id))
    return rows


async def _take(org: Org, database: Database, wave: Wave, merging: Merging, rows: dict[str, Row]) -> list[Written]:
    """Give the winner the loser's values that it is to have. A unique one leaves the loser, or both would have it."""
    object_type, loser, winner = org.catalog[merging.object], rows[merging.loser], rows[merging.winner]
    taken = {column: loser[column] for column in merging.take if loser[column] != winner[column]}
    if not taken:
        return []
    unique = [column for column in taken if object_type.column_fields[column].unique]
    if unique:
        freed = [{"Id": loser["Id"], **dict.fromkeys(unique)}]
        await database.run(org.save.update(object_type.name, frozenset(unique)), rows=encode_rows(freed))
    after = winner | taken
    compose_name(object_type, after, set(taken))
    done = written_as(wave, RecordRef(merging.object, merging.winner), "updated", winner, after)
    statement = org.save.update(object_type.name, frozenset(taken) | {"Name"} | ALWAYS_WRITTEN)
    await database.run(statement, rows=encode_rows([done.after]))
    return [done]


def _once(written: list[Written]) -> list[Written]:
    """One entry a record: one of the pair may refer to the other, and be written twice. Pure."""
    found: dict[RecordRef, Written] = {}
    for one in written:
        known = found.get(one.ref)
        assert one.before is not None
        changed = {column: value for column, value in one.after.items() if one.before[column] != value}
        found[one.ref] = one if known is None else replace(one, before=known.before, after=known.after | changed)
    return list(found.values())


async def _delete(org: Org, database: Database, wave: Wave, loser: RecordRef, row: Row) -> Written:
    name, done = loser.object, written_as(wave, loser, "deleted", row, row | {"IsDeleted": True})
    await database.run(org.save.update(name, ALWAYS_WRITTEN | {"IsDeleted"}), rows=encode_rows([done.after]))
    return done


async def _journal(org: Org, database: Database, wave: Wave, written: list[Written], merging: Merging) -> None:
    """The merge as one transaction of the admin's: who, when, why, and each value before and after."""
    [work] = wave.works
    for one in written:
        assert one.before is not None
        columns = [c for c in one.before if one.before[c] != one.after[c] and c not in ALWAYS_WRITTEN]
        operation = Operation.DELETE if one.kind == "deleted" else Operation.UPDATE
        moved = {c: Change(one.before[c], one.after[c]) for c in columns if c != "IsDeleted"}
        work.edits.append(Edit(Item(one.ref.object, one.ref.id, operation, moved), org.catalog[one.ref.object]))
    items = tuple(edit.item for edit in work.edits)
    now = instant(org.world.clock.now())
    work.incoming = Incoming(work.incoming.id, 0, hash_of((encode_items(items),)), now, items)
    work.outcome, work.root = Saved(), written[-1].ref
    await journal.journal(org, database, wave)
    t = org.metadata.tables["Sync_Transaction"]
    said = f"Merged {merging.loser} into {merging.winner}. {merging.reason}".strip()
    write = update(t).where(t.c.Transaction_Id == bindparam("transaction")).values(Comments=said)
    await database.run(compile_statement(write), transaction=work.incoming.id)
