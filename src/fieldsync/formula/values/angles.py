"""Sine and its kin by series in decimals. `sql/routines/numbers.py` has the same steps.

Results have 30 digits after the point: more than any field keeps.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from fieldsync.formula.problem import NoValue
from fieldsync.formula.values.decimals import ONE, ZERO

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
PLACES = 30
_STEP = Context(prec=160, rounding=ROUND_HALF_UP)
TWO_PI, HALF_PI = _STEP.multiply(PI, Decimal(2)), _STEP.divide(PI, Decimal(2))
_SMALL = Decimal("1e-60")
_LARGEST_ANGLE = Decimal("1e18")


def _finished(number: Decimal) -> Decimal:
    rounded = number.quantize(ONE.scaleb(-PLACES), ROUND_HALF_UP, _STEP)
    return rounded or ZERO


def _reduced(angle: Decimal) -> Decimal:
    """The same angle within a turn."""
    if abs(angle) > _LARGEST_ANGLE:
        raise NoValue("an angle is too large")
    return _STEP.remainder(angle, TWO_PI)


def _series(first: Decimal, square: Decimal, start: int) -> Decimal:
    """The alternating series of sine (from 1) and cosine (from 0)."""
    total = term = first
    n = start
    while abs(term) > _SMALL:
        term = _STEP.divide(_STEP.multiply(term.copy_negate(), square), Decimal((n + 1) * (n + 2))).quantize(
            Decimal("1e-80"), ROUND_HALF_UP, _STEP
        )
        total = _STEP.add(total, term)
        n += 2
    return total


def _sine(angle: Decimal) -> Decimal:
    return _series(angle, _STEP.multiply(angle, angle), 1)


def _cosine(angle: Decimal) -> Decimal:
    return _series(ONE, _STEP.multiply(angle, angle), 0)


def sine(angle: Decimal) -> Decimal:
    return _finished(_sine(_reduced(angle)))


def cosine(angle: Decimal) -> Decimal:
    return _finished(_cosine(_reduced(angle)))


def tangent(angle: Decimal) -> Decimal:
    reduced = _reduced(angle)
    below = _cosine(reduced)
    if abs(below) < Decimal("1e-40"):
        raise NoValue("a tangent is too large")
    return _finished(_STEP.divide(_sine(reduced), below))


def _arc_tangent(number: Decimal) -> Decimal:
    """Halves the angle until the series is quick."""
    x, doublings = number, 0
    while abs(x) > Decimal("0.05"):
        root = _STEP.sqrt(_STEP.add(ONE, _STEP.multiply(x, x)))
        x = _STEP.divide(x, _STEP.add(ONE, root)).quantize(Decimal("1e-90"), ROUND_HALF_UP, _STEP)
        doublings += 1
    square, total, power, n = _STEP.multiply(x, x), x, x, 1
    while abs(power) > _SMALL:
        power = _STEP.multiply(power.copy_negate(), square).quantize(Decimal("1e-90"), ROUND_HALF_UP, _STEP)
        n += 2
        total = _STEP.add(total, _STEP.divide(power, Decimal(n)).quantize(Decimal("1e-90"), ROUND_HALF_UP, _STEP))
    return _STEP.multiply(total, Decimal(2**doublings))


def arc_tangent(number: Decimal) -> Decimal:
    return _finished(_arc_tangent(number))


def arc_tangent2(y: Decimal, x: Decimal) -> Decimal:
    """The angle of the point (x, y); zero for no point at all."""
    if not x:
        return ZERO if not y else _finished(HALF_PI if y > 0 else HALF_PI.copy_negate())
    angle = _arc_tangent(_STEP.divide(y, x))
    if x < 0:
        angle = _STEP.add(angle, PI if y >= 0 else PI.copy_negate())
    return _finished(angle)


def arc_sine(number: Decimal) -> Decimal:
    return _finished(_arc_sine(number))


def _arc_sine(number: Decimal) -> Decimal:
    if abs(number) > 1:
        raise NoValue("only a number from -1 to 1 has an arc sine")
    if abs(number) == 1:
        return _STEP.multiply(HALF_PI, number)
    below = _STEP.sqrt(_STEP.subtract(ONE, _STEP.multiply(number, number)))
    return _arc_tangent(_STEP.divide(number, below))


def arc_cosine(number: Decimal) -> Decimal:
    return _finished(_STEP.subtract(HALF_PI, _arc_sine(number)))
