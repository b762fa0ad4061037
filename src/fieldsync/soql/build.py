"""From the parser's tree to nodes: one function for each rule, and rules no grammar can state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lark import Token, Tree

from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.literals import READERS, unescape
from fieldsync.soql.nodes import (
    And,
    Bind,
    Call,
    Category,
    Comparison,
    Condition,
    Distance,
    Group,
    Item,
    Not,
    Number,
    Or,
    Order,
    Path,
    Query,
    Source,
    TypeOf,
    Value,
)

Node = Tree[Token] | Token | None


def place(node: Tree[Token] | Token) -> Position:
    """Where a part of the tree begins."""
    if isinstance(node, Token):
        return Position(node.line or 1, node.column or 1)
    return Position(getattr(node.meta, "line", 1), getattr(node.meta, "column", 1))


def build(node: Node) -> Any:
    """The node of a tree; the tree comes from our own grammar, so every rule is known."""
    if node is None:
        return None
    if isinstance(node, Token):
        reader = READERS.get(node.type)
        return str(node) if reader is None else reader(str(node), place(node))
    return RULES[node.data](node, node.children)


def _query(tree: Tree[Token], children: Sequence[Node]) -> Query:
    select, source, where, with_, group, order, limit, offset, usage, update, all_rows, bindings = children
    sources, scope = build(source)
    mode, categories = build(with_) or (None, ())
    return Query(
        items=build(select),
        sources=sources,
        scope=scope,
        where=build(where),
        mode=mode,
        categories=categories,
        group=build(group),
        order=build(order) or (),
        limit=_count(limit),
        offset=_count(offset),
        usage=(build(usage) or ()) + (build(update) or ()),
        all_rows=all_rows is not None,
        bindings=build(bindings) or (),
        at=place(tree),
    )


def _count(node: Node) -> Number | Bind | None:
    if node is None:
        return None
    assert isinstance(node, Tree)
    found = build(node.children[0])
    if isinstance(found, Number) and (not isinstance(found.value, int) or found.value < 0):
        raise SoqlError("This takes a whole number, 0 or more.", found.at)
    assert isinstance(found, Number | Bind)
    return found


def _all(_: Tree[Token], children: Sequence[Node]) -> tuple[Any, ...]:
    return tuple(build(c) for c in children)


def _only(_: Tree[Token], children: Sequence[Node]) -> Any:
    return build(children[0])


def _from(_: Tree[Token], children: Sequence[Node]) -> tuple[tuple[Source, ...], str | None]:
    *sources, scope = children
    return tuple(build(s) for s in sources), None if scope is None else str(scope)


def _item(tree: Tree[Token], children: Sequence[Node]) -> Item:
    return Item(build(children[0]), build(children[1]), place(tree))


def _typeof(tree: Tree[Token], children: Sequence[Node]) -> TypeOf:
    reference, *cases, otherwise = children
    return TypeOf(build(reference), tuple(build(c) for c in cases), build(otherwise) or (), place(tree))


def _path(tree: Tree[Token], children: Sequence[Node]) -> Path:
    return Path(tuple(str(children[0]).split(".")), place(tree))


def _call(tree: Tree[Token], children: Sequence[Node]) -> Call:
    return Call(str(children[0]), tuple(build(c) for c in children[1:]), place(tree))


def _distance(tree: Tree[Token], children: Sequence[Node]) -> Distance:
    location, spot, unit = children
    assert isinstance(unit, Token)
    where = build(spot)
    return Distance(build(location), where, unescape(unit[1:-1], place(unit)).lower(), place(tree))


def _compare(tree: Tree[Token], children: Sequence[Node]) -> Comparison:
    left, operator, right = children
    assert operator is not None
    sign = (operator if isinstance(operator, Token) else str(operator.children[0])).upper()
    return Comparison(build(left), "!=" if sign == "<>" else sign, (build(right),), place(tree))


def _member(tree: Tree[Token], children: Sequence[Node]) -> Comparison:
    left, membership = children
    assert isinstance(membership, Tree)
    operator, *values = membership.children
    name = "NOT IN" if membership.data == "non_membership" else str(operator).upper()
    right = tuple(build(v) for v in values)
    return Comparison(build(left), name, right[0] if isinstance(right[0], Query) else right, place(tree))


def _with_mode(_: Tree[Token], children: Sequence[Node]) -> tuple[str, tuple[Category, ...]]:
    return str(children[0]).upper(), ()


def _category(_: Tree[Token], children: Sequence[Node]) -> Category:
    group, operator, *names = children
    return Category(str(build(group)), str(operator).upper(), tuple(str(build(n)) for n in names))


def _group(_: Tree[Token], children: Sequence[Node]) -> Group:
    grouping, having = children
    assert isinstance(grouping, Tree)
    kind = str(grouping.data).upper() if grouping.data in ("rollup", "cube") else ""
    listed = grouping.children[0] if kind else grouping
    return Group(kind, build(listed), build(having))


def _order_item(_: Tree[Token], children: Sequence[Node]) -> Order:
    expression, direction, nulls = children
    return Order(build(expression), str(direction).upper() == "DESC", str(nulls).upper() == "LAST")


def _binding(_: Tree[Token], children: Sequence[Node]) -> tuple[str, Value]:
    return str(children[0]), build(children[2])


def _words(_: Tree[Token], children: Sequence[Node]) -> tuple[str, ...]:
    return tuple(str(c).upper() for c in children)


def _not(tree: Tree[Token], children: Sequence[Node]) -> Condition:
    return Not(build(children[0]), place(tree))


RULES: dict[str, Callable[[Tree[Token], Sequence[Node]], Any]] = {
    "query": _query,
    "select_count": lambda tree, _: (Item(Call("COUNT", (), place(tree)), None, place(tree)),),
    "select_items": _all,
    "item": _item,
    "child": _only,
    "typeof": _typeof,
    "when": lambda _, children: (str(build(children[0])), build(children[1])),
    "else": _only,
    "field_list": _all,
    "from": _from,
    "source": lambda _, children: Source(build(children[0]), build(children[1])),
    "where": _only,
    "with_categories": lambda _, children: (None, tuple(build(c) for c in children)),
    "with_mode": _with_mode,
    "with_settings": _with_mode,
    "category": _category,
    "group": _group,
    "expression_list": _all,
    "having": _only,
    "order": _all,
    "order_item": _order_item,
    "usage": _words,
    "update": _words,
    "bindings": _all,
    "binding": _binding,
    "conjunction": lambda _, children: And(tuple(build(c) for c in children)),
    "disjunction": lambda _, children: Or(tuple(build(c) for c in children)),
    "negation": _not,
    "group_of_conditions": _only,
    "compare": _compare,
    "member": _member,
    "path": _path,
    "reference": _path,
    "call": _call,
    "distance": _distance,
    "geolocation": _all,
    "bind": _only,
}
"""Rule of the grammar to what makes its node."""
