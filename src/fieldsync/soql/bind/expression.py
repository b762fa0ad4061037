"""Binding of what is selected, grouped, sorted and compared: fields and functions of fields."""

from __future__ import annotations

from fieldsync.soql.bind.scope import Scope, field_of
from fieldsync.soql.bound import Aggregate, BoundExpression, Column, DatePart, DistanceTo, Grouping, Label
from fieldsync.soql.errors import Position, SoqlError
from fieldsync.soql.functions import FUNCTIONS, Function, Kind, Role
from fieldsync.soql.nodes import Bind, Call, Distance, Expression, Moment, Null, Number, Path, Value

UNITS = ("mi", "km")


def bind_expression(scope: Scope, expression: Expression) -> BoundExpression:
    """An expression that may be named by its alias. Raises SoqlError."""
    if isinstance(expression, Path) and len(expression.names) == 1:
        (name,) = expression.names
        named = scope.named.get(name.lower())
        if named is not None and field_of(scope.object, name) is None:
            return bind_plain(scope, named)
    return bind_plain(scope, expression)


def bind_plain(scope: Scope, expression: Expression) -> BoundExpression:
    """An expression with its kind; aliases mean nothing here. Raises SoqlError."""
    match expression:
        case Path():
            return scope.column(expression)
        case Distance():
            return _distance(scope, expression)
        case Call():
            return _call(scope, expression)


def _call(scope: Scope, call: Call) -> BoundExpression:
    row = FUNCTIONS.get(call.name.upper())
    if row is None:
        raise SoqlError(f"There is no function {call.name}.", call.at)
    if not call.arguments:
        if row.name != "COUNT":
            raise SoqlError(f"{row.name} needs a field.", call.at)
        return Aggregate("COUNT", None, Kind.NUMBER)
    if len(call.arguments) > 1:
        raise SoqlError(f"{call.name} takes one argument.", call.at)
    return _single(scope, row, call)


def _single(scope: Scope, row: Function, call: Call) -> BoundExpression:
    (argument,) = call.arguments
    if row.role is Role.DATE_PART:
        return _date_part(scope, row, argument, call.at)
    if row.role is Role.ZONE:
        raise SoqlError("convertTimezone stands only inside a date function.", call.at)
    if row.role is Role.FIELDS:
        raise SoqlError("FIELDS stands only among what is selected.", call.at)
    of = bind_plain(scope, argument)
    _check_kind(row, of, call.at)
    match row.role, of:
        case Role.AGGREGATE, Column() | DatePart():
            return Aggregate(row.name, of, row.gives or of.kind)
        case Role.GROUPING, Column() | DatePart():
            return Grouping(of)
        case Role.LABEL, Column():
            return Label(of)
        case Role.SHOWN, _:
            return of
    raise SoqlError(f"{call.name} takes a field.", call.at)


def _date_part(scope: Scope, row: Function, argument: Expression, at: Position) -> DatePart:
    local = isinstance(argument, Call) and argument.name.upper() == "CONVERTTIMEZONE" and len(argument.arguments) == 1
    if local:
        assert isinstance(argument, Call)
        argument = argument.arguments[0]
    of = bind_plain(scope, argument)
    if not isinstance(of, Column):
        raise SoqlError(f"{row.name} takes a date field.", at)
    if local and of.kind is not Kind.DATETIME:
        raise SoqlError("convertTimezone takes a field with date and time.", at)
    _check_kind(row, of, at)
    assert row.gives is not None
    return DatePart(row.name, of, local, row.gives)


def _check_kind(row: Function, of: BoundExpression, at: Position) -> None:
    if of.kind not in row.takes:
        raise SoqlError(f"{row.name} does not take a {of.kind}.", at)


def _distance(scope: Scope, distance: Distance) -> DistanceTo:
    location = scope.column(distance.location)
    if location.kind is not Kind.LOCATION:
        raise SoqlError(f"{distance.location} is not a location.", distance.location.at)
    if distance.unit not in UNITS:
        raise SoqlError("The unit of a distance is 'mi' or 'km'.", distance.at)
    place = distance.place
    if not isinstance(place, Bind):
        _check_coordinate(place[0], 90)
        _check_coordinate(place[1], 180)
    latitude, longitude = scope.halves(location)
    return DistanceTo(latitude, longitude, place, distance.unit)


def _check_coordinate(value: Value, largest: int) -> None:
    if isinstance(value, Bind):
        return
    if not isinstance(value, Number) or not -largest <= value.value <= largest:
        raise SoqlError(f"This coordinate goes from -{largest} to {largest}.", value.at)


def shown_kind(value: Value) -> str:
    """What a value is, for a sentence."""
    match value:
        case Null():
            return "null"
        case Moment():
            return type(value.value).__name__
        case _:
            return type(value).__name__.lower()
