"""What a lazy function sees of the evaluation it takes part in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from fieldsync.formula.record import Record, Surroundings
from fieldsync.formula.types import FormulaType, Value


class Argument(Protocol):
    """An argument that is not evaluated yet; its type is known."""

    @property
    def type(self) -> FormulaType: ...


class Run(Protocol):
    """One evaluation."""

    record: Record
    around: Surroundings

    def value(self, argument: Any) -> Value:
        """The argument's value. Raises NoValue."""

    def old(self, argument: Any) -> Value:
        """The value a field had before; its present one while the record is new."""


Arguments = Sequence[Any]
"""Bound nodes; `Any` because `bound.py` stands above the table."""
