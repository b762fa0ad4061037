"""The difference between what a device was to have at its checkpoint and what it is to have now: two queries an object.

*Changed* are the rows it is to have now that were written since, or that it was not to have then. *Removed* are the ids
of rows it was to have then, or got by the feed since, and is not to have now: nobody learns an id he never had. Where
nothing but rows changed, only what the change log names is looked at; where rules, rights, territory or date changed
too, every row of the object is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import CTE, BigInteger, Select, Table, bindparam, false, func, or_, select, true, union

from fieldsync.schema.catalog import columns_of
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.scope.cut import operands_of
from fieldsync.server.scope.delta.past import PastWriter, Route, is_new, is_written, touched, written
from fieldsync.server.scope.delta.reach import Reach, inner_objects, objects_in, one_of
from fieldsync.server.scope.delta.routes import route_keys
from fieldsync.server.scope.scope import NOW, THEN, Scope
from fieldsync.soql.bound import BoundCondition
from fieldsync.soql.compile.condition import Compiler


@dataclass(frozen=True)
class Delta:
    """From `then` to `now`; both the same when nothing but rows changed."""

    then: Scope
    now: Scope

    def looks_at(self, name: str) -> frozenset[str]:
        """Objects whose changes may move rows of this one, or change what its formula fields show."""
        read = {reading.object for reading in self.now.around.formulas.reads if reading.reader == name}
        conditions = self._conditions(name)
        computed = {object_name for c in conditions for object_name, _ in self.columns_read(c)}
        return frozenset({name, *read, *computed}.union(*(objects_in(c) for c in conditions)))

    def columns_read(self, condition: BoundCondition) -> frozenset[tuple[str, str]]:
        """Every (object, column) a condition's truth depends on, what its formula fields are made of included."""
        return frozenset(place for read in condition.reads for place in self._columns(*read))

    def _columns(self, object_name: str, field: str) -> Iterator[tuple[str, str]]:
        around = self.now.around
        made_of = around.sources.get((object_name, field))
        if made_of is None:
            yield from ((object_name, column) for column in columns_of(around.catalog[object_name].fields[field]))
        else:
            for place in made_of:
                yield from self._columns(*place)

    async def changed(self, name: str, stirred: frozenset[str]) -> Statement:
        """Wire rows. `stirred`: the objects with changes, of those it looks at."""
        return await self._made("changed", name, stirred, lambda delta: _Difference(delta, name, stirred).changed())

    async def removed(self, name: str, stirred: frozenset[str]) -> Statement:
        """(id, deleted, stamp): with the greatest stamp that a device can have of the row, 0 where there is none."""
        return await self._made("removed", name, stirred, lambda delta: _Difference(delta, name, stirred).removed())

    async def _made(
        self, kind: str, name: str, stirred: frozenset[str], build: Callable[[Delta], Select[Any]]
    ) -> Statement:
        """Composing one takes tens of milliseconds: beside the event loop, where others are served."""
        alike = (self.is_same(name), self.same_shape(name))
        key = (kind, name, stirred, alike, self.then.shape, self.now.shape)
        whose = {THEN: self.then, NOW: self.now}

        def compose(scopes: Mapping[str, Scope]) -> Select[Any]:
            return build(Delta(scopes[THEN], scopes[NOW]))

        if self.now.around.statements.knows(key):
            return self.now.written(key, compose, whose)
        return await asyncio.to_thread(self.now.written, key, compose, whose)

    def is_same(self, name: str) -> bool:
        """Whether the object's rows are chosen, and look, as they did then."""
        then, now = self.then, self.now
        if then.recipe.hash == now.recipe.hash:
            return True
        return name in then.cut.chosen and self._unchanged(name)

    def _unchanged(self, name: str) -> bool:
        if name not in self.now.cut.chosen or not self.same_shape(name):
            return False
        then, now = (scope.cut.composer.selected(name) for scope in (self.then, self.now))
        routed = self.then.recipe.routes.get(name) == self.now.recipe.routes.get(name)
        return then == now and routed and all(self._equal(operand) for operand in operands_of(now))

    def _equal(self, operand: str | None) -> bool:
        then, now = self.then.recipe, self.now.recipe
        if operand is None:
            return (then.day, then.zone) == (now.day, now.zone)
        return then.values.get(operand) == now.values.get(operand)

    def same_shape(self, name: str) -> bool:
        """Whether the same columns go to the device."""
        return self.then.recipe.shapes.get(name) == self.now.recipe.shapes.get(name)

    def _conditions(self, name: str) -> list[BoundCondition]:
        return [s.cut.composer.selected(name) for s in (self.then, self.now) if name in s.cut.chosen]


