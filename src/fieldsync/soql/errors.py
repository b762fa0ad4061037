"""Where something stands in a query, and the one error of this package.

A query is text that people write, so every refusal names the line, the column and one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """A place in the text; both numbers start at 1."""

    line: int
    column: int


START = Position(1, 1)


class SoqlError(ValueError):
    """A query that cannot be parsed, bound or run. `sentence` says why, `position` says where."""

    def __init__(self, sentence: str, position: Position = START) -> None:
        super().__init__(f"line {position.line}, column {position.column}: {sentence}")
        self.sentence = sentence
        self.position = position

    @property
    def line(self) -> int:
        return self.position.line

    @property
    def column(self) -> int:
        return self.position.column
