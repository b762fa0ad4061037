"""A formula after the check: every name is a field or a function, every part has its type."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.formula.functions.signature import Function
from fieldsync.formula.problem import Position
from fieldsync.formula.types import FormulaType, Value
from fieldsync.schema.model import FieldType


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the formula."""

    value: Value
    type: FormulaType
    position: Position


@dataclass(frozen=True, slots=True)
class Read:
    """A field of the record, of a related one, or a global value. `field` is None where nobody declared its type."""

    names: tuple[str, ...]
    field: FieldType | None
    type: FormulaType
    position: Position

    @property
    def path(self) -> str:
        """As it is written, with the names the catalog has."""
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator on its arguments."""

    function: Function
    arguments: tuple[Bound, ...]
    type: FormulaType
    position: Position


Bound = Constant | Read | Apply
