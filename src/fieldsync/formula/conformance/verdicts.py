"""The suites without values: errors, normal forms, formulas of published projects. They have one verdict."""

from __future__ import annotations

from typing import Any

from fieldsync.formula.check.scope import Names
from fieldsync.formula.conformance.case import Outcome
from fieldsync.formula.conformance.gold import ORG_TYPES
from fieldsync.formula.formula import parse
from fieldsync.formula.problem import BadFormula, Fault
from fieldsync.schema.model import FieldType

FAULTS = {
    "SyntaxError": Fault.SYNTAX,
    "InvalidTypeError": Fault.WRONG_TYPE,
    "InvalidOperatorError": Fault.WRONG_TYPE,
    "InvalidArgLengthError": Fault.WRONG_COUNT,
    "TypeNotFoundError": Fault.UNKNOWN_FIELD,
}


def error(case: dict[str, Any]) -> Outcome:
    """The kind of error and its place."""
    scope = Names({name: ORG_TYPES.get(kind, FieldType.TEXT) for name, kind in case.get("types", {}).items()})
    name = case["error"].split()[0]
    fault = Fault.UNKNOWN_FUNCTION if "function" in case["error"].lower() else FAULTS.get(name)
    expected = f"{fault or name} at {tuple(case['at'])}"
    try:
        parse(case["formula"]).bind(scope)
        actual = "no error"
    except BadFormula as found:
        kind = found.error.fault if fault else name
        actual = f"{kind} at {(found.error.line, found.error.column)}"
    return Outcome("errors", case["formula"], actual == expected, expected, actual)


def syntax(case: dict[str, Any]) -> Outcome:
    """A formula and its normal form are the same tree."""
    try:
        same = parse(case["formula"]) == parse(case["formatted"])
        actual = "the same tree" if same else "another tree"
    except BadFormula as found:
        same, actual = False, str(found)
    return Outcome("syntax", case["formula"], same, "the same tree", actual)


def published(suite: str, case: dict[str, Any]) -> Outcome:
    """It parses, and checks against an object that has every field it names."""
    name = f"{case.get('object')}.{case.get('field') or case.get('name')}"
    try:
        parse(case["formula"]).bind(Names({}, open=True))
    except BadFormula as found:
        return Outcome(suite, name, False, "no error", str(found))
    return Outcome(suite, name, True)
