"""From a bound query to statements: what is selected, joined, grouped and sorted, and one statement for each list of
children.

`Compiled.records` is a generator of statements that takes their rows, so that an asynchronous server and a synchronous
device read the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fieldsync.soql import limits
from fieldsync.soql.bound import (
    ROOT,
    Aggregate,
    BoundExpression,
    BoundQuery,
    BoundTerm,
    Column,
    DatePart,
    Grouping,
)
from fieldsync.soql.compile.condition import Compiler, Frame
from fieldsync.soql.compile.shape import Record, Shape, shape_of
from fieldsync.soql.compile.writer import Parts, Sort, Window, Writer
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.nodes import Bind
from fieldsync.soql.values import Context, Plain, bound_values

E = TypeVar("E")
R = TypeVar("R")
S = TypeVar("S")
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class CompiledChildren(Generic[S]):
    """A list of child records: the statement for given parents; the parent's id is the last column of its rows."""

    name: str
    statement: Callable[[Sequence[str]], S]
    shape: Shape
    children: tuple[CompiledChildren[S], ...]
    own_id: int | None


@dataclass(frozen=True)
class Compiled(Generic[S]):
    """A query as its database takes it."""

    statement: S
    shape: Shape
    children: tuple[CompiledChildren[S], ...]
    own_id: int | None
    """Column with the id of the row itself, where children need it."""

    def records(self) -> Generator[S, Rows, list[Record]]:
        """Yields statements, takes their rows, and returns the records."""
        rows = yield self.statement
        return (yield from _records(rows, self.shape, self.children, self.own_id))


def run(compiled: Compiled[S], execute: Callable[[S], Rows]) -> list[Record]:
    """The records of a query; `execute` runs a statement and gives its rows."""
    asking = compiled.records()
    try:
        statement = next(asking)
        while True:
            statement = asking.send(execute(statement))
    except StopIteration as done:
        found: list[Record] = done.value
        return found


async def run_async(compiled: Compiled[S], execute: Callable[[S], Awaitable[Rows]]) -> list[Record]:
    """The records of a query, where running a statement is awaited."""
    asking = compiled.records()
    try:
        statement = next(asking)
        while True:
            statement = asking.send(await execute(statement))
    except StopIteration as done:
        found: list[Record] = done.value
        return found


def _records(
    rows: Rows, shape: Shape, children: Sequence[CompiledChildren[S]], own_id: int | None
) -> Generator[S, Rows, list[Record]]:
    records = [shape.record(row) for row in rows]
    ids = [] if own_id is None else [str(row[own_id]) for row in rows]
    for child in children:
        lists: dict[str, list[Record]] = {}
        if ids:
            found = yield child.statement(ids)
            below = yield from _records(found, child.shape, child.children, child.own_id)
            for row, record in zip(found, below, strict=True):
                lists.setdefault(str(row[-1]), []).append(record)
        for record_id, record in zip(ids, records, strict=True):
            record[child.name] = lists.get(record_id)
    return records


def compile_query(query: BoundQuery, writer: Writer[E, R, S], context: Context) -> Compiled[S]:
    """A bound query for one database. Raises SoqlError for a value that is missing or does not fit."""
    context = replace(context, values={**context.values, **_given(query)})
    return _Statement(Compiler(writer, context), query).compiled()


def _given(query: BoundQuery) -> Mapping[str, Plain]:
    """Values that the text itself gives, by BIND."""
    return {name: getattr(value, "value", None) for name, value in query.bindings}


