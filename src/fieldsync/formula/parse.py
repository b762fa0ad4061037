"""Text to nodes: the grammar of `grammar.lark`, its errors as sentences, its limits.

Nothing here knows a function or a field; `check/` does.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from importlib.resources import files

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from fieldsync.formula import limits
from fieldsync.formula.nodes import CHAINS, Call, Element, Literal, Node, Path, depth, size
from fieldsync.formula.problem import START, BadFormula, Fault, Position, bad

_SPELLING = {"==": "=", "!=": "<>"}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse_text(text: str) -> Node:
    """The formula as a tree. Raises BadFormula."""
    if len(text) > limits.TEXT_CHARS_MAX:
        raise bad(
            Fault.LIMIT,
            START,
            f"the formula has {len(text):,} characters; {limits.TEXT_CHARS_MAX:,} are allowed",
        )
    try:
        node: Node = _parser().parse(text)  # type: ignore[assignment]
    except UnexpectedInput as unexpected:
        raise _syntax(text, unexpected) from None
    return node


@cache
def _parser() -> Lark:
    grammar = files("fieldsync.formula").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=_Nodes(), maybe_placeholders=False)


def _syntax(text: str, unexpected: UnexpectedInput) -> BadFormula:
    """What lark says, as a sentence with a place that exists."""
    end = _end(text)
    match unexpected:
        case UnexpectedToken(token=token) if token.type != "$END":
            return bad(Fault.SYNTAX, _at(token), f"{str(token)!r} is not expected here")
        case UnexpectedCharacters():
            position = Position(unexpected.line, unexpected.column)
            return bad(Fault.SYNTAX, position, f"{unexpected.char!r} is not part of the language, or a quote is open")
        case UnexpectedEOF() | _:
            return bad(Fault.SYNTAX, end, "the formula ends too early")


def _end(text: str) -> Position:
    lines = text.split("\n")
    return Position(len(lines), len(lines[-1]) + 1)


def _at(token: Token) -> Position:
    return Position(token.line or 1, token.column or 1)


def _unescaped(quoted: str) -> str:
    """The characters a quoted text stands for; an escape nobody knows stands for its second character."""
    return re.sub(r"\\([\s\S])", lambda found: _ESCAPES.get(found[1], found[1]), quoted[1:-1])


def _call(name: str, arguments: tuple[Node, ...], position: Position) -> Call:
    """A call, unless it makes the formula too deep or too large."""
    deep = 1 + max((depth(a) for a in arguments), default=0)
    large = 1 + sum(size(a) for a in arguments)
    if deep > limits.DEPTH_MAX:
        raise bad(Fault.LIMIT, position, f"more than {limits.DEPTH_MAX} calls and operators stand inside one another")
    if large > limits.NODES_MAX:
        raise bad(Fault.LIMIT, position, f"the formula has more than {limits.NODES_MAX:,} parts")
    return Call(name, arguments, position, deep, large)


@v_args(inline=True)
class _Nodes(Transformer[Token, Node]):
    """Called by lark while it parses, so that no nesting is walked twice."""

    def number(self, token: Token) -> Node:
        return Literal(Decimal(str(token)), _at(token))

    def text(self, token: Token) -> Node:
        return Literal(_unescaped(str(token)), _at(token))

    def true(self, token: Token) -> Node:
        return Literal(True, _at(token))

    def false(self, token: Token) -> Node:
        return Literal(False, _at(token))

    def null(self, token: Token) -> Node:
        return Literal(None, _at(token))

    def path(self, *names: Token) -> Node:
        return Path(tuple(str(name) for name in names), _at(names[0]))

    def element(self, base: Node, index: Node, rest: Path | None = None) -> Node:
        return Element(base, index, rest.names if rest else (), base.position)

    def call(self, name: Token, *arguments: Node) -> Node:
        return _call(str(name).upper(), arguments, _at(name))

    def prefix(self, operator: Token, operand: Node) -> Node:
        name = "NOT" if str(operator).upper() in ("NOT", "!") else f"unary {operator}"
        return _call(name, (operand,), _at(operator))

    def binary(self, left: Node, operator: Token, right: Node) -> Node:
        name = _SPELLING.get(str(operator), str(operator))
        if name in CHAINS and isinstance(left, Call) and left.name == name:
            return _call(name, (*left.arguments, right), left.position)
        return _call(name, (left, right), left.position)
