"""The functions of numbers, as rows of the table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fieldsync.formula.functions.signature import NUMBER, PLACE, TEXT, Function, Kind, many, maybe, p
from fieldsync.formula.values import angles, decimals, distance
from fieldsync.formula.values.decimals import KEPT


def _row(name: str, parameters: Any, python: Any, sql: str, doc: str) -> Function:
    return Function(name, Kind.MATH, parameters, NUMBER, python, sql, doc)


def _largest(*numbers: Decimal) -> Decimal:
    return max(numbers)


def _smallest(*numbers: Decimal) -> Decimal:
    return min(numbers)


def _pi() -> Decimal:
    return KEPT.plus(angles.PI)


_N = (p("number", NUMBER),)
_ANGLE = (p("radians", NUMBER),)
_PLACES = p("digits", NUMBER)

ROWS: tuple[Function, ...] = (
    _row("ABS", _N, Decimal.copy_abs, "absolute", "Without its sign."),
    _row(
        "MOD",
        (p("number", NUMBER), p("divisor", NUMBER)),
        decimals.remainder,
        "remainder",
        "What a division leaves, with the sign of the number; by zero it is the number itself.",
    ),
    _row(
        "ROUND",
        (p("number", NUMBER), _PLACES),
        decimals.round_half_up,
        "round_half_up",
        "Rounded to so many digits after the point, half away from zero.",
    ),
    _row(
        "TRUNC",
        (p("number", NUMBER), maybe("digits", NUMBER)),
        decimals.truncate,
        "truncate",
        "Cut off after so many digits; without a count, a whole number.",
    ),
    _row("CEILING", _N, decimals.ceiling, "ceiling", "To the next whole number away from zero."),
    _row("FLOOR", _N, decimals.floor, "floor", "To the next whole number towards zero."),
    _row("MCEILING", _N, decimals.mceiling, "mceiling", "To the next whole number up."),
    _row("MFLOOR", _N, decimals.mfloor, "mfloor", "To the next whole number down."),
    _row("MAX", (many("number", NUMBER),), _largest, "largest", "The largest."),
    _row("MIN", (many("number", NUMBER),), _smallest, "smallest", "The smallest."),
    _row("EXP", _N, decimals.exponential, "exponential", "e raised to this power."),
    _row("LN", _N, decimals.natural_log, "natural_log", "The natural logarithm."),
    _row("LOG", _N, decimals.log, "decimal_log", "The logarithm to base 10."),
    _row("SQRT", _N, decimals.square_root, "square_root", "The square root."),
    _row("PI", (), _pi, "pi_number", "3.14159 and so on."),
    _row("SIN", _ANGLE, angles.sine, "sine", "The sine of an angle in radians."),
    _row("COS", _ANGLE, angles.cosine, "cosine", "The cosine of an angle in radians."),
    _row("TAN", _ANGLE, angles.tangent, "tangent", "The tangent of an angle in radians."),
    _row("ASIN", _N, angles.arc_sine, "arc_sine", "The angle with this sine."),
    _row("ACOS", _N, angles.arc_cosine, "arc_cosine", "The angle with this cosine."),
    _row("ATAN", _N, angles.arc_tangent, "arc_tangent", "The angle with this tangent."),
    _row(
        "ATAN2", (p("y", NUMBER), p("x", NUMBER)), angles.arc_tangent2, "arc_tangent2", "The angle of the point (x, y)."
    ),
    Function(
        "GEOLOCATION",
        Kind.MATH,
        (p("latitude", NUMBER), p("longitude", NUMBER)),
        PLACE,
        distance.geolocation,
        "place",
        "A place by its degrees.",
    ),
    _row(
        "DISTANCE",
        (p("start", PLACE), p("end", PLACE), p("unit", TEXT)),
        distance.distance,
        "distance",
        "How far two places are apart, in 'km' or 'mi'.",
    ),
)
