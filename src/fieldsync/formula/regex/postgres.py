"""A pattern as PostgreSQL writes it, from the same tree and the same character sets."""

from __future__ import annotations

from typing import assert_never

from fieldsync.formula.regex import charsets
from fieldsync.formula.regex.charsets import Ranges
from fieldsync.formula.regex.machine import compiled
from fieldsync.formula.regex.syntax import Choice, Edge, Look, One, Repeat, Row, Tree, parse

_COUNT_MAX = 255
"""PostgreSQL repeats no further in one count."""


def translated(pattern: str) -> str:
    """An advanced regular expression that matches the same whole texts. Raises NoValue as the machine does."""
    compiled(pattern)  # the same limits hold
    return f"^(?:{_written(parse(pattern))})$"


def _written(tree: Tree) -> str:
    match tree:
        case One():
            return _set(tree.ranges)
        case Edge():
            return _edge(tree.kind)
        case Look():
            return f"(?{'=' if tree.wanted else '!'}{_written(tree.tree)})"
        case Row():
            return "".join(_written(part) for part in tree.parts)
        case Choice():
            return "(?:" + "|".join(_written(part) for part in tree.parts) + ")"
        case Repeat():
            return _repeated(tree)
        case _:
            assert_never(tree)


def _repeated(tree: Repeat) -> str:
    if isinstance(tree.tree, Edge | Look):  # PostgreSQL repeats no places; they match once or not at all
        return _written(tree.tree) if tree.least else ""
    inner = f"(?:{_written(tree.tree)})"
    if tree.most is None:
        return _times(inner, tree.least, tree.least) + inner + "*"
    return _times(inner, tree.least, tree.most)


def _times(inner: str, least: int, most: int) -> str:
    written = ""
    while most > 0:
        part = min(most, _COUNT_MAX)
        written += f"{inner}{{{min(least, part)},{part}}}"
        least, most = max(least - part, 0), most - part
    return written


def _edge(kind: str) -> str:
    if kind in "^$":
        return kind
    word = _set(charsets.WORDS)
    if kind == "b":
        return f"(?:(?<!{word})(?={word})|(?<={word})(?!{word}))"
    return f"(?:(?<!{word})(?!{word})|(?<={word})(?={word}))"


def _set(ranges: Ranges) -> str:
    """In brackets by code point; nothing at all is a place that never is."""
    parts = []
    for low, high in ranges:
        start = max(low, 1)  # a text has no zero character
        for first, last in ((start, min(high, 0xD7FF)), (max(start, 0xE000), high)):
            if first <= last:
                parts.append(_code(first) if first == last else f"{_code(first)}-{_code(last)}")
    return f"[{''.join(parts)}]" if parts else "(?!)"


def _code(code: int) -> str:
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
