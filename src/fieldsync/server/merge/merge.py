"""Merging two records online: what refers to the loser refers to the winner, the loser is deleted, its id an alias.

One database transaction, object by object as sets, journaled with every value it changed. It is the platform's own act
and asks no rule: a submitted call goes to the winner too. Rows that are loaded from files stay as they are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, or_, update

from fieldsync.base import limits
from fieldsync.base.ids import RecordId, uuid7
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation, Saved, encode_items, hash_of
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.org.bring_in import admin_of
from fieldsync.server.org.open import open_org
from fieldsync.server.org.recalculate import sum_up
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Collision, NotUnique, transaction
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save import changes, journal
from fieldsync.server.save.batch import Edit, Frame, Incoming, Row, Wave, Work, decode_row, encode_rows
from fieldsync.server.save.head import lock_head
from fieldsync.server.save.stamp import ALWAYS_WRITTEN
from fieldsync.server.save.statements import locked_rows
from fieldsync.server.save.write import Written

_ALIAS = system_table("_alias")
_FOLLOW = compile_statement(update(_ALIAS).where(_ALIAS.c.winner == bindparam("loser")).values(winner=bindparam("to")))
_ADD = compile_statement(insert(_ALIAS).values({c.name: bindparam(c.name) for c in _ALIAS.c}))


@dataclass(frozen=True)
class Merged:
    """What a merge did: how many records now refer to the winner."""

    object: str
    loser: RecordId
    winner: RecordId
    moved: int


async def merge(org: Org, object_name: str, loser: RecordId, winner: RecordId) -> Merged:
    """Merge `loser` into `winner`, whose own values stay. Raises Refused: UNKNOWN_OBJECT, BAD_REQUEST (not mergeable,
    or the same), NOT_FOUND (one of them is not there, or deleted), DUPLICATE (a unique value stands in the way)
    and BUSY.
    """
    if object_name not in org.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=object_name))
    if not org.catalog[object_name].declared.mergeable or loser == winner:
        raise Refused(problem(Code.BAD_REQUEST, reason=f"{object_name} {loser} cannot be merged into {winner}"))
    for _ in range(limits.DEADLOCK_RETRIES_MAX):
        try:
            async with transaction(org.pool) as database:
                return await _merge(org, database, RecordRef(object_name, loser), RecordRef(object_name, winner))
        except NotUnique as taken:
            raise Refused(problem(Code.DUPLICATE, field=taken.constraint, value="a value of both")) from None
        except Collision:
            continue
    raise Refused(problem(Code.BUSY))


async def merge_at(uri: str, org_name: str, world: World, named: tuple[str, RecordId, RecordId]) -> Merged:
    """`merge` for an org that no server of this process serves: object, loser, winner."""
    async with AsyncExitStack() as stack:
        return await merge(await open_org(stack, uri, org_name, world), *named)


async def _merge(org: Org, database: Database, loser: RecordRef, winner: RecordRef) -> Merged:
    caller = await admin_of(org, database)
    frame = await lock_head(org, database, caller)
    rows = await _both(org, database, loser, winner)
    work = Work(Incoming(uuid7(unix_ms(org.world.clock.now()), org.world.chance.bytes(10)), 0, "", frame.now, ()), [])
    wave = Wave(caller, frame, [work])
    written = [one for name in _by_prefix(org) for one in await _move(org, database, wave, name, loser, winner)]
    written.append(await _delete(org, database, wave, loser, rows[loser.id]))
    await database.run(_FOLLOW, loser=loser.id, to=winner.id)
    stamped = {"object": loser.object, "loser": loser.id, "winner": winner.id, "at": frame.now}
    await database.run(_ADD, **stamped)
    await changes.log(org, database, wave, written, frame.position)
    await sum_up(org, database, frame, winner.object, [winner.id])
    await _journal(org, database, wave, written)
    return Merged(loser.object, loser.id, winner.id, len(written) - 1)


async def _both(org: Org, database: Database, loser: RecordRef, winner: RecordRef) -> dict[str, Row]:
    found = await database.rows(org.save.lock_to_delete(loser.object), ids=sorted((loser.id, winner.id)))
    rows = {row["Id"]: row for (text,) in found for row in (decode_row(text),)}
    for ref in (loser, winner):
        if ref.id not in rows or rows[ref.id]["IsDeleted"]:
            raise Refused(problem(Code.NOT_FOUND, object=ref.object, id=ref.id))
    return rows


def _by_prefix(org: Org) -> Iterator[ObjectType]:
    return iter(sorted((o for o in org.catalog if o.declared.bulk is None), key=lambda o: o.prefix))


async def _move(
    org: Org, database: Database, wave: Wave, object_type: ObjectType, loser: RecordRef, winner: RecordRef
) -> list[Written]:
    """Rows of one object that refer to the loser, deleted ones too, refer to the winner; nothing to itself."""
    columns = [field.name for field in object_type.references if field.references == loser.object]
    if not columns:
        return []
    table = org.metadata.tables[object_type.name]
    chosen = locked_rows(table, or_(*(table.c[column] == bindparam("loser") for column in columns)))
    found = [decode_row(text) for (text,) in await database.rows(compile_statement(chosen), loser=loser.id)]
    written = []
    for before in found:
        to = {c: winner.id if before["Id"] != winner.id else None for c in columns if before[c] == loser.id}
        written.append(_written(wave, RecordRef(object_type.name, before["Id"]), "updated", before, before | to))
    if written:
        statement = org.save.update(object_type.name, frozenset(columns) | ALWAYS_WRITTEN)
        await database.run(statement, rows=encode_rows([one.after for one in written]))
    return written


async def _delete(org: Org, database: Database, wave: Wave, loser: RecordRef, row: Row) -> Written:
    name, done = loser.object, _written(wave, loser, "deleted", row, row | {"IsDeleted": True})
    await database.run(org.save.update(name, ALWAYS_WRITTEN | {"IsDeleted"}), rows=encode_rows([done.after]))
    return done


def _written(wave: Wave, ref: RecordRef, kind: str, before: Row, after: Row) -> Written:
    frame: Frame = wave.frame
    stamp = {"LastModifiedDate": frame.now, "LastModifiedById": wave.caller.user_id, "SystemModstamp": frame.now}
    return Written(
        wave.works[0], ref, kind, before, after | stamp | {"_stamp": frame.stamp_after(ref.id, before)}, root=ref
    )


async def _journal(org: Org, database: Database, wave: Wave, written: list[Written]) -> None:
    """The merge as one transaction of the admin's: who, when, and each value before and after."""
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
