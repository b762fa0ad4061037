"""From text to nodes. Everything a text can do wrong is one SoqlError with line, column and a sentence."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import cast

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from fieldsync.soql import limits
from fieldsync.soql.build import build, place
from fieldsync.soql.errors import START, Position, SoqlError
from fieldsync.soql.nodes import Condition, Query

CONDITIONS_KEPT = 512
CONDITION_KEPT_CHARS_MAX = 2_000
"""Conditions whose nodes are kept: rules and sharing are read again with each catalog, and by each device that opens.
None so long that what is kept could fill a server."""
_STRING_OR_PARENTHESIS = re.compile(r"'(?:[^'\\]|\\[\s\S])*'|[()]")
_SHOWN = {
    "$END": "the end",
    "NAME": "a name",
    "DOTTED": "a name",
    "COMMA": "a comma",
    "LPAR": "(",
    "RPAR": ")",
    "_WITH_DATA_CATEGORY": "DATA CATEGORY",
    "_GROUP_BY": "GROUP BY",
    "_ORDER_BY": "ORDER BY",
    "ALL_ROWS": "ALL ROWS",
    "COUNT_ALL": "COUNT()",
    "NUMBER": "a number",
    "BIND_NAME": ":name",
    "TOKEN": "a token",
    "CURRENCY": "an amount",
    "NOT_IN": "IN",
    "EQUALS": "=",
    "DIRECTION": "ASC or DESC",
    "NULLS_PLACE": "FIRST or LAST",
    "CATEGORY_OPERATOR": "AT, ABOVE, BELOW or ABOVE_OR_BELOW",
    "USAGE": "VIEW, REFERENCE or UPDATE",
    "UPDATED": "TRACKING or VIEWSTAT",
}
_OPERATORS = {"EQUALS", "NOT_EQUALS", "LESS", "LESS_OR_EQUAL", "GREATER", "GREATER_OR_EQUAL", "LIKE"}
_VALUES = {"STRING", "NUMBER", "DATE", "BOOLEAN", "NULL"}


@cache
def _parser() -> Lark:
    grammar = files("fieldsync.soql").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, parser="lalr", start=["query", "_condition"], propagate_positions=True, maybe_placeholders=True
    )


def make_ready() -> None:
    """Build the parser now (a tenth of a second, once in a process), on a thread that may take its time."""
    _parser()


def parse(text: str, *, binds: bool = True) -> Query:
    """A whole query. `binds` False refuses bind variables and tokens, as the REST API does.

    >>> parse("SELECT Id FROM Account WHERE Name = 'Acme'").sources[0].path.names
    ('Account',)

    Raises SoqlError.
    """
    found = _parse(text, "query", binds=binds)
    assert isinstance(found, Query)
    return found


def parse_condition(text: str) -> Condition:
    """A bare condition, as sync rules and sharing keep it: what follows WHERE. Raises SoqlError."""
    return _kept_condition(text) if len(text) <= CONDITION_KEPT_CHARS_MAX else _condition(text)


def _condition(text: str) -> Condition:
    return cast("Condition", _parse(text, "_condition", binds=True))


_kept_condition = lru_cache(maxsize=CONDITIONS_KEPT)(_condition)


def _parse(text: str, start: str, *, binds: bool) -> object:
    if len(text) > limits.TEXT_CHARS_MAX:
        raise SoqlError(f"A query may have {limits.TEXT_CHARS_MAX} characters; this one has {len(text)}.")
    _check_nesting(text)
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedInput as error:
        raise _refusal(error, text) from None
    used = next(tree.find_data("bind"), None)
    if used is not None and not binds:
        raise SoqlError("A bind variable cannot stand here; write the value.", place(used))
    return build(tree.children[0] if start == "_condition" else tree)


def _check_nesting(text: str) -> None:
    depth = 0
    for found in _STRING_OR_PARENTHESIS.finditer(text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth > limits.NESTING_LEVELS_MAX:
            raise SoqlError(
                f"More than {limits.NESTING_LEVELS_MAX} parentheses are open here.", _position(text, found.start())
            )


def _position(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _refusal(error: UnexpectedInput, text: str) -> SoqlError:
    """The sentence for a text that the grammar does not have."""
    if isinstance(error, UnexpectedToken):
        token: Token = error.token
        expected = error.accepts
        if token.type == "$END":
            return SoqlError(f"The query ends where {_expected(expected)} should follow.", _position(text, len(text)))
        at = place(token)
        return SoqlError(f"{_shown(str(token))} cannot stand here; {_expected(expected)} should.", at)
    if isinstance(error, UnexpectedCharacters):
        at = Position(error.line, error.column)
        rest = text[error.pos_in_stream :]
        if rest.startswith("'") and not _STRING_OR_PARENTHESIS.match(rest):
            return SoqlError("This text has no closing quote.", at)
        word = re.match(r"[\w.%:@{}-]+|[\s\S]", rest)
        shown = _shown(word[0]) if word else "This"
        return SoqlError(f"{shown} cannot stand here; {_expected(error.allowed)} should.", at)
    return SoqlError("This cannot be read.", START)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."


def _expected(terminals: object) -> str:
    """Terminals as a person would name them, few and in a fixed order."""
    names = set(terminals) if isinstance(terminals, set | frozenset | list | tuple) else set()
    shown: set[str] = set()
    if names >= _VALUES:
        shown.add("a value")
        names = {n for n in names if n.isidentifier() and n not in _VALUES} - {
            "CURRENCY", "DATETIME", "TIME", "DATE_LITERAL", "BIND_NAME", "TOKEN",
        }  # fmt: skip
    if names & _OPERATORS == _OPERATORS:
        shown.add("an operator")
        names -= _OPERATORS | {"IN", "INCLUDES", "EXCLUDES", "_NOT"}
    shown |= {_SHOWN.get(n, n.strip("_")) for n in names}
    if "a name" in shown and len(shown) > 4:
        shown -= {n for n in shown if n in ("(", "DISTANCE", "TYPEOF", "COUNT()", "ROLLUP", "CUBE")}
    listed = sorted(shown, key=lambda n: (n.isupper(), n))[:6]
    return "something else" if not listed else " or ".join((", ".join(listed[:-1]), listed[-1])).removeprefix(" or ")
