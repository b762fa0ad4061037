"""What devices would hold before and after something that is tried in a transaction: counted object by object.

The ids held before are put aside in a table that goes with the transaction, so that nothing of it is in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, column, false, func, insert, literal, select, table

from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.scope import Scope

PEOPLE_MAX = 20
_BEFORE = table("fieldsync_before", column("person", Text), column("object", Text), column("id", Text))
_MAKE = 'CREATE TEMPORARY TABLE fieldsync_before (person text, object text, id text COLLATE "C") ON COMMIT DROP'
_INDEX = "CREATE INDEX fieldsync_before_index ON fieldsync_before (person, object, id)"


@dataclass(frozen=True)
class Shift:
    """One object on the devices of one person."""

    username: str
    object: str
    rows_in: int
    rows_out: int


async def held_before(org: Org, database: Database, people: Sequence[str]) -> None:
    """Put aside what the first of them hold now."""
    await database.run(Statement(_MAKE, frozenset(), {}))
    async for username, scope in _scopes(org, database, people):
        for name in scope.objects:
            held = select(literal(username), literal(name), org.metadata.tables[name].c.Id)
            kept = insert(_BEFORE).from_select(["person", "object", "id"], held.where(*_held(org, scope, name)))
            await database.run(compile_statement(kept))
    await database.run(Statement(_INDEX, frozenset(), {}))


async def held_now(org: Org, database: Database, people: Sequence[str]) -> tuple[Shift, ...]:
    """What came and went since."""
    found = []
    async for username, scope in _scopes(org, database, people):
        for name in org.catalog.objects:
            mine = (_BEFORE.c.person == username) & (_BEFORE.c.object == name)
            there: Any = select(org.metadata.tables[name].c.Id).where(
                *(_held(org, scope, name) if name in scope.cut.chosen else (false(),))
            )
            before = select(_BEFORE.c.id).where(mine)
            came = select(func.count()).select_from(there.except_(before).subquery("came")).scalar_subquery()
            went = select(func.count()).select_from(before.except_(there).subquery("went")).scalar_subquery()
            row = await database.one(compile_statement(select(came, went)))
            if row is not None and any(row):
                found.append(Shift(username, name, int(row[0]), int(row[1])))
    return tuple(found)


def _held(org: Org, scope: Scope, name: str) -> tuple[Any, ...]:
    its = org.metadata.tables[name]
    return its.c.IsDeleted.is_(False), func.coalesce(scope.selected(name, its), false())


async def _scopes(org: Org, database: Database, people: Sequence[str]) -> AsyncIterator[tuple[str, Scope]]:
    rules = await org.scopes.rules(database)
    for username in people[:PEOPLE_MAX]:
        holder = await holder_of(org, database, username)
        yield username, org.scopes.under(holder.caller, holder.looked, rules, org.world.clock)
