"""One row of the table of functions: what it takes, what it gives, and where its two back-ends are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fieldsync.formula.types import FormulaType

TEXT, NUMBER, BOOLEAN = FormulaType.TEXT, FormulaType.NUMBER, FormulaType.BOOLEAN
DATE, DATETIME, TIME = FormulaType.DATE, FormulaType.DATETIME, FormulaType.TIME
PICKLIST, MULTI = FormulaType.PICKLIST, FormulaType.MULTI_PICKLIST
PLACE, NULL, ANY = FormulaType.GEOLOCATION, FormulaType.NULL, FormulaType.ANY


class Kind(StrEnum):
    """The chapters of the reference."""

    OPERATOR = "Operators"
    LOGIC = "Logic"
    TEXT = "Text"
    MATH = "Math"
    DATES = "Dates and times"
    ADVANCED = "Advanced"


@dataclass(frozen=True)
class Parameter:
    """An argument: its name in the reference and the types it may have."""

    name: str
    types: tuple[FormulaType, ...]
    optional: bool = False
    repeats: bool = False


Rule = Callable[[tuple[FormulaType, ...]], FormulaType | int]
"""Result type of argument types, or the index of the argument that does not fit."""


@dataclass(frozen=True)
class Function:
    """A function or operator. `python` takes the arguments' values; `sql` names the PostgreSQL side.

    Where an argument is blank the result is blank, unless `blanks` says that the function wants to see it.
    A `lazy` function gets the run and its unevaluated arguments instead, and its `sql` names a builder of
    `sql/lazy.py`.
    """

    name: str
    kind: Kind
    parameters: tuple[Parameter, ...]
    result: FormulaType | Rule
    python: Callable[..., Any]
    sql: str
    doc: str
    blanks: bool = False
    lazy: bool = False
    volatile: bool = False
    python_only: str = ""
    """Why there is no SQL side; then `sql` is empty."""
    refused: str = ""
    """Why the function cannot be used at all; then both back-ends are missing."""

    @property
    def counts(self) -> tuple[int, int | None]:
        """Fewest and most arguments; None for any number."""
        least = sum(not p.optional for p in self.parameters)
        return least, None if any(p.repeats for p in self.parameters) else len(self.parameters)

    def parameter(self, index: int) -> Parameter:
        """The parameter of the argument with this index."""
        return self.parameters[min(index, len(self.parameters) - 1)]


def p(name: str, *types: FormulaType) -> Parameter:
    """A parameter that must be given."""
    return Parameter(name, types)


def maybe(name: str, *types: FormulaType) -> Parameter:
    """A parameter that may be left out."""
    return Parameter(name, types, optional=True)


def many(name: str, *types: FormulaType) -> Parameter:
    """A last parameter that may come again and again; once at least."""
    return Parameter(name, types, repeats=True)
