"""What a condition names, whether or not an org has it: tokens and objects, with their places. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fieldsync.soql.bind.condition import TOKEN
from fieldsync.soql.errors import Position
from fieldsync.soql.literals import token_name
from fieldsync.soql.nodes import And, Bind, Comparison, Condition, Not, Or, Query, Text

Named = tuple[str, Position]


def tokens_in(condition: Condition) -> Iterator[Named]:
    """Every token, by its one name: bare, or inside a text between quotes."""
    for comparison in _comparisons(condition):
        for value in comparison.right if not isinstance(comparison.right, Query) else ():
            if isinstance(value, Bind) and value.token:
                yield value.name, value.at
            elif isinstance(value, Text):
                yield from ((token_name(found[0]), value.at) for found in TOKEN.finditer(value.value))


def objects_in(condition: Condition) -> Iterator[Named]:
    """Every object a subquery selects from."""
    for comparison in _comparisons(condition):
        if isinstance(comparison.right, Query):
            yield from ((source.path.names[-1], comparison.right.at) for source in comparison.right.sources)


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    """The comparisons of a condition and of its subqueries, in order."""
    match condition:
        case And() | Or():
            for part in condition.parts:
                yield from _comparisons(part)
        case Not():
            yield from _comparisons(condition.part)
        case Comparison():
            yield condition
            if isinstance(condition.right, Query) and condition.right.where is not None:
                yield from _comparisons(condition.right.where)
