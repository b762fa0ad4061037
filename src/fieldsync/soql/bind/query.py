"""Binding of a whole query: sources, what is selected, groups, order, child subqueries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.model import FieldType
from fieldsync.soql import limits
from fieldsync.soql.bind.condition import bind_term
from fieldsync.soql.bind.expression import bind_expression, bind_plain
from fieldsync.soql.bind.scope import Budget, Scope, child_reference, object_named
from fieldsync.soql.bind.select import bind_items, hops_of
from fieldsync.soql.bound import (
    Aggregate,
    AllOf,
    BoundExpression,
    BoundGroup,
    BoundOrder,
    BoundQuery,
    BoundTerm,
    Child,
    Column,
    DatePart,
    Grouping,
    Output,
    leaves,
)
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Bind, Call, Comparison, DateLiteral, Group, Item, Number, Order, Path, Query, Value

UNSORTED = frozenset({Kind.LONG_TEXT, Kind.MULTI, Kind.BINARY, Kind.LOCATION})
UNGROUPED = UNSORTED
MINE, EVERYTHING = "mine", "everything"


def bind_query(query: Query, catalog: Catalog) -> BoundQuery:
    """A query against a catalog. Raises SoqlError."""
    first = query.sources[0].path
    if len(first.names) != 1:
        raise SoqlError(f"{first} is not an object.", first.at)
    scope = Scope(catalog, object_named(catalog, first.names[0], first.at), None, Budget())
    return _bind(scope, query)


def _bind(scope: Scope, query: Query) -> BoundQuery:
    _sources(scope, query)
    scope.named = {i.alias.lower(): i.expression for i in query.items if isinstance(i, Item) and i.alias}
    if len(query.items) > limits.SELECT_ITEMS_MAX:
        raise SoqlError(f"A query may select {limits.SELECT_ITEMS_MAX} things.", query.at)
    grouped = query.group is not None or any(_is_aggregate(scope, i) for i in query.items)
    outputs = bind_items(scope, query, grouped=grouped)
    where = None if query.where is None else bind_term(scope, query.where)
    _refuse_aggregates(where, query.at)
    where = _scoped(scope, query, where)
    group = None if query.group is None else _group(scope, query.group, query.at)
    order = tuple(_order(scope, o) for o in query.order)
    if grouped:
        _check_grouped(group, (*(o.expression for o in outputs), *(o.expression for o in order)), query.at)
    count_only = outputs[:1] == (Output(Aggregate("COUNT", None, Kind.NUMBER), ("expr0",)),) and group is None
    children = tuple(_child(scope, i) for i in query.items if isinstance(i, Query))
    if children and grouped:
        raise SoqlError("Grouped rows have no child records.", query.at)
    return BoundQuery(
        object=scope.object.name,
        joins=tuple(scope.joins.values()),
        where=where,
        outputs=outputs,
        children=children,
        group=group,
        order=order,
        limit=_count(query.limit),
        offset=_count(query.offset),
        all_rows=query.all_rows,
        count_only=count_only and len(query.items) == 1 and query.items[0] == Item(Call("COUNT", ()), None),
        hops=() if grouped else hops_of(scope, outputs),
        reads=frozenset(scope.reads),
        bindings=_bindings(query),
        mode=query.mode,
        usage=query.usage,
    )


def _scoped(scope: Scope, query: Query, where: BoundTerm | None) -> BoundTerm | None:
    """WHERE with what USING SCOPE adds; what this product has no data for is refused."""
    if query.categories:
        raise SoqlError("There are no data categories here.", query.at)
    name = (query.scope or EVERYTHING).lower()
    if name == EVERYTHING:
        return where
    if name != MINE:
        raise SoqlError(f"There is no scope {query.scope}; {MINE} and {EVERYTHING} are known.", query.at)
    own = Comparison(Path(("OwnerId",), query.at), "=", (Bind("USER_ID", token=True, at=query.at),), query.at)
    return AllOf((bind_term(scope, own), *(() if where is None else (where,))))


def _bindings(query: Query) -> tuple[tuple[str, Value], ...]:
    for _, value in query.bindings:
        if isinstance(value, Bind | DateLiteral):
            raise SoqlError("BIND gives a variable a plain value.", value.at)
    return query.bindings


def _sources(scope: Scope, query: Query) -> None:
    first, *others = query.sources
    if first.alias:
        scope.aliases[first.alias.lower()] = ()
    for source in others:
        root, *rest = source.path.names
        known = scope.aliases.get(root.lower(), () if root.lower() == scope.object.name.lower() else None)
        if known is None:
            raise SoqlError(f"{root} is no alias of this query.", source.path.at)
        scope.aliases[(source.alias or rest[-1]).lower()] = (*known, *rest)


def _is_aggregate(scope: Scope, item: object) -> bool:
    if not isinstance(item, Item) or not isinstance(item.expression, Call):
        return False
    if item.expression.name.upper() == "FIELDS":
        return False
    return isinstance(bind_plain(scope, item.expression), Aggregate | Grouping)


def _count(value: Number | Bind | None) -> int | Bind | None:
    if not isinstance(value, Number):
        return value
    assert isinstance(value.value, int)
    if value.value > limits.ROWS_MAX:
        raise SoqlError(f"This goes up to {limits.ROWS_MAX}.", value.at)
    return value.value


def _group(scope: Scope, group: Group, at: Position) -> BoundGroup:
    bound: list[Column | DatePart] = []
    for expression in group.expressions:
        found = bind_expression(scope, expression)
        if not isinstance(found, Column | DatePart) or found.kind in UNGROUPED:
            raise SoqlError("Rows cannot be grouped by this.", expression.at)
        bound.append(found)
    if group.kind and len(bound) > limits.ROLLUP_FIELDS_MAX:
        raise SoqlError(f"{group.kind} takes up to {limits.ROLLUP_FIELDS_MAX} fields.", at)
    having = None if group.having is None else bind_term(scope, group.having)
    return BoundGroup(tuple(bound), tuple(_sets(group.kind, len(bound))), having)


def _sets(kind: str, size: int) -> Iterator[tuple[int, ...]]:
    """The grouping sets, largest first."""
    if kind == "ROLLUP":
        yield from (tuple(range(n)) for n in range(size, -1, -1))
    elif kind == "CUBE":
        yield from (chosen for n in range(size, -1, -1) for chosen in combinations(range(size), n))
    else:
        yield tuple(range(size))


def _order(scope: Scope, order: Order) -> BoundOrder:
    expression = bind_expression(scope, order.expression)
    if expression.kind in UNSORTED:
        raise SoqlError(f"Rows cannot be sorted by a {expression.kind}.", order.expression.at)
    return BoundOrder(expression, order.descending, order.nulls_last)


def _check_grouped(group: BoundGroup | None, expressions: tuple[BoundExpression, ...], at: Position) -> None:
    known = () if group is None else group.expressions
    for expression in (*expressions, *_tested(None if group is None else group.having)):
        if isinstance(expression, Aggregate):
            continue
        of = expression.of if isinstance(expression, Grouping) else expression
        if of not in known:
            name = of.name if isinstance(of, Column) else "This"
            raise SoqlError(f"{name} must be grouped by, or stand in an aggregate function.", at)


def _tested(term: BoundTerm | None) -> Iterator[BoundExpression]:
    return (leaf.left for leaf in leaves(term))


def _refuse_aggregates(where: BoundTerm | None, at: Position) -> None:
    if any(isinstance(e, Aggregate | Grouping) for e in _tested(where)):
        raise SoqlError("An aggregate function stands in HAVING, not in WHERE.", at)


def _child(scope: Scope, query: Query) -> Child:
    source = query.sources[0]
    scope.budget.spend(query.at, subqueries=1)
    if scope.level + 1 >= limits.SUBQUERY_LEVELS_MAX:
        raise SoqlError(f"Subqueries may go {limits.SUBQUERY_LEVELS_MAX - 1} levels deep.", query.at)
    *before, name = source.path.names
    known = {scope.object.name.lower(), *scope.aliases}
    found = child_reference(scope.catalog, scope.object, name)
    if found is None or len(before) > 1 or not {b.lower() for b in before} <= known:
        raise SoqlError(f"{scope.object.name} has no child records {source.path}.", source.path.at)
    child, reference = found
    inner = Scope(scope.catalog, child, scope.tokens, scope.budget, scope.level + 1)
    inner.aliases[name.lower()] = ()
    bound = _bind(inner, query)
    if bound.aggregated or bound.offset is not None:
        raise SoqlError("A child subquery has no groups and no OFFSET.", query.at)
    scope.reads |= bound.reads | {(child.name, reference.name)}
    return Child(_children_name(child, reference.name), reference.name, bound)


def _children_name(child: ObjectType, reference: str) -> str:
    name = child.fields[reference].children
    assert name is not None
    assert child.fields[reference].type is not FieldType.FORMULA
    return name
