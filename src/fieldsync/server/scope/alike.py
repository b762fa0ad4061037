"""Whose statements read alike: everybody's with the same rules, rights and columns, whose tokens have as many values.

Composing a statement takes tens of milliseconds, and a person has two for each object. So they are written once for
all whom they fit, with slots for what is each one's own: the values of tokens, the day.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from threading import Lock

from sqlalchemy.sql import ClauseElement

from fieldsync.base.recent import Recent
from fieldsync.server.postgres.compiled import Statement, compile_statement
from fieldsync.server.scope.tokens import Value
from fieldsync.soql.bound import BoundCondition, Operand, Template
from fieldsync.soql.compile.condition import ONE_BY_ONE
from fieldsync.soql.nodes import Bind
from fieldsync.soql.values import Context, Slot

STATEMENTS_MAX = 2_000
MAY_BE_LEFT_OUT = frozenset({"after", "ids", "xmin", "xmax", "running", "since", "until", "user", "fed_through"})
"""What a statement may have no place for: one whose condition holds for nobody, or for every row, asks for less."""


class Statements:
    """The statements of one org, those asked for last."""

    def __init__(self) -> None:
        self._kept: Recent[Hashable, Statement] = Recent(STATEMENTS_MAX)
        self._writing = Lock()

    def knows(self, key: Hashable) -> bool:
        """Whether the statement is written."""
        return key in self._kept

    def of(self, key: Hashable, build: Callable[[], ClauseElement]) -> Statement:
        """The statement, with its slots open. Of many who ask at once, one writes it. Raises SoqlError."""
        with self._writing:
            known = self._kept.use(key)
            return known or self._kept.keep(key, compile_statement(build(), spare=MAY_BE_LEFT_OUT))


def filled(statement: Statement, contexts: Mapping[str, Context]) -> Statement:
    """With everybody's own values in its slots. Raises SoqlError for a value that does not fit."""
    return statement.filled(lambda value: value.made(contexts[value.whose]) if isinstance(value, Slot) else value)


def shape_of(values: Mapping[str, Value], by_value: frozenset[str]) -> tuple[object, ...]:
    """What of a person's tokens decides how a statement reads: how many values, and how many of them are blank.

    `by_value`: tokens whose values themselves are written.
    """
    return tuple((name, value if name in by_value else _counts(value)) for name, value in sorted(values.items()))


def _counts(value: Value) -> tuple[int, int]:
    values = (value,) if isinstance(value, str) else value
    blank = sum(1 for one in values if not one)
    return min(len(values) - blank, 2), min(blank, 2)


def written_by_value(condition: BoundCondition) -> Iterator[str]:
    """Tokens that are part of a pattern, are looked for one by one, or make up a text together."""
    for test in condition.tests:
        for operand in test.operands:
            if test.operator in ONE_BY_ONE or _may_be_blank(operand):
                yield from tokens_in(operand)


def tokens_in(operand: Operand) -> Iterator[str]:
    """The tokens an operand is made of."""
    parts = operand.parts if isinstance(operand, Template) else (operand,)
    yield from (part.name for part in parts if isinstance(part, Bind))


def _may_be_blank(operand: Operand) -> bool:
    """Whether it takes the values of several tokens to know if a text is blank."""
    if not isinstance(operand, Template):
        return False
    tokens = [part for part in operand.parts if isinstance(part, Bind)]
    return len(tokens) > 1 and not any(isinstance(part, str) and part for part in operand.parts)
