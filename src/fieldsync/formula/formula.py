"""The room's door: `parse`, `Formula`, `evaluate`. What they give stays stable."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from fieldsync.formula.bound import Bound
from fieldsync.formula.check.checker import bind
from fieldsync.formula.check.scope import CatalogScope, Scope
from fieldsync.formula.evaluate import Evaluation
from fieldsync.formula.functions.table import TABLE
from fieldsync.formula.nodes import Call, Node, Path, walk
from fieldsync.formula.parse import parse_text
from fieldsync.formula.problem import Fault, FormulaError, NoValue
from fieldsync.formula.record import Record, Surroundings
from fieldsync.formula.types import FormulaType, Value
from fieldsync.schema.catalog import Catalog

ZONED = frozenset({"DATEVALUE"})


@dataclass(frozen=True)
class Formula:
    """A parsed formula. Two with the same meaning as text are equal, whatever their spaces and comments."""

    node: Node
    text: str = field(compare=False)

    @cached_property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The fields it reads, as written: `("Account", "Owner", "Name")`; global values are not among them."""
        return frozenset(path.names for path in self._paths if not path.names[0].startswith("$"))

    @cached_property
    def globals(self) -> frozenset[tuple[str, ...]]:
        """The global values it reads: `("$User", "Id")`."""
        return frozenset(path.names for path in self._paths if path.names[0].startswith("$"))

    @property
    def _paths(self) -> tuple[Path, ...]:
        return tuple(node for node in walk(self.node) if isinstance(node, Path))

    @cached_property
    def volatile(self) -> bool:
        """Whether the same record may give another value later, or for another person: it reads the clock, `$User`,
        settings, rates or other records by look-up."""
        calls = (node.name for node in walk(self.node) if isinstance(node, Call))
        return bool(self.globals) or any(name in TABLE and TABLE[name].volatile for name in calls)

    @cached_property
    def zoned(self) -> bool:
        """Whether it asks on which day an instant is: that depends on where the person is."""
        return any(isinstance(node, Call) and node.name in ZONED for node in walk(self.node))

    def check(self, catalog: Catalog, object_name: str) -> FormulaType:
        """What it gives on records of this object. Raises BadFormula."""
        return self.bind(CatalogScope(catalog, object_name)).type

    def bind(self, scope: Scope) -> Checked:
        """With every name's meaning, ready to run. Raises BadFormula."""
        return Checked(bind(self.node, scope), self)


@dataclass(frozen=True)
class Checked:
    """A formula that was checked against a scope."""

    root: Bound
    formula: Formula

    @property
    def type(self) -> FormulaType:
        """What kind of value it gives."""
        return self.root.type


def parse(text: str) -> Formula:
    """The formula a text says. Raises BadFormula."""
    return Formula(parse_text(text), text)


def evaluate(checked: Checked, record: Record, around: Surroundings) -> Value | FormulaError:
    """The formula's value on a record, or the error the platform shows as #Error!."""
    try:
        return Evaluation(record, around).value(checked.root)
    except NoValue as fault:
        position = checked.root.position
        return FormulaError(Fault.EVALUATION, position.line, position.column, f"no value: {fault}")
