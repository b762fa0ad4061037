"""What a merge locks before it looks at anything: in the one order of the product, as a save does (DESIGN 6).

The masters that sum the pair up, both records and all that refers to the loser, object by object in prefix order and
each by id. A merge that locked its pair first waited for saves that waited for it. What folds (`fold.py`) may have
masters that nobody can know of before: there, two that meet may have to be tried again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import ClauseElement, ColumnElement, bindparam, false, func, or_, select

from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Item, Operation
from fieldsync.schema.catalog import ObjectType
from fieldsync.server.merge.fold import referring
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Question
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Edit, Wave
from fieldsync.server.save.logic.rollup.masters import add_masters
from fieldsync.server.save.statements import ids_in

Wanted = dict[str, set[str]]


async def lock_all(org: Org, database: Database, wave: Wave, loser: RecordRef, winner: RecordRef) -> None:
    """Lock them; those of the pair so that nothing refers to them anew meanwhile."""
    questions = list(_questions(org, loser, winner, await _summed(org, database, wave, loser, winner)))
    database.ahead(*questions)
    for statement, given in questions:
        await database.rows(statement, **given)


async def _summed(org: Org, database: Database, wave: Wave, loser: RecordRef, winner: RecordRef) -> Wanted:
    """The pair, every master with a summary of either, and theirs; also of what would go with the loser."""
    object_type, wanted = org.catalog[loser.object], Wanted({loser.object: {loser.id, winner.id}})
    pair = ((loser, Operation.DELETE), (winner, Operation.UPDATE))
    edits = [Edit(Item(ref.object, ref.id, operation, {}), object_type) for ref, operation in pair]
    work = replace(wave.works[0], edits=edits)
    await add_masters(org, database, replace(wave, works=[work]), found := defaultdict(set, wanted))
    return found


def _questions(org: Org, loser: RecordRef, winner: RecordRef, wanted: Wanted) -> Iterator[Question]:
    for object_type in sorted(org.catalog, key=lambda o: o.prefix):
        known, columns = wanted.get(object_type.name, set()), referring(object_type, loser.object)
        if known or columns:
            given = {"ids": sorted(known)} | ({"loser": loser.id} if columns else {})
            going = object_type.name == loser.object
            yield compile_statement(_locked(org, object_type, columns, going=going)), given


def _locked(org: Org, object_type: ObjectType, columns: list[str], *, going: bool) -> ClauseElement:
    """How many rows have one of these ids or refer to the loser, locked in id order."""
    table = org.metadata.tables[object_type.name]
    theirs: ColumnElement[bool] = or_(false(), *(table.c[column] == bindparam("loser") for column in columns))
    chosen = select(table.c.Id).where(ids_in(table.c.Id) | theirs).order_by(table.c.Id)
    return select(func.count()).select_from(chosen.with_for_update(key_share=not going, of=table).subquery())