class _Difference:
    """The statements for one object."""

    def __init__(self, delta: Delta, name: str, stirred: frozenset[str]) -> None:
        self.delta, self.name, self.stirred = delta, name, stirred
        self.around = delta.now.around
        self.change: Table = self.around.metadata.tables["_change"]
        self.same = delta.is_same(name)

    @cached_property
    def changes(self) -> Mapping[str, CTE]:
        """The touched records of every stirred object, as far as any condition reads what was touched."""
        return {
            name: touched(self.change, name, self._reads.get(name, ()), f"touched_{name}", self._route_alone(name))
            for name in sorted(self.stirred)
        }

    @cached_property
    def _reads(self) -> Mapping[str, set[str]]:
        """The columns that the conditions read, by object."""
        reads: dict[str, set[str]] = {}
        for condition in self.delta._conditions(self.name):
            for object_name, column in self.delta.columns_read(condition):
                reads.setdefault(object_name, set()).add(column)
        return reads

    @cached_property
    def route(self) -> Route | None:
        """The keys one of which the route of a row has that comes, stays or goes; None: any."""
        return route_keys(self.delta.now, self.name) if self.same else None

    def _route_alone(self, name: str) -> Route | None:
        """The route, for the object itself where no condition asks for other rows of it."""
        others = {o for c in self.delta._conditions(self.name) for o in inner_objects(c)}
        return self.route if name == self.name and name not in others else None

    @cached_property
    def below(self) -> Mapping[str, list[Any]]:
        """Ids of records that a condition asks for a formula field, and that field looks at touched records."""
        asked = {
            place[0] for c in self.delta._conditions(self.name) for place in c.reads if place in self.around.sources
        }
        found: dict[str, list[Any]] = {}
        for reader, target, source, table, above, _ in self.around.columns.readers():
            if reader in asked and target in self.changes:
                ids = select(table.c.Id).select_from(source).where(above.c.Id.in_(select(self.changes[target].c.id)))
                found.setdefault(reader, []).append(ids)
        return found

    @cached_property
    def past(self) -> Any:
        """Compiles for the tables as they were."""
        writer = PastWriter(self.around.catalog, tables=self.around.metadata.tables, changes=self.changes)
        if not any(read in self.around.sources for c in self.delta._conditions(self.name) for read in c.reads):
            return self._then(replace(writer, columns=self._reads))
        tables = {o: writer.past(o) if o in self.changes else t for o, t in self.around.metadata.tables.items()}
        with_formulas = PastWriter(
            self.around.catalog, formulas=self.around.formula(tables), tables=writer.tables, changes=self.changes
        )
        return self._then(with_formulas)

    def _then(self, writer: PastWriter) -> Compiler[Any, Any, Any]:
        return Compiler(writer, self.delta.then.context, whose=self.delta.then.whose)

    def moved(self) -> list[Any]:
        """Queries of ids that changes of other rows may have moved in or out, where the condition is the same."""
        if not self.same or self.name not in self.delta.now.cut.chosen:
            return []
        condition = self.delta.now.cut.composer.selected(self.name)
        return Reach(self.past, self.delta.now.compiler, self.changes, self.below).of(condition, "m_")

    def then_held(self, ids: list[Any]) -> Any:
        """Ids of rows the device was to have, among these; of all rows where rules changed."""
        if self.name not in self.delta.then.cut.chosen:
            return None
        row = self.past.writer.row(self.name, "then")
        condition = self.delta.then.cut.composer.selected(self.name)
        holds = true() if condition.term is None else self.past.holds(condition, row, "w_")
        among = [one_of(row.c.Id, ids)] if self.same else []
        return select(row.c.Id).where(self.past.present(row), holds, *among)

    def own(self) -> list[Any]:
        """Queries of ids of records of the object that were written since, narrowed by the object's route."""
        return written(self.change, self.name, "own", ("id",), self.route)

    def changed(self) -> Select[Any]:
        now, name = self.delta.now, self.name
        computed = now.computed(name)
        table = computed.table
        found = select(now.wire_row(name, computed)).select_from(computed.source)
        present = table.c.IsDeleted.is_(False)
        return found.where(self._is_fresh(table), present, now.selected(name, table)).order_by(table.c.Id)

    def _is_fresh(self, table: Table) -> Any:
        """Whether the device has not got a row as it is now."""
        moved = self.moved()
        held = self.then_held(moved)
        if held is None or not self.delta.same_shape(self.name):
            return true()
        wrote = one_of(table.c.Id, [*self.own(), *self.around.readers(self.name)])
        if not self.same:
            return or_(wrote, table.c.Id.not_in(held))
        if not moved:
            return wrote
        entered = one_of(table.c.Id, moved) & table.c.Id.not_in(held)
        return or_(wrote, entered)

    def removed(self) -> Select[Any]:
        now, name = self.delta.now, self.name
        own = [select(self.changes[name].c.id)] if name in self.changes else []
        held = self.then_held([*own, *self.moved()])
        fed = self._fed()
        parts: list[Any] = fed if held is None else [held, *fed]
        ids: Any = union(*parts).subquery("gone")
        table = self.around.metadata.tables[name]
        present = table.c.IsDeleted.is_(False)
        still = select(table.c.Id).where(table.c.Id == ids.c.Id, present, now.selected(name, table)).correlate(ids)
        every = self.around.columns.of(name)
        there = every.table.c.Id == ids.c.Id
        deleted = select(table.c.IsDeleted).where(there).scalar_subquery().is_distinct_from(False)
        stamp = select(every.stamp).select_from(every.source).where(there).scalar_subquery()
        gone = select(ids.c.Id, deleted, func.coalesce(stamp, 0)).where(~still.exists())
        return gone.order_by(ids.c.Id)

    def _fed(self) -> list[Any]:
        """Ids of what the person's feed brought since, with the members of families whose root it named.

        A member that others added after his last save of the family, and after the device read its feed, is named only
        to who may read it: he may have lost the family by then.
        """
        log = self.change.alias("log_fed")
        mine = (log.c.feed_user == bindparam("user")) & is_new(log)
        found: list[Any] = [select(log.c.id.label("Id")).where(mine, log.c.object == self.name)]
        if self._root == self.name:
            return found
        roots = self.change.alias("log_roots")
        his = (roots.c.feed_user == bindparam("user")) & is_new(roots)
        above: Any = select(roots.c.root_id).where(his, roots.c.root_object == self._root)
        *between, (reference, _) = self._way_down()
        for way_up, member in between:
            middle = self.around.metadata.tables[member].alias(f"fed_{member}")
            above = select(middle.c.Id.label("Id")).where(middle.c[way_up].in_(above))
        table = self.around.metadata.tables[self.name].alias(f"fed_{self.name}")
        known = or_(~self._came_later(table), self._is_open(table))
        purged = self.change.alias("log_purged")
        was = (purged.c.object == self.name) & (purged.c.kind == "purged") & is_new(purged) & is_written(purged)
        gone = select(purged.c.id).where(was, purged.c.old[reference].astext.in_(above))
        return [*found, select(table.c.Id.label("Id")).where(table.c[reference].in_(above), known), gone]

    def _came_later(self, table: Any) -> Any:
        """Whether a member was added after the person's last save of its family, and no feed can have brought it."""
        born, saved = self.change.alias("log_born"), self.change.alias("log_saved")
        same = (saved.c.root_id == born.c.root_id) & (saved.c.stamp >= born.c.stamp)
        his = (saved.c.feed_user == bindparam("user")) & is_new(saved) & same
        not_read = born.c.stamp >= bindparam("fed_through", type_=BigInteger)
        made = (born.c.object == self.name) & (born.c.kind == "created") & is_written(born)
        since = made & is_new(born) & not_read
        no_save = ~select(saved.c.id).where(his).correlate(born).exists()
        return select(born.c.id).where(born.c.id == table.c.Id, since, no_save).correlate(table).exists()

    def _is_open(self, table: Any) -> Any:
        """Whether the person may read a row."""
        now = self.delta.now
        return now.holds(now.cut.composer.shared(self.name), table) if now.may_read(self.name) else false()

    @cached_property
    def _root(self) -> str:
        family = self.around.catalog.family_of(self.name)
        return self.name if family is None else family.root

    def _way_down(self) -> list[tuple[str, str]]:
        """From the family's root to the object: the reference, and whose it is."""
        way: list[tuple[str, str]] = []
        place = self.name
        while place != self._root:
            master = self.around.catalog[place].master
            assert master is not None
            assert master.references is not None
            way.insert(0, (master.name, place))
            place = master.references
        return way
