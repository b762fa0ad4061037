"""When a suite's value counts as equal to ours. Each rule has its reason; none names a case."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal

from fieldsync.formula.conformance.case import Case, Expected
from fieldsync.formula.evaluate import as_field
from fieldsync.formula.problem import BadFormula, FormulaError
from fieldsync.formula.record import Stored
from fieldsync.formula.types import Value
from fieldsync.formula.values.decimals import to_scale
from fieldsync.schema.model import FieldType

Actual = Value | FormulaError | BadFormula
_BINARY = Decimal("1e-12")


def agrees(case: Case, actual: Actual) -> bool:
    """Whether the actual value, or error, is what the case expects."""
    expected = case.expected
    if isinstance(actual, FormulaError | BadFormula):
        evaluated = isinstance(actual, FormulaError)
        blank = _known(None, case.returns)
        return (
            expected.error or expected.any_error or (evaluated and expected.error_is_blank and expected.value is blank)
        )
    if expected.error or expected.any_error:
        return False
    given = as_field(actual, case.returns) if case.returns else actual
    return _same(_known(expected.value, case.returns), given, expected)


def _known(value: Stored, returns: FieldType | None) -> Stored:
    """A blank checkbox is false on the platform."""
    return False if value is None and returns is FieldType.CHECKBOX else value


def _same(expected: Stored, actual: Stored, how: Expected) -> bool:
    match expected, actual:
        case bool(), _:
            return expected is actual
        case Decimal(), Decimal():
            return _same_number(expected, actual, how)
        case str(), str():
            return _text(expected, how) == _text(actual, how)
        case str(), date() | datetime() | time():
            return _moment(expected, actual) == actual
        case (str(), None) | (None, str()):
            return not _text(expected or actual or "", how)  # type: ignore[arg-type]
        case _:
            return expected == actual


def _same_number(expected: Decimal, actual: Decimal, how: Expected) -> bool:
    if how.rounded:
        return abs(expected - actual) <= _BINARY * max(abs(expected), Decimal(1))
    return _number(expected, how) == _number(actual, how)


def _number(number: Decimal, how: Expected) -> Decimal:
    """Rounded to the field's digits, as the platform shows it."""
    if how.precision:
        number = Context(prec=how.precision, rounding=ROUND_HALF_UP).plus(number)
    return number if how.scale is None else to_scale(number, how.scale)


def _text(text: str, how: Expected) -> str:
    """Trimmed, as the live platform does. The printer of one suite wrote tabs as spaces, so every space counts as one
    kind; another suite's links lack the target that the live platform adds, and its pictures give sizes as attributes
    and no border."""
    if how.plain_links:
        text = text.replace(' target="_blank"', "").replace(' border="0"', "")
        text = re.sub(r' style="height:([\d.]+)px; width:([\d.]+)px;"', r' height="\1" width="\2"', text)
    return re.sub(r"\s", " ", text).strip()


def _moment(text: str, like: object) -> object:
    if isinstance(like, datetime):
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if isinstance(like, date) else time.fromisoformat(text.removesuffix("Z"))
