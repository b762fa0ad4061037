"""What was typed on a rule's page, as a rule; and what is wrong with it, by field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fieldsync.schema.sync_rule import EVERY_DEVICE, RuleType, SyncRule
from fieldsync.server.configuration.simple import (
    MANY,
    BadFilter,
    FilterRow,
    Operator,
    SimpleFilter,
    ValueType,
    read_filter,
    write_filter,
)
from fieldsync.server.oversight.scope.kept import Kept, with_profile
from fieldsync.soql import SoqlError
from fieldsync.soql.errors import Position

Typed = Mapping[str, Sequence[str]]
"""The values of each name of a form, in order."""

CHECKED = ("active", "required", "one_way", "include_related", "include_attachments", "metadata_only")
LISTED = ("include_fields", "exclude_fields", "attachment_types")
COUNTED = ("rows_max", "order", "attachments_max", "attachment_megabytes_max")
NAMED = ("application_profile", "parent_object", "relationship_field", "delta_date_field")
BETWEEN = ";"
"""Stands between several values of a row of the filter."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong in one field of the form; `pointed` shows the place in the condition."""

    attribute: str
    sentence: str
    pointed: str = ""
    warning: bool = False


@dataclass(frozen=True)
class Drafted:
    """The rule as it was typed, with what could not be read, and the filter where the rows are being edited."""

    rule: SyncRule
    wrong: tuple[Wrong, ...] = ()
    filter: SimpleFilter | None = None


def one(typed: Typed, name: str) -> str:
    """The first value of a name, without space around it; empty for none."""
    return next(iter(typed.get(name, ())), "").replace("\r\n", "\n").strip()


def draft(typed: Typed, kept: Kept | None) -> Drafted:
    """The rule. What the page does not show stays as it is kept."""
    base = kept.rule if kept is not None else SyncRule(object=one(typed, "object"))
    wrong: list[Wrong] = []
    filter_, where = _condition(typed, wrong)
    rule = msgspec.structs.replace(
        base,
        device=one(typed, "device") or EVERY_DEVICE,
        type=_type(typed, wrong),
        where=where or None,
        **{name: bool(one(typed, name)) for name in CHECKED},
        **{name: tuple(part.strip() for part in one(typed, name).split(",") if part.strip()) for name in LISTED},
        **{name: _number(typed, name, wrong) for name in COUNTED},
        **{name: one(typed, name) or None for name in NAMED},
    )
    return Drafted(with_profile(rule, kept, one(typed, "profile")), tuple(wrong), filter_)


def _type(typed: Typed, wrong: list[Wrong]) -> RuleType:
    given = one(typed, "type")
    if given in set(RuleType):
        return RuleType(given)
    wrong.append(Wrong("type", f"There is no type {given}."))
    return RuleType.TOP_LEVEL


def _number(typed: Typed, name: str, wrong: list[Wrong]) -> int | None:
    given = one(typed, name)
    if not given:
        return None
    if given.isascii() and given.isdecimal() and len(given) <= (9 if name == "rows_max" else 5):
        return int(given)
    wrong.append(Wrong(name, f"{given} is no whole number this field takes."))
    return None


def _condition(typed: Typed, wrong: list[Wrong]) -> tuple[SimpleFilter | None, str]:
    """The filter if its rows are edited, and the condition."""
    if one(typed, "mode") != "rows":
        return None, one(typed, "where")
    found = rows_of(typed)
    try:
        return found, write_filter(found)
    except BadFilter as bad:
        place = f"Row {bad.row}: " if bad.row else f"Logic, column {bad.column}: " if bad.column else ""
        wrong.append(Wrong("where", f"{place}{bad.sentence}"))
        return found, ""


def rows_of(typed: Typed) -> SimpleFilter:
    """The rows as they stand; those without a field are left out."""
    columns = [typed.get(f"filter_{name}", ()) for name in ("field", "operator", "type", "value")]
    rows = [_row(*(cell.strip() for cell in cells)) for cells in zip(*columns, strict=False) if cells[0].strip()]
    return SimpleFilter(tuple(rows), one(typed, "logic") or "AND")


def _row(field: str, operator: str, kind: str, value: str) -> FilterRow:
    known = Operator(operator) if operator in set(Operator) else Operator.EQUALS
    values = tuple(part.strip() for part in value.split(BETWEEN)) if known in MANY else (value,) if value else ()
    return FilterRow(field, known, ValueType(kind) if kind in set(ValueType) else ValueType.TEXT, values)


def as_rows(condition: str) -> tuple[SimpleFilter | None, str]:
    """A condition as rows of the editor, or why it can only be edited as text."""
    try:
        return read_filter(condition), ""
    except BadFilter as bad:
        return None, bad.sentence
    except SoqlError as bad:
        return None, f"line {bad.line}, column {bad.column}: {bad.sentence}"


def pointed(condition: str, at: Position) -> str:
    """The line of a condition that a fault is in, with a mark under its place."""
    lines = condition.splitlines()
    if not 0 < at.line <= len(lines):
        return ""
    return f"line {at.line}, column {at.column}\n{lines[at.line - 1]}\n{' ' * (at.column - 1)}^"
