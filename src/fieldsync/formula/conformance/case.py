"""One case of a suite, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fieldsync.formula.record import Record, Stored, Surroundings
from fieldsync.schema.model import FieldType

NOW = datetime(2020, 4, 13, 12, 0, tzinfo=UTC)
"""The clock of a case whose result does not depend on it."""


@dataclass(frozen=True)
class Derived:
    """A field that is a formula itself, computed before the case's own."""

    name: str
    type: FieldType
    formula: str


@dataclass(frozen=True)
class Expected:
    """The value a suite expects, or an error."""

    value: Stored = None
    error: bool = False
    any_error: bool = False
    """The suite has no word for this error: the check may find it too."""
    error_is_blank: bool = False
    """The suite writes an error as blank, so either will do."""
    precision: int | None = None
    scale: int | None = None
    rounded: bool = False
    """The suite computed in binary fractions: 12 digits must agree."""
    plain_links: bool = False
    """The suite's links have no default target."""


@dataclass(frozen=True)
class Case:
    """A formula, a record, and what it should give. Cases with one `id` are one row of their suite."""

    suite: str
    id: str
    formula: str
    expected: Expected
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    record: Record = field(default_factory=lambda: Record({}))
    blanks_as_zero: bool = False
    returns: FieldType | None = None

    @property
    def around(self) -> Surroundings:
        """The surroundings it runs in; global values come with the record."""
        values = {name: value for name, value in self.record.new.items() if name.startswith("$")}
        return Surroundings(NOW, globals=values, blanks_as_zero=self.blanks_as_zero)


@dataclass(frozen=True)
class Outcome:
    """Whether a case passed, and what it gave."""

    suite: str
    id: str
    passed: bool
    expected: str = ""
    actual: str = ""
