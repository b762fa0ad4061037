"""From a bound condition to SQL, the same for every database: what is compared with what, and what null means.

Rules of the platform: texts compare without case; null and empty text are one; `!=`, NOT IN and NOT hold for null;
EXCLUDES does not; `<` and its kin never hold for null; a stretch of time (`TODAY`) equals every moment in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fieldsync.schema.model import FieldType
from fieldsync.soql import limits
from fieldsync.soql.bound import (
    ROOT,
    Aggregate,
    AllOf,
    AnyOf,
    BoundCondition,
    BoundExpression,
    BoundTerm,
    Column,
    DatePart,
    DistanceTo,
    Grouping,
    Inside,
    Join,
    Label,
    Negated,
    Template,
    Test,
)
from fieldsync.soql.compile.writer import Parts, Side, Writer
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.functions import Kind
from fieldsync.soql.nodes import Bind, DateLiteral
from fieldsync.soql.values import Context, Ground, Scalar, Slot, Stretch, fold, ground, pattern_of

E = TypeVar("E")
R = TypeVar("R")
S = TypeVar("S")


ONE_BY_ONE = frozenset({"LIKE", "INCLUDES", "EXCLUDES"})
"""Operators that cost a comparison for each value."""


@dataclass(frozen=True)
class Frame(Generic[R]):
    """The rows of one SELECT by their bound alias; `grouped` behind GROUP BY; `summed` what ROLLUP leaves out."""

    rows: Mapping[str, R]
    prefix: str
    grouped: bool = False
    summed: frozenset[BoundExpression] = frozenset()


@dataclass(frozen=True)
class Compiler(Generic[E, R, S]):
    """Compiles for one writer and one context. `restricting` is set inside a restriction, which has none of its own."""

    writer: Writer[E, R, S]
    context: Context
    restricting: bool = False
    whose: str | None = None
    """Of a statement written once for many: whose values its slots are filled with. None: for this context alone."""

    def frame(self, object_name: str, joins: Sequence[Join], prefix: str) -> Frame[R]:
        """Rows for an object and the relationships walked from it."""
        rows = {ROOT: self.writer.row(object_name, prefix + ROOT)}
        for join in joins:
            rows[join.alias] = self.writer.row(join.object, prefix + join.alias)
        return Frame(rows, prefix)

    def joined(self, frame: Frame[R], joins: Sequence[Join]) -> tuple[tuple[R, E], ...]:
        """The joins of a SELECT: each parent row, and when it belongs to its child. Restricted parents look absent."""
        found = []
        for join in joins:
            row = frame.rows[join.alias]
            reference = self.writer.column(frame.rows[join.parent], join.reference)
            ids = self.writer.same(self.writer.column(row, "Id"), reference)
            allowed = self.restriction(join.object, row, frame.prefix + join.alias)
            found.append((row, self.writer.all_of([ids, *allowed])))
        return tuple(found)

    def restriction(self, object_name: str, row: R, prefix: str) -> list[E]:
        """What the caller demands of rows of this object."""
        if self.context.restrict is None or self.restricting:
            return []
        condition = self.context.restrict(object_name)
        if condition is None or condition.term is None:
            return []
        return [replace(self, restricting=True).held(condition, row, prefix + "r")]

    def held(self, condition: BoundCondition, row: R, prefix: str) -> E:
        """A condition on a given row; where it walks relationships, as a subquery on the row's id."""
        if condition.term is None:
            return self.writer.truth(True)
        if not condition.joins:
            return self.term(condition.term, Frame({ROOT: row}, prefix))
        parts = self.subselect(condition, None, prefix)
        return self.writer.inside(self.writer.column(row, "Id"), parts)

    def holds(self, condition: BoundCondition, row: R, prefix: str) -> E:
        """A condition on a row that may be no table's: old values, say. Its parents are looked up from it."""
        if not condition.joins:
            return self.held(condition, row, prefix)
        assert condition.term is not None
        frame = self.frame(condition.object, condition.joins, prefix)
        frame = replace(frame, rows={**frame.rows, ROOT: row})
        return self.writer.exists(row, self.joined(frame, condition.joins), self.term(condition.term, frame))

    def subselect(self, condition: BoundCondition, column: Column | None, prefix: str) -> Parts[E, R]:
        """SELECT one column (the id) of the rows a condition holds for, deleted ones left out."""
        frame = self.frame(condition.object, condition.joins, prefix)
        root = frame.rows[ROOT]
        chosen = self.writer.column(root, "Id") if column is None else self.expression(column, frame)
        where = [self.present(root)] if column is not None else []
        where += self.restriction(condition.object, root, prefix)
        if condition.term is not None:
            where.append(self.term(condition.term, frame))
        return Parts((chosen,), root, self.joined(frame, condition.joins), self.writer.all_of(where))

    def present(self, row: R) -> E:
        """Not in the recycle bin."""
        deleted = self.writer.column(row, "IsDeleted")
        return self.writer.untrue(deleted)

    def term(self, term: BoundTerm, frame: Frame[R]) -> E:
        """A condition. What it gives may be null for false."""
        match term:
            case AllOf():
                return self.writer.all_of([self.term(part, frame) for part in term.parts])
            case AnyOf():
                return self.writer.any_of([self.term(part, frame) for part in term.parts])
            case Negated():
                return self.writer.untrue(self.term(term.part, frame))
            case Inside():
                inner = self.subselect(term.select.condition, term.select.column, frame.prefix + "s")
                found = self.writer.inside(self.expression(term.left, frame), inner)
                return self.writer.untrue(found) if term.negated else found
            case Test():
                return self.test(term, frame)

    def test(self, test: Test, frame: Frame[R]) -> E:
        """A comparison."""
        side = self.side(test.left, frame)
        values = ground(test.operands, side.kind, self.context, like=test.operator == "LIKE")
        if test.operator in ONE_BY_ONE and len(values) > limits.PATTERNS_MAX:
            raise SoqlError(f"{test.operator} takes {limits.PATTERNS_MAX} values.", test.at)
        match test.operator:
            case "=" | "IN":
                return self.member(side, values, test)
            case "!=" | "NOT IN":
                return self.writer.untrue(self.member(side, values, test))
            case "LIKE":
                return self.writer.any_of([self.like(side, v, test) for v in values])
            case "INCLUDES":
                return self.includes(side, values)
            case "EXCLUDES":
                filled = self.writer.untrue(self.writer.blank(side))
                return self.writer.all_of([filled, self.writer.untrue(self.includes(side, values))])
        if len(values) != 1:
            raise SoqlError(f"{test.operator} takes one value.", test.at)
        return self.ordered(side, test, values[0])

    def member(self, side: Side[E], values: Sequence[Ground], test: Test) -> E:
        """Equal to one of the values."""
        of = side.of
        scalars = _scalars(values, of)
        parts = [self.writer.blank(side)] if None in values else []
        parts += [self.within(side, values, nth, test) for nth in range(len(_stretches(values)))]
        if len(scalars) == 1:
            parts.append(self.writer.compare(side, "=", self.slot(test, side, values, lambda v: _scalars(v, of)[0])))
        elif scalars:
            several = self.slot(test, side, values, lambda v: list(dict.fromkeys(_scalars(v, of))))
            parts.append(self.writer.one_of(side, several))
        return self.writer.any_of(parts) if parts else self.writer.truth(False)

    def within(self, side: Side[E], values: Sequence[Ground], nth: int, test: Test) -> E:
        """In the nth stretch of time of the values."""
        first = self.slot(test, side, values, lambda v: _stretches(v)[nth].first)
        after = self.slot(test, side, values, lambda v: _stretches(v)[nth].after)
        return self.writer.all_of([self.writer.compare(side, ">=", first), self.writer.compare(side, "<", after)])

    def ordered(self, side: Side[E], test: Test, value: Ground) -> E:
        """Before or after a value; a stretch of time is passed when it has ended."""
        operator = test.operator
        if value is None:
            return self.writer.truth(False)
        if isinstance(value, Stretch):
            late = operator in (">", "<=")
            bound = self.slot(test, side, [value], lambda v: _stretches(v)[0].after if late else _stretches(v)[0].first)
            return self.writer.compare(side, {">": ">=", "<=": "<"}.get(operator, operator), bound)
        filled = [self.writer.untrue(self.writer.blank(side))] if side.kind is Kind.TEXT and operator[0] == "<" else []
        limit = self.slot(test, side, [value], lambda v: v[0])
        return self.writer.all_of([*filled, self.writer.compare(side, operator, limit)])

    def slot(self, test: Test, side: Side[E], values: Sequence[Ground], pick: Callable[[Sequence[Ground]], Any]) -> Any:
        """What is picked of a test's values; a slot for it, where it is another in another context."""
        here = pick(values)
        if self.whose is None or not any(isinstance(one, Bind | DateLiteral | Template) for one in test.operands):
            return here
        kind = side.kind
        return Slot(self.whose, lambda context: pick(ground(test.operands, kind, context)), here)

    def like(self, side: Side[E], value: Ground, test: Test) -> E:
        if value is None:
            return self.writer.blank(side)
        assert isinstance(value, str)
        pattern = pattern_of(value, test.at)
        found = self.writer.like(side, pattern)
        if not pattern.matches_empty:
            return found
        return self.writer.all_of([self.writer.untrue(self.writer.blank(side)), found])

    def includes(self, side: Side[E], values: Sequence[Ground]) -> E:
        """Holds all values of one of the given groups, each written `a;b`."""
        groups = []
        for value in values:
            wanted = dict.fromkeys(fold(part.strip()) for part in str(value or "").split(";") if part.strip())
            if wanted:
                groups.append(self.writer.all_of([self.writer.chosen(side, part) for part in wanted]))
        return self.writer.any_of(groups) if groups else self.writer.truth(False)

    def side(self, expression: BoundExpression, frame: Frame[R]) -> Side[E]:
        """An expression as the left side of a comparison."""
        if expression in frame.summed:
            return Side(self.writer.constant(None, expression.kind), expression)
        side = Side(self.expression(expression, frame), expression)
        if frame.grouped and not isinstance(expression, Aggregate | Grouping):
            return Side(self.writer.grouped(side), expression)
        return side

    def expression(self, expression: BoundExpression, frame: Frame[R]) -> E:
        """The SQL of an expression."""
        match expression:
            case Column():
                row = frame.rows[expression.alias]
                if expression.field.type is FieldType.FORMULA:
                    return self.writer.formula(row, expression)
                return self.writer.column(row, expression.name)
            case DatePart():
                zone = self.context.calendar.zone if expression.local else None
                of = self.expression(expression.of, frame)
                return self.writer.date_part(of, expression.part, expression.of, zone, self.context.calendar)
            case Label():
                labels = [(v.value, v.label) for v in expression.of.field.values if v.label and v.label != v.value]
                return self.writer.label(self.expression(expression.of, frame), labels)
            case DistanceTo():
                latitude = self.expression(expression.latitude, frame)
                longitude = self.expression(expression.longitude, frame)
                return self.writer.distance(latitude, longitude, self.place(expression), expression.unit)
            case Aggregate():
                of_side = None if expression.of is None else Side(self.expression(expression.of, frame), expression.of)
                return self.writer.aggregate(expression.function, of_side)
            case Grouping():
                return self.writer.constant(int(expression.of in frame.summed), Kind.NUMBER)

    def place(self, distance: DistanceTo) -> tuple[Scalar, Scalar]:
        """Latitude and longitude of the place a distance is measured from."""
        place = distance.place
        if isinstance(place, Bind):
            raise SoqlError("The place of a distance is written GEOLOCATION(latitude, longitude).", place.at)
        first, second = (ground([value], Kind.NUMBER, self.context) for value in place)
        assert not isinstance(first[0], Stretch)
        assert not isinstance(second[0], Stretch)
        if first[0] is None or second[0] is None:
            raise SoqlError("A coordinate is missing.", place[0].at)
        return first[0], second[0]


def _scalars(values: Sequence[Ground], of: BoundExpression) -> list[Scalar]:
    return [_in_order(value, of) for value in values if value is not None and not isinstance(value, Stretch)]


def _stretches(values: Sequence[Ground]) -> list[Stretch]:
    return [value for value in values if isinstance(value, Stretch)]


def _in_order(value: Scalar, of: BoundExpression) -> Scalar:
    """Values of a multi-select picklist in the order of its list, as they are stored."""
    if of.kind is not Kind.MULTI or not isinstance(value, str) or not isinstance(of, Column):
        return value
    order = {fold(v.value): i for i, v in enumerate(of.field.values)}
    chosen = {fold(part.strip()) for part in value.split(";")} - {""}
    return ";".join(sorted(chosen, key=lambda part: (order.get(part, len(order)), part)))
