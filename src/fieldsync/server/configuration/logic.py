"""The logic of a simple filter: `AND`, `OR`, or numbers of its rows as in `1 AND (2 OR 3)`. Pure.

As in a condition, AND and OR never meet without parentheses, and NOT takes what follows it alone. Every row is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

DEPTH_MAX = 20
_SIGN = re.compile(r"\s*(?:(?P<number>\d{1,4})(?!\w)|(?P<word>AND|OR|NOT)(?!\w)|(?P<bracket>[()]))", re.IGNORECASE)


class BadLogic(ValueError):
    """A logic that means nothing; `column` counts from 1."""

    def __init__(self, sentence: str, column: int) -> None:
        super().__init__(f"column {column}: {sentence}")
        self.sentence, self.column = sentence, column


@dataclass(frozen=True)
class Row:
    """The row of this number, the first being 1."""

    number: int


@dataclass(frozen=True)
class Joined:
    """Parts between which stands AND or OR."""

    word: str
    parts: tuple[Logic, ...]


@dataclass(frozen=True)
class Denied:
    """NOT, of one part."""

    part: Logic


Logic = Row | Joined | Denied


def read_logic(text: str, rows: int) -> Logic:
    """What the logic says of so many rows. Raises BadLogic."""
    word = text.strip().upper()
    if word in ("AND", "OR", ""):
        return Row(1) if rows == 1 else Joined(word or "AND", tuple(Row(number) for number in range(1, rows + 1)))
    reader = _Reader(text, rows)
    found = reader.whole()
    unused = sorted(set(range(1, rows + 1)) - reader.used)
    if unused:
        raise BadLogic(f"Row {unused[0]} is not used.", len(text) + 1)
    return found


def write_logic(logic: Logic, row: Callable[[int], str] = str) -> str:
    """The logic as text; `row` writes a row. Parts that are joined themselves stand in parentheses."""
    match logic:
        case Row():
            return row(logic.number)
        case Denied():
            return f"NOT {_part(logic.part, row)}"
        case Joined():
            return f" {logic.word} ".join(_part(part, row) for part in logic.parts)


def _part(logic: Logic, row: Callable[[int], str]) -> str:
    text = write_logic(logic, row)
    return text if isinstance(logic, Row) else f"({text})"


class _Reader:
    """Reads signs from left to right."""

    def __init__(self, text: str, rows: int) -> None:
        self._signs = list(_signs(text))
        self._rows, self._at, self._depth = rows, 0, 0
        self.used: set[int] = set()

    def whole(self) -> Logic:
        found = self._joined()
        if self._sign()[0]:
            raise BadLogic("A parenthesis is closed that was not opened.", self._sign()[1])
        return found

    def _sign(self) -> tuple[str, int]:
        return self._signs[self._at]

    def _take(self) -> tuple[str, int]:
        sign = self._sign()
        self._at += 1
        return sign

    def _joined(self) -> Logic:
        parts, word = [self._one(first=True)], ""
        while self._sign()[0] in ("AND", "OR"):
            sign, column = self._take()
            if word and sign != word:
                raise BadLogic("AND and OR need parentheses between them.", column)
            word = sign
            parts.append(self._one(first=False))
        if self._sign()[0] not in ("", ")"):
            raise BadLogic("AND or OR belongs here.", self._sign()[1])
        return Joined(word, tuple(parts)) if word else parts[0]

    def _one(self, *, first: bool) -> Logic:
        sign, column = self._take()
        if sign == "NOT" and first:
            part = self._one(first=False)
            if self._sign()[0] in ("AND", "OR"):
                raise BadLogic("NOT needs parentheses around it and what it denies.", column)
            return Denied(part)
        if sign == "(":
            return self._inside(column)
        if not sign.isdigit():
            raise BadLogic(f"The number of a row belongs here, not {sign or 'the end'}.", column)
        if not 1 <= int(sign) <= self._rows:
            raise BadLogic(f"There is no row {sign}; there are {self._rows}.", column)
        self.used.add(int(sign))
        return Row(int(sign))

    def _inside(self, column: int) -> Logic:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise BadLogic(f"Parentheses may go {DEPTH_MAX} deep.", column)
        found = self._joined()
        if self._take()[0] != ")":
            raise BadLogic("This parenthesis is not closed.", column)
        self._depth -= 1
        return found


def _signs(text: str) -> list[tuple[str, int]]:
    """Signs with their columns, and an empty one at the end. Raises BadLogic."""
    found, at = [], 0
    while text[at:].strip():
        sign = _SIGN.match(text, at)
        if sign is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise BadLogic("Only numbers of rows, AND, OR, NOT and parentheses belong here.", column)
        kind = str(sign.lastgroup)
        found.append((sign[kind].upper(), sign.start(kind) + 1))
        at = sign.end()
    return [*found, ("", len(text) + 1)]
