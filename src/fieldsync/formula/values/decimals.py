"""Numbers as the platform keeps them: 39 significant digits, rounded half up, never a float.

Both back-ends follow these rules: `sql/routines/numbers.py` says the same in PostgreSQL.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal

from fieldsync.formula import limits
from fieldsync.formula.problem import NoValue

KEPT = Context(prec=limits.DIGITS_MAX, rounding=ROUND_HALF_UP)
WIDE = Context(prec=2 * limits.MAGNITUDE_DIGITS_MAX + 50, rounding=ROUND_HALF_UP)
_SEEN = Context(prec=limits.ROUNDING_DIGITS, rounding=ROUND_HALF_UP)
_SEEN_BY_CEILING = Context(prec=limits.ROUNDING_DIGITS, rounding=ROUND_HALF_DOWN)
_WORKING = Context(prec=60, rounding=ROUND_HALF_UP)
_SHOWN = Context(prec=limits.ROUNDING_DIGITS, rounding=ROUND_HALF_UP)
_POWER = Context(prec=limits.POWER_DIGITS, rounding=ROUND_HALF_UP)

LARGEST = Decimal(10) ** limits.MAGNITUDE_DIGITS_MAX
SMALLEST = 1 / LARGEST
ZERO, ONE = Decimal(0), Decimal(1)


def settle(number: Decimal) -> Decimal:
    """The number with the digits that are kept; NoValue when it is too large, zero when it is too small."""
    size = abs(number)
    if size >= LARGEST:
        raise NoValue("a number is too large")
    return ZERO if size < SMALLEST else KEPT.plus(number)


def add(left: Decimal, right: Decimal) -> Decimal:
    return settle(WIDE.add(left, right))


def subtract(left: Decimal, right: Decimal) -> Decimal:
    return settle(WIDE.subtract(left, right))


def multiply(left: Decimal, right: Decimal) -> Decimal:
    return settle(WIDE.multiply(left, right))


def divide(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise NoValue("a division by zero")
    return settle(WIDE.divide(left, right))


def remainder(left: Decimal, right: Decimal) -> Decimal:
    """With the sign of the left side; what is divided by zero stays as it is, as on the platform."""
    return settle(WIDE.remainder(left, right)) if right else left


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """Whole exponents only, as the platform's engine has it; 18 significant digits."""
    if exponent != exponent.to_integral_value() or abs(exponent) > limits.POWER_EXPONENT_MAX:
        raise NoValue("an exponent is not a whole number")
    if not base:
        if exponent < 0:
            raise NoValue("zero cannot be raised to a negative power")
        return ONE if not exponent else ZERO
    magnitude = _WORKING.log10(abs(base)) * exponent
    if magnitude > limits.POWER_MAGNITUDE_MAX:
        raise NoValue("a power is too large")
    if magnitude < -limits.DIGITS_MAX:
        return ZERO
    raised = _raised(_WORKING.divide(ONE, base) if exponent < 0 else base, abs(int(exponent)))
    return _POWER.plus(raised)


def _raised(base: Decimal, exponent: int) -> Decimal:
    """By squaring, 60 digits a step, as the SQL routine does it."""
    result = ONE
    while exponent:
        if exponent & 1:
            result = _WORKING.multiply(result, base)
        exponent >>= 1
        if exponent:
            base = _WORKING.multiply(base, base)
    return result


def to_scale(number: Decimal, digits: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Rounded to `digits` after the point; a negative count rounds before the point."""
    places = max(min(digits, limits.MAGNITUDE_DIGITS_MAX), -limits.MAGNITUDE_DIGITS_MAX)
    rounded = number.quantize(ONE.scaleb(-places), rounding, WIDE)
    return rounded or ZERO


def round_half_up(number: Decimal, digits: Decimal) -> Decimal:
    return settle(to_scale(number, int(digits)))


def truncate(number: Decimal, digits: Decimal = ZERO) -> Decimal:
    return settle(to_scale(number, int(digits), ROUND_DOWN))


def ceiling(number: Decimal) -> Decimal:
    """Away from zero: -2.5 gives -3."""
    seen = _SEEN_BY_CEILING.plus(number)
    return to_scale(seen, 0, ROUND_FLOOR if seen < 0 else ROUND_CEILING)


def floor(number: Decimal) -> Decimal:
    """Towards zero: -2.5 gives -2."""
    return to_scale(_SEEN.plus(number), 0, ROUND_DOWN)


def mceiling(number: Decimal) -> Decimal:
    """Up, also below zero: -2.5 gives -2."""
    return to_scale(_SEEN.plus(number), 0, ROUND_CEILING)


def mfloor(number: Decimal) -> Decimal:
    """Down, also below zero: -2.5 gives -3."""
    return to_scale(_SEEN.plus(number), 0, ROUND_FLOOR)


def square_root(number: Decimal) -> Decimal:
    if number < 0:
        raise NoValue("a negative number has no square root")
    return _SHOWN.plus(_WORKING.sqrt(number))


def natural_log(number: Decimal) -> Decimal:
    if number <= 0:
        raise NoValue("only a number above zero has a logarithm")
    return _SHOWN.plus(_WORKING.ln(number))


def log(number: Decimal) -> Decimal:
    if number <= 0:
        raise NoValue("only a number above zero has a logarithm")
    return _SHOWN.plus(_WORKING.log10(number))


def exponential(number: Decimal) -> Decimal:
    if number > 2 * limits.MAGNITUDE_DIGITS_MAX:
        raise NoValue("a number is too large")
    if number < -2 * limits.MAGNITUDE_DIGITS_MAX:
        return ZERO
    return _SHOWN.plus(_WORKING.exp(number))


def shown(number: Decimal) -> str:
    """As TEXT writes it: no exponent, no zeros at the end, none before the point."""
    if not number:
        return "0"
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)
