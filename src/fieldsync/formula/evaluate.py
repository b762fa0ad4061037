"""The Python back-end: a bound formula against one record. Validation rules, defaults and devices use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

from fieldsync.formula import limits
from fieldsync.formula.bound import Apply, Bound, Constant, Read
from fieldsync.formula.problem import FormulaError, NoValue
from fieldsync.formula.record import Record, Stored, Surroundings
from fieldsync.formula.types import IDS, OF_FIELD, FormulaType, Value
from fieldsync.formula.values import decimals, texts
from fieldsync.schema.model import FieldType

_HUNDRED = Decimal(100)


class Evaluation:
    """One evaluation: counts its steps, so that nothing a person wrote runs for long."""

    def __init__(self, record: Record, around: Surroundings) -> None:
        self.record = record
        self.around = around
        self._steps = 0

    def value(self, node: Bound) -> Value:
        """The node's value. Raises NoValue."""
        self._steps += 1
        if self._steps > limits.STEPS_MAX:
            raise NoValue("the formula takes too long")
        kind = node.__class__  # asked for every node: three exact classes, so no isinstance
        if kind is Read:
            return self._read(node, self.record.new, self.record.related)  # type: ignore[arg-type]
        if kind is Constant:
            return node.value  # type: ignore[union-attr]
        return self._apply(node)  # type: ignore[arg-type]

    def fresh(self) -> Evaluation:
        """Ready for another formula of the same record."""
        self._steps = 0
        return self

    def old(self, node: Bound) -> Value:
        """The field before this save; as it is, while the record is new."""
        assert isinstance(node, Read)
        return self._read(node, self.record.new if self.record.old is None else self.record.old, self.record.related)

    def _apply(self, node: Apply) -> Value:
        function = node.function
        if function.lazy:
            result: Value = function.python(self, node.arguments)
            return result
        values = [self.value(argument) for argument in node.arguments]
        if not function.blanks and None in values:
            return None
        result = function.python(*values)
        return result  # noqa: RET504  the table's functions return Any

    def _read(self, node: Read, values: Mapping[str, Stored], related: Mapping[str, Mapping[str, Stored]]) -> Value:
        names = node.names
        if len(names) == 1 and node.field is not FieldType.GEOLOCATION:
            stored = values.get(names[0])
        elif names[0].startswith("$"):
            stored = self.around.globals.get(node.path)
        else:
            *way, name = node.names
            source = related.get(".".join(way), {}) if way else values
            stored = _place(source, name) if node.field is FieldType.GEOLOCATION else source.get(name)
        return as_value(stored, node.field, blanks_as_zero=self.around.blanks_as_zero)


def as_value(stored: Stored, field: FieldType | None, *, blanks_as_zero: bool) -> Value:
    """A stored value as formulas see it: percent as hundredths, ids as 15 characters, blanks as the mode says."""
    if type(stored) is int and field is not FieldType.PERCENT:
        return Decimal(stored)
    kind = FormulaType.ANY if field is None else OF_FIELD[field]
    if stored is None or stored == "":
        if kind is FormulaType.BOOLEAN:
            return False
        return decimals.ZERO if blanks_as_zero and kind is FormulaType.NUMBER else None
    match stored:
        case FormulaError():
            raise NoValue(f"a formula it reads has {stored.sentence}")
        case bool():
            return stored
        case int() | Decimal():
            number = Decimal(stored)
            return decimals.divide(number, _HUNDRED) if field is FieldType.PERCENT else decimals.settle(number)
        case str():
            return _from_text(stored, kind, field)
        case _:
            return stored


def _from_text(stored: str, kind: FormulaType, field: FieldType | None) -> Value:
    match kind:
        case FormulaType.DATE:
            return date.fromisoformat(stored)
        case FormulaType.DATETIME:
            return datetime.fromisoformat(stored).astimezone(UTC)
        case FormulaType.TIME:
            return time.fromisoformat(stored.removesuffix("Z"))
        case _:
            return stored[:15] if field in IDS else stored


def _place(source: Mapping[str, Stored], name: str) -> Stored:
    """A geolocation's two columns as a pair."""
    if name in source:
        return source[name]
    stem = name.removesuffix("__c")
    parts = [source.get(f"{stem}__{part}__s") for part in ("Latitude", "Longitude")]
    if not all(isinstance(part, int | Decimal) for part in parts):
        return None
    return Decimal(parts[0]), Decimal(parts[1])  # type: ignore[arg-type]


def as_field(value: Value, field: FieldType, *, scale: int | None = None, zone: object = None) -> Stored:
    """A formula's value as a field of this type holds it: rounded to `scale`, percent in percent, texts without spaces
    at their ends, a checkbox never blank. The type is the field's own, so a moment may become a date."""
    if value is None:
        return False if field is FieldType.CHECKBOX else None
    match value:
        case bool() | date() if not isinstance(value, datetime):
            return value
        case Decimal():
            number = decimals.multiply(value, _HUNDRED) if field is FieldType.PERCENT else value
            return number if scale is None else decimals.to_scale(number, scale, ROUND_HALF_UP)
        case datetime():
            moment = value.astimezone(zone or UTC)  # type: ignore[arg-type]
            return moment.date() if field is FieldType.DATE else value
        case str():
            return value.strip(texts.BLANKS) or None
        case _:
            return value
