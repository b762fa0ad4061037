"""The operators, as rows of the table. They are written between or before their operands."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from fieldsync.formula.functions.run import Arguments, Run
from fieldsync.formula.functions.signature import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    NULL,
    NUMBER,
    PICKLIST,
    TEXT,
    TIME,
    Function,
    Kind,
    many,
    p,
)
from fieldsync.formula.types import FormulaType, Value, common
from fieldsync.formula.values import calendar, decimals, texts

_SUMS = {
    (NUMBER, NUMBER): NUMBER,
    (DATE, NUMBER): DATE,
    (NUMBER, DATE): DATE,
    (DATETIME, NUMBER): DATETIME,
    (NUMBER, DATETIME): DATETIME,
    (TIME, NUMBER): TIME,
    (NUMBER, TIME): TIME,
    (TEXT, TEXT): TEXT,
}
_DIFFERENCES = {
    (NUMBER, NUMBER): NUMBER,
    (DATE, NUMBER): DATE,
    (DATE, DATE): NUMBER,
    (DATETIME, NUMBER): DATETIME,
    (DATETIME, DATETIME): NUMBER,
    (TIME, NUMBER): TIME,
    (TIME, TIME): NUMBER,
}
TEXTS = (TEXT, PICKLIST)
"""Types whose blank value equals the empty text."""


def _combined(
    table: dict[tuple[FormulaType, FormulaType], FormulaType], types: tuple[FormulaType, ...]
) -> FormulaType | int:
    left, right = types
    if ANY in types or NULL in types:
        known = [
            result
            for pair, result in table.items()
            if all(_fits(t, given) for t, given in zip(pair, types, strict=True))
        ]
        return (known[0] if len(set(known)) == 1 else ANY if ANY in types else NULL) if known else 0
    found = table.get((left, right))
    return found if found is not None else 1 if any(left is pair[0] for pair in table) else 0


def _fits(expected: FormulaType, given: FormulaType) -> bool:
    return given in (expected, ANY, NULL)


def _sum_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    return _combined(_SUMS, types)


def _difference_type(types: tuple[FormulaType, ...]) -> FormulaType | int:
    return _combined(_DIFFERENCES, types)


def equal_types(types: tuple[FormulaType, ...]) -> FormulaType | int:
    """Both of one type; a picklist is compared through TEXT, ISPICKVAL or CASE, but `=` with a text is understood."""
    left, right = (TEXT if t is PICKLIST else t for t in types)
    if FormulaType.GEOLOCATION in types or FormulaType.MULTI_PICKLIST in types:
        return 0 if left in (FormulaType.GEOLOCATION, FormulaType.MULTI_PICKLIST) else 1
    return BOOLEAN if common(left, right) is not None else 1


def _ordered_types(types: tuple[FormulaType, ...]) -> FormulaType | int:
    unordered = (BOOLEAN, PICKLIST, FormulaType.MULTI_PICKLIST, FormulaType.GEOLOCATION)
    for index, given in enumerate(types):
        if given in unordered:
            return index
    return BOOLEAN if common(*types) is not None else 1


def _add(left: Any, right: Any) -> Value:
    match left, right:
        case Decimal(), Decimal():
            return decimals.add(left, right)
        case str(), str():
            return texts.concat(left, right)
        case Decimal(), _:
            return _add(right, left)
        case datetime(), _:
            return calendar.add_to_datetime(left, right)
        case date(), _:
            return calendar.add_days(left, right)
        case _:
            return calendar.add_to_time(left, right)


def _subtract(left: Any, right: Any) -> Value:
    match left, right:
        case Decimal(), _:
            return decimals.subtract(left, right)
        case datetime(), datetime():
            return calendar.datetimes_between(left, right)
        case datetime(), _:
            return calendar.add_to_datetime(left, right.copy_negate())
        case date(), date():
            return calendar.days_between(left, right)
        case date(), _:
            return calendar.add_days(left, right.copy_negate())
        case time(), time():
            return calendar.times_between(left, right)
        case _:
            return calendar.add_to_time(left, right.copy_negate())


def _plus(run: Run, arguments: Arguments) -> Value:
    left, right = (run.value(argument) for argument in arguments)
    if all(argument.type in (TEXT, NULL) for argument in arguments) or isinstance(left, str) or isinstance(right, str):
        return texts.concat(left, right)  # type: ignore[arg-type]
    return None if left is None or right is None else _add(left, right)


def same(left: Value, right: Value, *, as_text: bool) -> bool | None:
    """Whether two values are equal; unknown (None) when one is blank, except that a blank text is an empty one."""
    if not as_text and (left is None or right is None):
        return None
    return left == right


def _as_text(arguments: Arguments) -> bool:
    left, right = arguments
    return left.type in TEXTS or right.type in TEXTS


def _equal(run: Run, arguments: Arguments) -> Value:
    left, right = run.value(arguments[0]), run.value(arguments[1])
    return same(left, right, as_text=isinstance(left, str) or isinstance(right, str) or _as_text(arguments))


def _different(run: Run, arguments: Arguments) -> Value:
    equal = _equal(run, arguments)
    return None if equal is None else not equal


def _itself(number: Decimal) -> Decimal:
    return number


def both(run: Run, arguments: Arguments) -> Value:
    """Whether all are true; the first that is not ends it."""
    for argument in arguments:  # noqa: SIM110 the hottest loop of rules: a generator costs as much as what it asks
        if run.value(argument) is not True:
            return False
    return True


def either(run: Run, arguments: Arguments) -> Value:
    """Whether one is true; the first that is ends it."""
    for argument in arguments:  # noqa: SIM110
        if run.value(argument) is True:
            return True
    return False


_NUMBERS = (p("left", NUMBER), p("right", NUMBER))
_ANYTHING = (p("left", *FormulaType), p("right", *FormulaType))


def _operator(name: str, result: Any, python: Any, sql: str, doc: str, **more: Any) -> Function:
    parameters = more.pop("parameters", _ANYTHING)
    return Function(name, Kind.OPERATOR, parameters, result, python, sql, doc, **more)


ROWS: tuple[Function, ...] = (
    _operator(
        "+",
        _sum_type,
        _plus,
        "plus",
        "Adds numbers; adds days to a date or a date and time, milliseconds to a time; joins texts.",
        lazy=True,
    ),
    _operator(
        "-",
        _difference_type,
        _subtract,
        "subtract",
        "Subtracts numbers, or days from a date; the days between two dates; the milliseconds between two times.",
    ),
    _operator("*", NUMBER, decimals.multiply, "multiply", "Multiplies.", parameters=_NUMBERS),
    _operator("/", NUMBER, decimals.divide, "divide", "Divides; by zero it is an error.", parameters=_NUMBERS),
    _operator("^", NUMBER, decimals.power, "power", "Raises to a whole power.", parameters=_NUMBERS),
    _operator(
        "unary -", NUMBER, Decimal.copy_negate, "negate", "The negative of a number.", parameters=(p("number", NUMBER),)
    ),
    _operator("unary +", NUMBER, _itself, "keep", "The number itself.", parameters=(p("number", NUMBER),)),
    _operator(
        "&",
        TEXT,
        texts.concat,
        "concat",
        "Joins texts; a blank one is empty.",
        parameters=(many("text", TEXT),),
        blanks=True,
    ),
    _operator(
        "=",
        equal_types,
        _equal,
        "equal",
        "Whether both are equal; also written ==. Blank texts are equal; another blank value makes the answer blank.",
        lazy=True,
    ),
    _operator("<>", equal_types, _different, "different", "Whether both differ; also written !=.", lazy=True),
    _operator("<", _ordered_types, lambda a, b: a < b, "less", "Whether the left side is smaller, or earlier."),
    _operator("<=", _ordered_types, lambda a, b: a <= b, "less_or_equal", "Whether the left side is not larger."),
    _operator(">", _ordered_types, lambda a, b: a > b, "greater", "Whether the left side is larger, or later."),
    _operator(">=", _ordered_types, lambda a, b: a >= b, "greater_or_equal", "Whether the left side is not smaller."),
    _operator(
        "&&",
        BOOLEAN,
        both,
        "all_of",
        "Whether all are true; the first that is not ends it.",
        parameters=(many("condition", BOOLEAN),),
        lazy=True,
    ),
    _operator(
        "||",
        BOOLEAN,
        either,
        "any_of",
        "Whether one is true; the first that is ends it.",
        parameters=(many("condition", BOOLEAN),),
        lazy=True,
    ),
    _operator(
        "NOT",
        BOOLEAN,
        lambda condition: not condition,
        "negation",
        "Whether the condition is false; also written !. NOT of blank is blank.",
        parameters=(p("condition", BOOLEAN),),
    ),
)
