"""Binding of conditions: which operators a field takes, and which values."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time

from fieldsync.schema.catalog import Catalog
from fieldsync.schema.model import FieldType
from fieldsync.soql import limits
from fieldsync.soql.bind.expression import bind_expression, shown_kind
from fieldsync.soql.bind.scope import Budget, Scope, object_named
from fieldsync.soql.bound import (
    OPERATORS,
    AllOf,
    AnyOf,
    BoundCondition,
    BoundExpression,
    BoundSubselect,
    BoundTerm,
    Column,
    Inside,
    Negated,
    Operand,
    Template,
    Test,
    columns_in,
)
from fieldsync.soql.errors import START, SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.literals import token_name
from fieldsync.soql.nodes import (
    And,
    Bind,
    Boolean,
    Comparison,
    Condition,
    Currency,
    DateLiteral,
    Item,
    Moment,
    Not,
    Null,
    Number,
    Or,
    Path,
    Query,
    Source,
    Text,
    Value,
)
from fieldsync.soql.values import fold, pattern_of

TOKEN = re.compile(r"@@[A-Za-z_]\w*@@|\{[A-Za-z_]+(?:\.[A-Za-z_]+)+\}")
"""A token inside a text between quotes."""
_TEXTS = frozenset({Kind.TEXT, Kind.ID, Kind.MULTI})


def bind_condition(
    condition: Condition | None, catalog: Catalog, object_name: str, *, tokens: Collection[str] | None = None
) -> BoundCondition:
    """A condition on rows of an object; None is always true.

    With `tokens` (names in capitals, `USER_ID`), texts between quotes may hold tokens too, as in
    `TerritoryList LIKE '%{USER.TERRITORYID}%'`, and any other token is refused. Raises SoqlError.
    """
    scope = Scope(catalog, object_named(catalog, object_name, START), tokens, Budget())
    return _bound(scope, condition)


def _bound(scope: Scope, condition: Condition | None) -> BoundCondition:
    term = None if condition is None else bind_term(scope, condition)
    return BoundCondition(scope.object.name, tuple(scope.joins.values()), term, frozenset(scope.reads))


def bind_term(scope: Scope, condition: Condition) -> BoundTerm:
    """A condition inside a SELECT. Raises SoqlError."""
    match condition:
        case And():
            return AllOf(tuple(bind_term(scope, part) for part in condition.parts))
        case Or():
            return AnyOf(tuple(bind_term(scope, part) for part in condition.parts))
        case Not():
            return Negated(bind_term(scope, condition.part))
        case Comparison():
            return _comparison(scope, condition)


def _comparison(scope: Scope, comparison: Comparison) -> BoundTerm:
    left = bind_expression(scope, comparison.left)
    _check_operator(left, comparison)
    if isinstance(comparison.right, Query):
        return _inside(scope, left, comparison, comparison.right)
    scope.budget.spend(comparison.at, conditions=1, values=len(comparison.right))
    operands = tuple(_operand(scope, left, comparison.operator, value) for value in comparison.right)
    return Test(left, comparison.operator, operands, comparison.at)


def _check_operator(left: BoundExpression, comparison: Comparison) -> None:
    allowed = OPERATORS[left.kind]
    name = next((c.field.name for c in columns_in(left)), "This")
    if not allowed:
        raise SoqlError(f"{name} cannot be filtered: it is a {left.kind}.", comparison.at)
    if comparison.operator not in allowed:
        raise SoqlError(f"{comparison.operator} is not allowed for {name}, a {left.kind}.", comparison.at)


def _operand(scope: Scope, left: BoundExpression, operator: str, value: Value) -> Operand:
    if isinstance(value, Bind):
        if value.token and scope.tokens is not None and value.name not in scope.tokens:
            raise SoqlError(f"There is no token {value.name}.", value.at)
        return value
    if isinstance(value, Null) and operator not in ("LIKE", "INCLUDES", "EXCLUDES"):
        return value
    if not _fits(left, value):
        raise SoqlError(f"This takes {_TAKES[left.kind]}, not a {shown_kind(value)}.", value.at)
    if isinstance(value, Text):
        if operator == "LIKE":
            pattern_of(fold(value.value), value.at)  # what is too much is refused before anybody runs it
        return _text(scope, value)
    return value


_TAKES = {
    Kind.BOOLEAN: "true or false",
    Kind.NUMBER: "a number without quotes",
    Kind.DATE: "a date like 2026-11-21 without quotes",
    Kind.DATETIME: "a date and time like 2026-11-21T09:30:00Z without quotes",
    Kind.TIME: "a time like 10:30:00Z without quotes",
} | dict.fromkeys(_TEXTS, "a text between quotes")


def _fits(left: BoundExpression, value: Value) -> bool:
    match value:
        case Text():
            return left.kind in _TEXTS
        case Number():
            return left.kind is Kind.NUMBER
        case Currency():
            return any(c.field.type is FieldType.CURRENCY for c in columns_in(left))
        case Boolean():
            return left.kind is Kind.BOOLEAN
        case DateLiteral():
            return left.kind in (Kind.DATE, Kind.DATETIME)
        case Moment(value=datetime()):
            return left.kind is Kind.DATETIME
        case Moment(value=date()):
            return left.kind is Kind.DATE
        case Moment(value=time()):
            return left.kind is Kind.TIME
        case _:
            return False


def _text(scope: Scope, text: Text) -> Operand:
    """A text, or with tokens allowed a template of texts and tokens."""
    if scope.tokens is None or not TOKEN.search(text.value):
        return text
    parts: list[str | Bind] = []
    end = 0
    for found in TOKEN.finditer(text.value):
        name = token_name(found[0])
        if name not in scope.tokens:
            raise SoqlError(f"There is no token {found[0]}.", text.at)
        parts += [text.value[end : found.start()], Bind(name, token=True, at=text.at)]
        end = found.end()
    return Template((*parts, text.value[end:]), text.at)


def _inside(scope: Scope, left: BoundExpression, comparison: Comparison, query: Query) -> Inside:
    if not isinstance(left, Column) or left.kind is not Kind.ID:
        raise SoqlError("Only an id or a reference can be looked for in a subquery.", comparison.at)
    scope.budget.spend(query.at, subqueries=1)
    if scope.level + 1 >= limits.SUBQUERY_LEVELS_MAX:
        raise SoqlError(f"Subqueries may go {limits.SUBQUERY_LEVELS_MAX - 1} levels deep.", query.at)
    source, item = _simple(query)
    inner = Scope(
        scope.catalog, object_named(scope.catalog, source.path.names[-1], query.at), scope.tokens, scope.budget
    )
    inner.level = scope.level + 1
    inner.aliases = {source.alias.lower(): ()} if source.alias else {}
    assert isinstance(item.expression, Path)
    column = inner.column(item.expression)
    if column.kind is not Kind.ID:
        raise SoqlError("The subquery must select an id or a reference.", item.at)
    condition = _bound(inner, query.where)
    scope.reads |= condition.reads
    return Inside(left, BoundSubselect(condition, column), comparison.operator == "NOT IN")


def _simple(query: Query) -> tuple[Source, Item]:
    """The source and the one field of a subquery that may stand after IN."""
    item = query.items[0]
    if len(query.items) != 1 or not isinstance(item, Item) or not isinstance(item.expression, Path):
        raise SoqlError("The subquery must select one field.", query.at)
    source = query.sources[0]
    if len(query.sources) != 1 or len(source.path.names) != 1:
        raise SoqlError("The subquery must select from one object.", source.path.at)
    if query.group or query.order or query.limit or query.offset or query.scope or query.usage:
        raise SoqlError("A subquery after IN has only SELECT, FROM and WHERE.", query.at)
    return source, item
