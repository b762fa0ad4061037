"""What a formula is evaluated against: the record with its old values and relatives, and the world around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fieldsync.formula.problem import FormulaError
from fieldsync.formula.types import Value
from fieldsync.schema.fields import FieldValue

Stored = FieldValue | Value | FormulaError
"""A field's canonical value; one that a formula gave; or the error it ended in, which is the error of its readers."""
Lookup = Callable[[str, str, str, Value], Stored]
"""VLOOKUP: (object, field to return, field to match, value) to the returned field's value; None for no match."""


def nothing_found(_object: str, _returned: str, _matched: str, _value: Value) -> Stored:
    """A lookup where there are no other records."""
    return None


@dataclass(frozen=True)
class Record:
    """A record's values by field name, and by the way to it those of related records (`Account`, `Account.Owner`).

    `old` is None for a record that is being created. A field that is missing is blank.
    """

    new: Mapping[str, Stored]
    old: Mapping[str, Stored] | None = None
    related: Mapping[str, Mapping[str, Stored]] = field(default_factory=dict)
    cloned: bool = False


@dataclass(frozen=True)
class Surroundings:
    """Everything else a formula may read, all of it given.

    `globals` has the values behind `$User.Id` and its like, by their path; `rates` the currencies' rates by code.
    """

    now: datetime
    zone: ZoneInfo | None = None
    """The time zone of the person; None for UTC."""
    globals: Mapping[str, Stored] = field(default_factory=dict)
    blanks_as_zero: bool = False
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    lookup: Lookup = nothing_found

    @property
    def local_now(self) -> datetime:
        """The instant in the person's time zone."""
        return self.now.astimezone(self.zone or UTC)
