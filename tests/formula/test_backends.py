"""The law of the two back-ends: the same formula on the same record gives the same value, or an error, on both."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.formula.conftest import Execute
from tests.formula.generated import FIELDS, formulas, records

from fieldsync.formula import FormulaError, FormulaType, Record, evaluate
from fieldsync.formula.conformance.case import Case, Expected
from fieldsync.formula.conformance.run import checked
from fieldsync.formula.sql.conformance import actuals
from fieldsync.formula.values.decimals import WIDE

TYPES = st.sampled_from([t for t in FormulaType if t not in (FormulaType.ANY, FormulaType.NULL)])
BLANK = Record(dict.fromkeys(FIELDS))


def cases_of(formula: str, record: Record) -> list[Case]:
    """The formula in both modes of blanks."""
    return [
        Case("generated", formula, formula, Expected(), FIELDS, record=record, blanks_as_zero=zero)
        for zero in (False, True)
    ]


def in_python(case: Case) -> Any:
    return evaluate(checked(case.formula, tuple(FIELDS.items())), case.record, case.around)


def comparable(value: Any) -> Any:
    """Errors are alike; SQL gives texts without spaces at their ends and a checkbox that is never blank."""
    match value:
        case FormulaError():
            return "#Error!"
        case str():
            return value.strip("".join(map(chr, range(33)))) or None
        case Decimal():
            return WIDE.plus(value).normalize(WIDE)
        case tuple():
            return tuple(comparable(part) for part in value)
        case datetime():
            return value.timestamp()
        case _:
            return value


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(formula=TYPES.flatmap(formulas), record=records)
@example("CEILING(1/3*3)", BLANK)
@example("IF(1/0 > 1, 'a', 'b')", BLANK)
@example("IFERROR(VALUE('x'), 1/3)", BLANK)
@example("TEXT(datetime1__c)", BLANK)
@example("NULL + 1/0", BLANK)
@example("CASE(text1__c, NULL, 1, 2)", BLANK)
@example("CONTAINS('ab', text1__c)", BLANK)
@example("IF(NOT(BEGINS(text1__c, 'a')), 1, 2)", BLANK)
@example("ENDS(text1__c, text2__c)", BLANK)
@example(
    "JSONPATHVALUE('{\"a\": [1, 2.50]}', '$.a[1]') & JSONVALUE('{\"a\": true}', 'a') & JSONVALUE('[]', 'a')", BLANK
)
@example("TEXT(TODAY()) & TEXT(NOW()) & TEXT(TIMENOW()) & TEXT(CURRENCYRATE('EUR'))", BLANK)
@example("ABS(" * 99 + "-1" + ")" * 99, BLANK)
@example("IF(check__c, 1, " * 98 + "1" + ")" * 98, BLANK)
@example(" & ".join(["'a'"] * 600), BLANK)
@example("check__c||" * 380 + "1 > 0", BLANK)
@example("MAX(" + ", ".join(map(str, range(300))) + ")", BLANK)
@example("CASE(12, " + ", ".join(f"{n}, {n}" for n in range(150)) + ", 0)", BLANK)
@example("1" + " + 1" * 99, BLANK)
@example("12345678901234567890.5 * 12345678901234567890.5 / 3", BLANK)
@example("TAN(1) + ATAN2(-1, -2) + ACOS(0.3) + EXP(-3.5) + LN(7) + LOG(3) + SQRT(2)", BLANK)
def test_both_give_the_same(execute: Execute, formula: str, record: Record) -> None:
    cases = cases_of(formula, record)
    is_checkbox = checked(formula, tuple(FIELDS.items())).type is FormulaType.BOOLEAN
    blank = False if is_checkbox else None
    for case, found in zip(cases, actuals(cases[:1], execute) + actuals(cases[1:], execute), strict=True):
        expected, actual = (blank if v is None else v for v in (comparable(in_python(case)), comparable(found)))
        assert actual == expected, f"{formula} (blanks as zero: {case.blanks_as_zero})"
