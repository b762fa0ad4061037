"""A loser's id stands for the winner's, wherever a save names it (DESIGN 7, FEATURES E22).

The queue of a device never changes: what it says of a loser is read here as said of the winner, before anything is
locked or compared, so an old value that names the loser equals the winner. A delete of a loser stays what it is: the
loser is gone already, and nobody asked for the winner to go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

import msgspec
from sqlalchemy import any_, bindparam, insert, select, update

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.tables import system_table
from fieldsync.server.postgres.work import Collision, Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave, Work
from fieldsync.server.scope.scope import Scope

Aliases = Mapping[str, RecordId]
"""Loser to winner."""

_ALIAS = system_table("_alias")
_FIND = compile_statement(select(_ALIAS.c.loser, _ALIAS.c.winner).where(_ALIAS.c.loser == any_(bindparam("ids"))))
_OF_OBJECT = compile_statement(
    select(_ALIAS.c.loser)
    .where(_ALIAS.c.object == bindparam("object"), _ALIAS.c.loser > bindparam("above"))
    .order_by(_ALIAS.c.loser)
    .limit(bindparam("most"))
)
_FOLLOW = compile_statement(update(_ALIAS).where(_ALIAS.c.winner == bindparam("loser")).values(winner=bindparam("to")))
_ADD = compile_statement(insert(_ALIAS).values({c.name: bindparam(c.name) for c in _ALIAS.c}))


async def find(database: Database, ids: Iterable[str]) -> Aliases:
    """The winners of those of these ids that lost."""
    wanted = sorted(set(ids))
    return dict(await database.rows(_FIND, ids=wanted)) if wanted else {}


def questions(catalog: Catalog, works: Iterable[Work]) -> Iterator[Question]:
    """What `point_to_winners` will ask for these transactions first."""
    wanted = sorted({one for work in works for edit in work.edits for one in _named(catalog, edit)})
    if wanted:
        yield _FIND, {"ids": wanted}


async def remember(database: Database, sent: RecordRef, winner: RecordId, now: str) -> None:
    """From here on an id that was given to nothing names this record."""
    await database.run(_ADD, object=sent.object, loser=sent.id, winner=winner, at=now)


async def follow(database: Database, loser: RecordRef, winner: RecordId, now: str) -> None:
    """From here on the id of a record that was merged names the winner, and so does every id that named it."""
    await database.run(_FOLLOW, loser=loser.id, to=winner)
    await remember(database, loser, winner, now)


async def readable(scope: Scope, database: Database, name: str, ids: Iterable[str]) -> Aliases:
    """Of these records of an object, those that lost to one that the person may read (law L4)."""
    if name not in scope.around.catalog or not scope.around.catalog[name].declared.mergeable:
        return {}
    found = await find(database, ids)
    if not found:
        return {}
    rows = await database.rows(scope.rows(name), ids=sorted(set(found.values())))
    shown = {row[0] for row in rows if not row[1]}
    return {loser: winner for loser, winner in found.items() if winner in shown}


async def all_readable(scope: Scope, database: Database, name: str) -> AsyncIterator[Aliases]:
    """Of an object, everything that lost to one that the person may read, in pieces."""
    mergeable = name in scope.around.catalog and scope.around.catalog[name].declared.mergeable
    above: str | None = "" if mergeable else None
    while above is not None:
        rows = await database.rows(_OF_OBJECT, object=name, above=above, most=limits.DOWNLOAD_CHUNK_ROWS)
        found = await readable(scope, database, name, [loser for (loser,) in rows])
        if found:
            yield found
        above = rows[-1][0] if len(rows) == limits.DOWNLOAD_CHUNK_ROWS else None


async def _known_to(scope: Scope | None, catalog: Catalog, database: Database, ids: Iterable[str]) -> Aliases:
    """The winners of those of these ids that lost to one the caller may read: no answer may name him another."""
    found = await find(database, ids)
    if not found or scope is None:
        return found
    names = {catalog.by_prefix[loser[:3]].name for loser in found}
    shown = [await readable(scope, database, name, found) for name in sorted(names)]
    return {loser: winner for one in shown for loser, winner in one.items()}


async def point_to_winners(catalog: Catalog, database: Database, works: Iterable[Work], scope: Scope | None) -> None:
    """Let every item of these transactions name winners instead of losers, as far as the caller may read them."""
    edits = [edit for work in works for edit in work.edits]
    aliases = await _known_to(scope, catalog, database, (one for edit in edits for one in _named(catalog, edit)))
    for work in works if aliases else ():
        taken = {edit.item.id for edit in work.edits}
        for edit in work.edits:
            item = pointed(catalog, edit.object_type, edit.item, aliases)
            edit.item = item if item.id == edit.item.id or item.id not in taken else edit.item
            edit.__dict__.pop("references", None)


async def refuse_overtaken(catalog: Catalog, database: Database, wave: Wave) -> None:
    """Raises Collision where a record was merged between the look at the aliases and its lock: the request begins
    again, and finds it."""
    facts = wave.facts
    gone = {i for i, deleted in facts.references.items() if deleted}
    gone |= {e.item.id for e in wave.edits if e.item.operation is Operation.UPDATE and e.current and _is_deleted(e)}
    mergeable = (one for one in gone if catalog.by_prefix[one[:3]].declared.mergeable)
    if await _known_to(wave.frame.scope, catalog, database, mergeable):
        raise Collision("a record was merged meanwhile")


def _is_deleted(edit: Edit) -> bool:
    return edit.current is not None and bool(edit.current["IsDeleted"])


def pointed(catalog: Catalog, object_type: ObjectType, item: Item, aliases: Aliases) -> Item:
    """The item with winners for losers. Pure."""
    changes = dict(item.changes)
    for column in _reference_columns(catalog, object_type):
        if column in changes:
            old, new = changes[column].old, changes[column].new
            changes[column] = Change(aliases.get(old, old), aliases.get(new, new))
    record_id = aliases.get(item.id, item.id) if item.operation is Operation.UPDATE else item.id
    return msgspec.structs.replace(item, id=record_id, changes=changes)


def _named(catalog: Catalog, edit: Edit) -> Iterator[str]:
    if edit.object_type.declared.mergeable and edit.item.operation is Operation.UPDATE:
        yield edit.item.id
    for column in _reference_columns(catalog, edit.object_type):
        change = edit.item.changes.get(column)
        if change is not None:
            yield from (value for value in (change.old, change.new) if isinstance(value, str))


def _reference_columns(catalog: Catalog, object_type: ObjectType) -> Iterator[str]:
    for field in object_type.references:
        target = field.references
        if target is not None and target in catalog and catalog[target].declared.mergeable:
            yield field.name
