"""A composed condition as people read it: SOQL on indented lines, and how a change reaches its rows. Pure.

Sub-selects of what other rules select are written out, so that nothing a row depends on is left unsaid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from fieldsync.schema.catalog import Catalog, relationship_name
from fieldsync.soql.bound import (
    ROOT,
    AllOf,
    AnyOf,
    BoundCondition,
    BoundExpression,
    BoundTerm,
    Column,
    DatePart,
    DistanceTo,
    Inside,
    Label,
    Negated,
    Operand,
    Template,
    Test,
)
from fieldsync.soql.nodes import Bind, Boolean, Currency, DateLiteral, Moment, Null, Number, Text

INDENT = "  "
EVERY_ROW = "every row"


def condition_text(catalog: Catalog, condition: BoundCondition) -> str:
    """The condition, on as many lines as it has parts."""
    return EVERY_ROW if condition.term is None else "\n".join(_Words(catalog, condition).lines(condition.term))


def ways(catalog: Catalog, condition: BoundCondition, end: str = "") -> Iterator[tuple[str, str]]:
    """Object and the way from a row of it that is written to a row of the condition's object."""
    words = _Words(catalog, condition)
    for join in condition.joins:
        yield join.object, f"{join.object}.Id = {condition.object}.{words.places[join.parent]}{join.reference}{end}"
    for inside in condition.insides:
        inner = inside.select.condition
        step = f"{inner.object}.{inside.select.column.name} = {condition.object}.{words.told(inside.left)}{end}"
        yield inner.object, step
        yield from ways(catalog, inner, f", {step}")


class _Words:
    """The words for one row and its parents."""

    def __init__(self, catalog: Catalog, condition: BoundCondition) -> None:
        self._catalog = catalog
        self.places = {ROOT: ""}
        objects = {ROOT: condition.object} | {join.alias: join.object for join in condition.joins}
        for join in condition.joins:
            reference = catalog[objects[join.parent]].fields[join.reference]
            self.places[join.alias] = f"{self.places[join.parent]}{relationship_name(reference)}."

    def lines(self, term: BoundTerm) -> list[str]:
        """One part a line, what stands in brackets further in."""
        match term:
            case AllOf():
                return self._joined(term, "AND")
            case AnyOf():
                return self._joined(term, "OR")
            case Negated():
                return ["NOT (", *_further(self.lines(term.part)), ")"]
            case Inside():
                return self._inside(term)
            case Test():
                return [f"{self.told(term.left)} {term.operator} {self._operands(term)}"]

    def _joined(self, term: AllOf | AnyOf, word: str) -> list[str]:
        found: list[str] = []
        for number, part in enumerate(term.parts):
            inner = self.lines(part)
            if isinstance(part, AllOf | AnyOf) and type(part) is not type(term):
                inner = ["(", *_further(inner), ")"]
            found += [f"{word} {inner[0]}" if number else inner[0], *inner[1:]]
        return found

    def _inside(self, inside: Inside) -> list[str]:
        inner = inside.select.condition
        operator = "NOT IN" if inside.negated else "IN"
        head = " ".join((self.told(inside.left), operator, "(SELECT", inside.select.column.name, "FROM", inner.object))
        if inner.term is None:
            return [f"{head})"]
        return [f"{head} WHERE", *_further(_Words(self._catalog, inner).lines(inner.term)), ")"]

    def told(self, expression: BoundExpression) -> str:
        """What is compared."""
        match expression:
            case Column():
                return f"{self.places[expression.alias]}{expression.name}"
            case DatePart():
                return f"{expression.part.upper()}({self.told(expression.of)})"
            case Label():
                return f"toLabel({self.told(expression.of)})"
            case DistanceTo():
                return f"DISTANCE({self.places[expression.latitude.alias]}{expression.latitude.field.name}, …)"
            case _:
                return "COUNT()"

    def _operands(self, test: Test) -> str:
        values = ", ".join(_value(operand) for operand in test.operands)
        lists = test.operator in ("IN", "NOT IN", "INCLUDES", "EXCLUDES")
        return f"({values})" if lists else values


def _further(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]


def _value(operand: Operand) -> str:
    match operand:
        case Text():
            return _quoted(operand.value)
        case Template():
            inner = "".join(part if isinstance(part, str) else _value(part) for part in operand.parts)
            return _quoted(inner)
        case Bind():
            return f"{{{operand.name}}}" if operand.token else f":{operand.name}"
        case Number():
            return str(operand.value)
        case Currency():
            return f"{operand.code}{operand.value}"
        case Boolean():
            return str(operand.value).upper()
        case Null():
            return "null"
        case Moment():
            return operand.value.isoformat().replace("+00:00", "Z") if _is_instant(operand) else str(operand.value)
        case DateLiteral():
            return operand.name if operand.count is None else f"{operand.name}:{operand.count}"


def _is_instant(moment: Moment) -> bool:
    return isinstance(moment.value, datetime)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def token_values(
    values: Mapping[str, str | tuple[str, ...]], used: frozenset[str | None]
) -> dict[str, tuple[str, ...]]:
    """The tokens among these with their values; one that stands for nothing has none."""
    found = {name: values[name] for name in sorted(filter(None, used)) if name in values}
    return {name: (value,) if isinstance(value, str) else value for name, value in found.items()}
