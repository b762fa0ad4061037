"""The nodes of a parsed formula: frozen, comparable without their places in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from fieldsync.formula.problem import START, Position


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, TRUE, FALSE or NULL."""

    value: Decimal | str | bool | None
    position: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Path:
    """A field, a field of a related record, or a global value: `Account.Owner.Name`, `$User.Id`."""

    names: tuple[str, ...]
    position: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Element:
    """An item of a list, `items[0].Name`: flows have them, records don't, so it parses and is refused by the check."""

    base: Node
    index: Node
    names: tuple[str, ...]
    position: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator with its arguments. Operators are named as they are written."""

    name: str
    arguments: tuple[Node, ...]
    position: Position = field(default=START, compare=False)
    depth: int = field(default=1, compare=False)
    size: int = field(default=1, compare=False)


Node = Literal | Path | Element | Call

CHAINS = frozenset({"&", "&&", "||"})
"""Operators that take any number of operands: a & b & c is one call, however long."""


def depth(node: Node) -> int:
    """How many calls stand inside one another here."""
    return node.depth if isinstance(node, Call) else 0


def size(node: Node) -> int:
    """How many nodes there are here."""
    return node.size if isinstance(node, Call) else 1


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, in the order of the text."""
    yield node
    children = (
        node.arguments if isinstance(node, Call) else (node.base, node.index) if isinstance(node, Element) else ()
    )
    for child in children:
        yield from walk(child)
