"""What can be wrong with a formula: one frozen value with its place, and the exception that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Position:
    """Where something stands in the text of a formula; both count from 1."""

    line: int
    column: int


START = Position(1, 1)


class Fault(StrEnum):
    """The kinds of errors."""

    SYNTAX = "syntax"
    LIMIT = "limit"
    UNKNOWN_FUNCTION = "unknown_function"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    WRONG_COUNT = "wrong_count"
    REFUSED = "refused"
    EVALUATION = "evaluation"


@dataclass(frozen=True)
class FormulaError:
    """One error: its kind, its place and one sentence for the person."""

    fault: Fault
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.sentence}"


class BadFormula(Exception):
    """A formula that cannot be used. `error` says what and where."""

    def __init__(self, error: FormulaError) -> None:
        super().__init__(str(error))
        self.error = error


class NoValue(Exception):
    """Raised while a formula runs, where the platform shows #Error!: a division by zero, a text that is no date."""


def bad(fault: Fault, position: Position, sentence: str) -> BadFormula:
    """The exception for an error at `position`."""
    return BadFormula(FormulaError(fault, position.line, position.column, sentence))
