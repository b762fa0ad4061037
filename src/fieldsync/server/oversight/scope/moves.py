"""The difference between two scopes of one person's device as the rows stand now: how many come and go, and which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Select, false, func, select

from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.delta.difference import Delta
from fieldsync.server.scope.scope import Scope

SAMPLE = 5


class Moved(msgspec.Struct, frozen=True):
    """One object on one device. `rows` are those it would hold; `again` those that stay and come with other fields."""

    object: str
    rows: int
    rows_in: int
    rows_out: int
    again: int
    names_in: tuple[str, ...] = ()
    names_out: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the device gets or loses anything."""
        return bool(self.rows_in or self.rows_out or self.again)


@dataclass(frozen=True)
class Moves:
    """The questions for one pair of scopes. Names are shown as far as the `reader` may see them."""

    then: Scope
    now: Scope
    reader: Rights

    @property
    def objects(self) -> tuple[str, ...]:
        """Those of which anything can move, masters first."""
        delta = Delta(self.then, self.now)
        everything = self.now.around.catalog.objects
        chosen = [name for name in everything if name in self.then.cut.chosen or name in self.now.cut.chosen]
        return tuple(name for name in chosen if not delta.is_same(name))

    async def of(self, database: Database, name: str) -> Moved:
        """Counts and samples of one object."""
        row = await database.one(compile_statement(self._counted(name)))
        assert row is not None, "a count has a row"
        rows_in, rows_out, stay = row
        again = 0 if Delta(self.then, self.now).same_shape(name) else stay
        came = await self._sample(database, name, self.now, self.then) if rows_in else ()
        went = await self._sample(database, name, self.then, self.now) if rows_out else ()
        return Moved(name, rows_in + stay, rows_in, rows_out, again, came, went)

    async def _sample(self, database: Database, name: str, held: Scope, lost: Scope) -> tuple[str, ...]:
        if not (self.reader.may(name, Access.READ) and self.reader.sees(name, "Name")):
            return ()
        return tuple(found for (found,) in await database.rows(compile_statement(_names(name, held, lost))))

    def _counted(self, name: str) -> Select[Any]:
        """(rows in, rows out, rows that stay)."""
        table = self.now.around.metadata.tables[name]
        before, after = _held(self.then, name, table), _held(self.now, name, table)
        counts: list[Any] = [func.count().filter(one) for one in (after & ~before, before & ~after, before & after)]
        found: Select[Any] = select(*counts).select_from(table)
        return found.where(table.c.IsDeleted.is_(False))


def _held(scope: Scope, name: str, table: Any) -> Any:
    return func.coalesce(scope.selected(name, table), false())


def _names(name: str, held: Scope, lost: Scope) -> Select[Any]:
    """The first names of rows one scope has and the other has not."""
    table = held.around.metadata.tables[name]
    found = select(func.coalesce(table.c.Name, table.c.Id)).where(table.c.IsDeleted.is_(False))
    moved = found.where(_held(held, name, table), ~_held(lost, name, table))
    return moved.order_by(table.c.Name, table.c.Id).limit(SAMPLE)
