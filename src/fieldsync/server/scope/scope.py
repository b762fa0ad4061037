"""What one device of one person may hold: objects, columns, and which rows, as statements for PostgreSQL.

Statements are written when somebody first asks for them, once for all whom they fit (`alike.py`); each one's values
of tokens and day are put in then, and that is kept as long as the scope, which is as long as nothing but rows changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import FromClause, MetaData, Select, Table, Text, any_, bindparam, cast, false, func, or_, select, true

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.sources import sources
from fieldsync.schema.access.rights import Sources
from fieldsync.schema.catalog import Catalog
from fieldsync.schema.standard import STAMP
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.formulas import Computed, FormulaColumns
from fieldsync.server.scope.alike import Statements, filled, shape_of
from fieldsync.server.scope.cut import Cut
from fieldsync.server.scope.delta.past import is_new, is_written
from fieldsync.server.scope.recipe import Recipe
from fieldsync.soql import Calendar, Context, SoqlError
from fieldsync.soql.bound import BoundCondition, Column
from fieldsync.soql.compile.condition import Compiler
from fieldsync.soql.sql.writer import PostgresWriter

NOW, THEN = "now", "then"
"""Whose values a statement has slots for."""


@dataclass(frozen=True)
class Around:
    """What the scopes of one org share."""

    catalog: Catalog
    metadata: MetaData
    formulas: CatalogFormulas
    statements: Statements = field(default_factory=Statements, compare=False)
    """Of everybody."""

    @cached_property
    def columns(self) -> FormulaColumns:
        """Formula fields as SQL."""
        return FormulaColumns(self.formulas, self.metadata)

    @cached_property
    def sources(self) -> Sources:
        """What formula fields are made of."""
        return sources(self.formulas)

    def readers(self, name: str) -> list[Any]:
        """Queries of the records of an object whose formula fields read what was written elsewhere."""
        change = self.metadata.tables["_change"]
        return [_reader(change, *found) for reader, *found in self.columns.readers() if reader == name]

    def formula(self, tables: Mapping[str, Any] | None = None) -> Callable[[Any, Column], Any]:
        """How a condition reads a formula field; one that only a device can compute is refused."""

        def value(row: Any, column: Column) -> Any:
            if column.name not in self.columns.names(column.object):
                raise SoqlError(f"{column.object}.{column.name} is computed on the device: no rule can ask for it.")
            return self.columns.value(row, column.object, column.name, tables)

        return value


class Scope:
    """The scope of one recipe. `objects` are those the device has, masters first."""

    def __init__(self, around: Around, cut: Cut, recipe: Recipe, *, whose: str | None = None) -> None:
        """`whose`: for statements that are written once for many, what its own values are called in them."""
        self.around, self.cut, self.recipe, self.whose = around, cut, recipe, whose
        self.objects = cut.objects
        self._statements: dict[tuple[str, ...], Statement] = {}

    @cached_property
    def context(self) -> Context:
        """The values of tokens and the person's day."""
        day = date.fromisoformat(self.recipe.day) if self.recipe.day else date(2000, 1, 1)
        return Context(
            datetime.combine(day, time(12), ZoneInfo(self.recipe.zone)),
            Calendar(self.recipe.zone),
            dict(self.recipe.values),
        )

    @cached_property
    def compiler(self) -> Compiler[Any, Any, Any]:
        """Compiles for the tables as they are now."""
        writer = PostgresWriter(self.around.catalog, formulas=self.around.formula())
        return Compiler(writer, self.context, whose=self.whose)

    @cached_property
    def shape(self) -> Hashable:
        """Those with the same share their statements."""
        return self.cut.hash, self.recipe.zone, shape_of(self.recipe.values, self.cut.by_value)

    def for_many(self, whose: str) -> Scope:
        """The same, to write statements with that have slots for its own values."""
        return Scope(self.around, self.cut, self.recipe, whose=whose)

    @cached_property
    def still_fits(self) -> bool:
        """Whether its conditions mean something in the present catalog; a dropped field may have ended that."""
        try:
            for name in self.cut.chosen:
                if name in self.around.catalog:
                    self.cut.composer.selected(name)
        except (SoqlError, KeyError):
            return False
        return True

    def wire_columns(self, name: str) -> tuple[str, ...]:
        """Columns of an object on the wire: stamp, stored columns, formula fields."""
        columns = self.cut.columns[name]
        return (STAMP, *columns.stored, *columns.formulas)

    def may_read(self, name: str) -> bool:
        """Whether the person may read the object at all."""
        return name in self.cut.columns

    def selected(self, name: str, row: Any) -> Any:
        """Whether a row, not deleted, is to be on the device."""
        return self.holds(self.cut.composer.selected(name), row) if name in self.cut.chosen else ~true()

    def holds(self, condition: BoundCondition, row: Any) -> Any:
        """A condition on a row of a statement."""
        return true() if condition.term is None else self.compiler.held(condition, row, "q_")

    def kept(self, *key: str, build: Callable[[Scope], Select[Any]]) -> Statement:
        """The statement of this name, built when it is first asked for. Raises Refused(SYNC_RULE) for a condition that
        cannot be asked with this person's values."""
        if key not in self._statements:
            self._statements[key] = self.written((*key, self.shape), lambda scopes: build(scopes[NOW]), {NOW: self})
        return self._statements[key]

    def written(
        self, key: Hashable, build: Callable[[Mapping[str, Scope]], Select[Any]], whose: Mapping[str, Scope]
    ) -> Statement:
        """A statement that is the same text for all with this key, with the values of these scopes in it. Raises
        Refused(SYNC_RULE)."""
        try:
            with_slots = self.around.statements.of(key, lambda: build({n: s.for_many(n) for n, s in whose.items()}))
            return filled(with_slots, {name: scope.context for name, scope in whose.items()})
        except SoqlError as wrong:
            raise Refused(problem(Code.SYNC_RULE, reason=str(wrong))) from None

    def rows(self, name: str) -> Statement:
        """(id, deleted, stamp, wire row) of those of `ids` that the person may read; rules are not asked."""
        return self.kept("rows", name, build=lambda scope: scope._rows(name))

    def rows_behind(self, name: str) -> Statement:
        """Wire rows of everything the device is to have of an object, in order of ids, from behind the id `after`."""
        return self.kept("rows_behind", name, build=lambda scope: scope._rows_behind(name))

    def among(self, name: str) -> Statement:
        """Those of `ids` that are rows the device is to have, of an object it has."""
        return self.kept("among", name, build=lambda scope: scope._among(name))

    def is_public(self, name: str) -> bool:
        """Whether everybody who may read the object may read and write all of its rows."""
        shared, written = (self.cut.composer.shared(name, writing=writing) for writing in (False, True))
        return shared.term is None and written.term is None

    def access(self, name: str) -> Statement:
        """(id, may write) of those of `ids` that the person may read."""
        return self.kept("access", name, build=lambda scope: scope._access(name))

    def details(self, name: str, reference: str) -> Statement:
        """(id, master id, wire row) of the present details of these masters that the person may read."""
        return self.kept("details", name, reference, build=lambda scope: scope._details(name, reference))

    def computed(self, name: str) -> Computed:
        """The object's table with the formula fields that go to the device.

        The stamp is that of all its formula fields: it must not go back when one of them is hidden, or the device would
        keep the row that shows it.
        """
        every = self.around.columns.of(name)
        sent = {field: value for field, value in every.columns.items() if field in self.cut.columns[name].formulas}
        return replace(every, columns=sent)

    def wire_row(self, name: str, computed: Computed) -> Any:
        """A row as it goes over the wire: JSON that nobody touches on its way."""
        held = [computed.table.c[column] for column in self.cut.columns[name].stored]
        return cast(func.json_build_array(computed.stamp, *held, *computed.columns.values()), Text)

    def _rows(self, name: str) -> Select[Any]:
        computed = self.computed(name)
        table, row = computed.table, self.wire_row(name, computed)
        found = select(table.c.Id, table.c.IsDeleted, computed.stamp, row).select_from(computed.source)
        shared = self.holds(self.cut.composer.shared(name), table)
        return found.where(table.c.Id == any_(bindparam("ids")), shared).order_by(table.c.Id)

    def _among(self, name: str) -> Select[Any]:
        table = self.around.metadata.tables[name]
        named = table.c.Id == any_(bindparam("ids"))
        return select(table.c.Id).where(named, table.c.IsDeleted.is_(False), self.selected(name, table))

    def _access(self, name: str) -> Select[Any]:
        table = self.around.metadata.tables[name]
        shared, written = (
            self.holds(self.cut.composer.shared(name, writing=writing), table) for writing in (False, True)
        )
        return select(table.c.Id, func.coalesce(written, false())).where(table.c.Id == any_(bindparam("ids")), shared)

    def _rows_behind(self, name: str) -> Select[Any]:
        computed = self.computed(name)
        table, row = computed.table, self.wire_row(name, computed)
        behind = (table.c.Id > bindparam("after", type_=Text)) & table.c.IsDeleted.is_(False)
        found = select(row).select_from(computed.source).where(behind, self.selected(name, table))
        return found.order_by(table.c.Id)

    def _details(self, name: str, reference: str) -> Select[Any]:
        computed = self.computed(name)
        table, row = computed.table, self.wire_row(name, computed)
        found = select(table.c.Id, table.c[reference], row).select_from(computed.source)
        shared = self.holds(self.cut.composer.shared(name), table)
        under = table.c[reference] == any_(bindparam("ids"))
        return found.where(under, table.c.IsDeleted.is_(False), shared).order_by(table.c.Id)


def _reader(
    change: Table, target: str, source: FromClause, table: Table, above: Any, columns: tuple[str, ...]
) -> Select[Any]:
    """Ids of records above which a change wrote one of these columns."""
    log = change.alias(f"log_{target}_{above.name}")
    joined = source.join(log, (log.c.object == target) & (log.c.id == above.c.Id))
    wrote = or_(*(log.c.old.has_key(column) for column in columns))
    return select(table.c.Id).select_from(joined).where(is_new(log), is_written(log), wrote)
