"""Runs cases in Python, and counts what passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from fieldsync.formula.check.scope import Names
from fieldsync.formula.conformance.case import Case, Outcome
from fieldsync.formula.conformance.compare import Actual, agrees
from fieldsync.formula.evaluate import as_field
from fieldsync.formula.formula import Checked, evaluate, parse
from fieldsync.formula.problem import BadFormula, FormulaError
from fieldsync.formula.record import Record, Stored
from fieldsync.formula.types import Value
from fieldsync.schema.model import FieldType


@dataclass(frozen=True)
class Count:
    """How many rows of a suite passed on a back-end."""

    suite: str
    backend: str
    passed: int
    total: int


def in_python(cases: Iterable[Case]) -> Iterator[Outcome]:
    """Every case's outcome on the Python back-end."""
    for case in cases:
        yield outcome(case, actual_of(case))


def actual_of(case: Case) -> Actual:
    """What the case gives: a value, an error, or the formula's refusal."""
    values: dict[str, Stored] = dict(case.record.new)
    try:
        for derived in case.derived:
            found = _evaluated(derived.formula, case, values)
            values[derived.name] = found if isinstance(found, FormulaError) else as_field(found, derived.type)
        return _evaluated(case.formula, case, values)
    except BadFormula as bad:
        return bad


def _evaluated(formula: str, case: Case, values: dict[str, Stored]) -> Value | FormulaError:
    record = Record(values, related=case.record.related)
    return evaluate(checked(formula, tuple(case.fields.items())), record, case.around)


@lru_cache(maxsize=2_000)
def checked(formula: str, fields: tuple[tuple[str, FieldType], ...]) -> Checked:
    """The formula against the case's fields."""
    return parse(formula).bind(Names(dict(fields)))


def outcome(case: Case, actual: Actual) -> Outcome:
    """The verdict, with both sides as text."""
    expected = "an error" if case.expected.error or case.expected.any_error else repr(case.expected.value)
    mode = "zero" if case.blanks_as_zero else "blank"
    shown = str(actual) if isinstance(actual, FormulaError | BadFormula) else repr(actual)
    return Outcome(case.suite, case.id, agrees(case, actual), f"{expected} ({mode}: {case.formula})", shown)


def counted(outcomes: Iterable[Outcome], backend: str) -> tuple[list[Count], list[Outcome]]:
    """Passed and total by suite, a row passing when all its cases do; and the first failure of each row."""
    rows: dict[tuple[str, str], Outcome | None] = {}
    for found in outcomes:
        key = (found.suite, found.id)
        if not found.passed:
            rows[key] = rows.get(key) or found
        else:
            rows.setdefault(key, None)
    counts = []
    for suite in dict.fromkeys(suite for suite, _ in rows):
        results = [failure for (name, _), failure in rows.items() if name == suite]
        counts.append(Count(suite, backend, sum(r is None for r in results), len(results)))
    return counts, [failure for failure in rows.values() if failure is not None]
