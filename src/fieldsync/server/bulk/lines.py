"""The lines of a file that is loaded: which column each heading means, and the values in their canonical form. Pure.

A heading is the name of a field (`Units`), or the way to the external id of what a reference points to
(`Account.External_Id`). A month may be written `2026-03`: its first day is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Protocol

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.catalog import Catalog, ObjectType, relationship_name
from fieldsync.schema.fields import BadValue, FieldValue, canonical
from fieldsync.schema.model import Field, FieldType

NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT, FieldType.GEOLOCATION)
YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_MONTH = re.compile(r"\d{4}-\d{2}")
Values = tuple[FieldValue, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one line; line 1 is the headings."""

    line: int
    column: str
    sentence: str


@dataclass
class Faults:
    """Those found so far: how many, and the first `BULK_FAULTS_TOLD_MAX`."""

    count: int = 0
    told: list[Fault] = field(default_factory=list)

    def add(self, line: int, column: str, sentence: str) -> None:
        """One more."""
        self.count += 1
        if len(self.told) < limits.BULK_FAULTS_TOLD_MAX:
            self.told.append(Fault(line, column, sentence))


@dataclass(frozen=True)
class Target:
    """What a heading means: a column of the object, and for an external id whose and which."""

    heading: str
    column: str
    field: Field
    external: tuple[str, Field] | None = None

    @property
    def needed(self) -> bool:
        """Whether no line may leave it empty."""
        return self.field.required or self.field.type is FieldType.MASTER_DETAIL


def targets_of(catalog: Catalog, object_type: ObjectType, headings: Sequence[str], faults: Faults) -> list[Target]:
    """What the headings mean. Every key field and every required one must be among them."""
    found: dict[str, Target] = {}
    for heading in headings:
        target = _target(catalog, object_type, heading.strip())
        if target is None:
            faults.add(1, heading, f"{object_type.label} has no field that files may fill by this heading.")
        elif target.column in found:
            faults.add(1, heading, f"{found[target.column].heading} says the same.")
        else:
            found[target.column] = target
    for column, declared in object_type.column_fields.items():
        needed = declared.required or declared.type is FieldType.MASTER_DETAIL
        if needed and not declared.system and column != "OwnerId" and column not in found:
            faults.add(1, column, "Every line needs it, and the file has no such column.")
    return list(found.values())


def _target(catalog: Catalog, object_type: ObjectType, heading: str) -> Target | None:
    way, dot, name = heading.partition(".")
    if not dot:
        named = object_type.column_fields.get(heading)
        return Target(heading, heading, named) if named is not None and heading in object_type.writable else None
    for reference in object_type.references:
        if reference.references is not None and relationship_name(reference) == way:
            external = catalog[reference.references].fields.get(name)
            if external is not None and external.external_id and external.unique:
                return Target(heading, reference.name, reference, (reference.references, external))
    return None


class Lines(Protocol):
    """What `csv.reader` gives."""

    @property
    def line_num(self) -> int:
        """The last line that was read."""

    def __iter__(self) -> Iterator[list[str]]:
        """The values of line after line."""


def read_lines(lines: Lines, targets: Sequence[Target], faults: Faults) -> Iterator[tuple[int, Values]]:
    """(line, values in the order of the targets) of every line without a fault."""
    for line in lines:
        number = lines.line_num
        if not any(line):
            continue
        if len(line) != len(targets):
            faults.add(number, "", f"It has {len(line)} values; the file has {len(targets)} columns.")
            continue
        before = faults.count
        values = tuple(_value(target, text.strip(), number, faults) for target, text in zip(targets, line, strict=True))
        if faults.count == before:
            yield number, values


def first_day(text: str) -> str:
    """The first day of a month written `2026-03`. Raises Refused(UNUSABLE)."""
    try:
        return date.fromisoformat(f"{text}-01").isoformat()
    except ValueError:
        raise Refused(problem(Code.UNUSABLE, what=f"The period {text}", reason="it is no month like 2026-03")) from None


def _value(target: Target, text: str, line: int, faults: Faults) -> FieldValue:
    declared = target.field if target.external is None else target.external[1]
    try:
        value = canonical(declared, _meant(declared, text))
    except BadValue as bad:
        faults.add(line, target.heading, bad.problem("", None, target.heading).message)
        return None
    if value is None and target.needed:
        faults.add(line, target.heading, problem(Code.REQUIRED, field=target.heading).message)
    return value


def _meant(declared: Field, text: str) -> object:
    """The text as the kind of value the field's check expects; it stays text where it cannot be read."""
    if not text:
        return None
    if declared.type is FieldType.CHECKBOX:
        return YES_NO.get(text.lower(), text)
    if declared.type is FieldType.DATE and _MONTH.fullmatch(text):
        return f"{text}-01"
    if declared.type in NUMBERS:
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    return text