@dataclass(frozen=True)
class _Statement(Generic[E, R, S]):
    """One query while it is compiled."""

    compiler: Compiler[E, R, S]
    query: BoundQuery

    @property
    def writer(self) -> Writer[E, R, S]:
        return self.compiler.writer

    def compiled(self) -> Compiled[S]:
        if self.query.aggregated:
            return Compiled(self._aggregated(), shape_of(self.query.outputs, {}), (), None)
        parts, shape, own_id = self._plain()
        return Compiled(self.writer.select(parts), shape, self._children(), own_id)

    def _plain(self) -> tuple[Parts[E, R], Shape, int | None]:
        """A SELECT of rows: the outputs, the ids of parents, and the own id where children need it."""
        base, frame = self._base()
        columns = [self.compiler.expression(o.expression, frame) for o in self.query.outputs]
        hops: dict[tuple[str, ...], int] = {}
        for keys, alias in self.query.hops:
            hops[keys] = len(columns)
            columns.append(self.writer.column(frame.rows[alias], "Id"))
        own_id = len(columns) if self.query.children else None
        if own_id is not None:
            columns.append(self.writer.column(frame.rows[ROOT], "Id"))
        window = self._window()
        order = tuple(self._sorts(frame))
        if order or window.limit is not None or window.offset is not None:
            order += (Sort(self.writer.column(frame.rows[ROOT], "Id"), descending=False, nulls_last=False),)
        parts = replace(base, columns=tuple(columns), order=order, limit=window.limit, offset=window.offset)
        return parts, shape_of(self.query.outputs, hops), own_id

    def _base(self) -> tuple[Parts[E, R], Frame[R]]:
        """FROM and WHERE."""
        query = self.query
        frame = self.compiler.frame(query.object, query.joins, "")
        root = frame.rows[ROOT]
        where = [] if query.all_rows else [self.compiler.present(root)]
        where += self.compiler.restriction(query.object, root, "")
        if query.where is not None:
            where.append(self.compiler.term(query.where, frame))
        joins = self.compiler.joined(frame, query.joins)
        return Parts((), root, joins, self.writer.all_of(where)), frame

    def _sorts(self, frame: Frame[R]) -> list[Sort[E]]:
        sides = [(self.compiler.side(o.expression, frame), o) for o in self.query.order]
        return [Sort(self.writer.sort_key(side), o.descending, o.nulls_last) for side, o in sides]

    def _window(self) -> Window:
        return Window(self._count(self.query.limit), self._count(self.query.offset))

    def _count(self, value: int | Bind | None) -> int | None:
        if not isinstance(value, Bind):
            return value
        given = bound_values(value, self.compiler.context)
        if len(given) != 1 or type(given[0]) is not int or not 0 <= given[0] <= limits.ROWS_MAX:
            raise SoqlError(f"{value.name} must be a whole number, 0 or more.", value.at)
        return given[0]

    def _aggregated(self) -> S:
        """Groups: one SELECT for each grouping set."""
        base, frame = self._base()
        window = self._window()
        if self.query.count_only:
            ids = (self.writer.column(frame.rows[ROOT], "Id"),)
            return self.writer.counted(replace(base, columns=ids, limit=window.limit, offset=window.offset))
        group = self.query.group
        sets = ((),) if group is None else group.sets
        if len(sets) == 1:
            parts = self._grouped(base, frame, sets[0])
            order = tuple(self._sorts(replace(frame, grouped=True)))
            return self.writer.select(replace(parts, order=order, limit=window.limit, offset=window.offset))
        return self._union([self._grouped(base, frame, chosen) for chosen in sets], base, frame, window)

    def _union(self, selects: list[Parts[E, R]], base: Parts[E, R], frame: Frame[R], window: Window) -> S:
        """Several grouping sets, sorted by columns added behind the outputs."""
        assert self.query.group is not None
        shown = len(self.query.outputs)
        sorts: list[Sort[E]] = [Sort(shown + n, o.descending, o.nulls_last) for n, o in enumerate(self.query.order, 1)]
        widened = []
        for chosen, select in zip(self.query.group.sets, selects, strict=True):
            keys = self._sorts(self._inside(frame, chosen))
            columns = (*select.columns, *(k.sql for k in keys if not isinstance(k.sql, int)))
            widened.append(replace(select, columns=columns))
        return self.writer.union(widened, shown, sorts, window)

    def _inside(self, frame: Frame[R], chosen: Sequence[int]) -> Frame[R]:
        """The frame behind GROUP BY for one grouping set."""
        expressions = () if self.query.group is None else self.query.group.expressions
        summed: frozenset[BoundExpression] = frozenset(e for n, e in enumerate(expressions) if n not in chosen)
        return replace(frame, grouped=True, summed=summed)

    def _grouped(self, base: Parts[E, R], frame: Frame[R], chosen: Sequence[int]) -> Parts[E, R]:
        inside = self._inside(frame, chosen)
        group = self.query.group
        expressions: tuple[Column | DatePart, ...] = () if group is None else group.expressions
        keys = tuple(self.writer.group_key(self.compiler.side(expressions[n], frame)) for n in chosen)
        having: BoundTerm | None = None if group is None else group.having
        return replace(
            base,
            columns=tuple(self._shown(o.expression, inside) for o in self.query.outputs),
            group=keys,
            having=None if having is None else self.compiler.term(having, inside),
        )

    def _shown(self, expression: BoundExpression, inside: Frame[R]) -> E:
        if isinstance(expression, Aggregate | Grouping):
            return self.compiler.expression(expression, inside)
        return self.compiler.side(expression, inside).sql

    def _children(self) -> tuple[CompiledChildren[S], ...]:
        found = []
        for child in self.query.children:
            inner = _Statement(self.compiler, child.query)
            parts, shape, own_id = inner._plain()
            reference = self._reference(parts, child.reference)
            found.append(CompiledChildren(child.name, reference, shape, inner._children(), own_id))
        return tuple(found)

    def _reference(self, parts: Parts[E, R], name: str) -> Callable[[Sequence[str]], S]:
        reference = self.writer.column(parts.root, name)
        return lambda parents: self.writer.children(parts, reference, parents)
