"""The suites of help pages and of single function calls."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fieldsync.formula.conformance.case import Case, Expected
from fieldsync.formula.conformance.gold import by_relation
from fieldsync.formula.record import Record, Stored
from fieldsync.schema.model import FieldType

TYPES = {
    "number": FieldType.NUMBER,
    "text": FieldType.TEXT,
    "picklist": FieldType.PICKLIST,
    "multipicklist": FieldType.MULTI_PICKLIST,
    "checkbox": FieldType.CHECKBOX,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
    "geolocation": FieldType.GEOLOCATION,
}
OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "exponentiate": "^",
    "equal": "=",
    "unequal": "<>",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterthan": ">",
    "greaterthanorequal": ">=",
    "lessthan": "<",
    "lessthanorequal": "<=",
}


def help_page(page: dict[str, Any]) -> Iterator[Case]:
    """A name that is null in one row has the type of the other rows; of none, it is a number."""
    rows = page["rows"]
    kinds: dict[str, FieldType] = {}
    for row in rows:
        for name, given in row["identifiers"].items():
            if given["dataType"] in TYPES:
                kinds[name] = TYPES.get(given["dataType"], FieldType.TEXT)
            else:
                kinds.setdefault(name, FieldType.NUMBER)
    for number, row in enumerate(rows):
        values = {name: value_of(given) for name, given in row["identifiers"].items()}
        record = Record(values, related=by_relation(values))
        yield Case(
            "help_pages",
            f"{page['name']}[{number}]",
            page["formula"],
            _expected(row["expected"]),
            kinds,
            record=record,
        )


def function_call(call: dict[str, Any]) -> Case:
    """Arguments become fields of their types, null a literal."""
    names, fields, values = [], {}, {}
    for index, argument in enumerate(call["args"], 1):
        if argument["dataType"] == "null":
            names.append("NULL")
        elif argument["dataType"] == "text" and argument["value"] == "":
            names.append("''")
        else:
            names.append(f"a{index}")
            fields[f"a{index}"], values[f"a{index}"] = (
                TYPES.get(argument["dataType"], FieldType.TEXT),
                value_of(argument),
            )
    operator = OPERATORS.get(call["function"])
    formula = f" {operator} ".join(names) if operator else f"{call['function'].upper()}({', '.join(names)})"
    return Case("function_calls", call["name"], formula, _expected(call["expected"]), fields, record=Record(values))


def value_of(given: dict[str, Any]) -> Stored:
    """A value as the suites write it, as ours."""
    value = given.get("value")
    match given["dataType"], value:
        case _, None:
            return None
        case "number", _:
            return Decimal(value)
        case "multipicklist", list():
            return ";".join(value)
        case "geolocation", list():
            return Decimal(value[0]), Decimal(value[1])
        case _:
            known: Stored = value
            return known


def _expected(given: dict[str, Any]) -> Expected:
    """An error is written as an error, or as null by a function that only says so."""
    if given["dataType"] == "error":
        return Expected(any_error=True)
    return Expected(value_of(given), error_is_blank=True, rounded=True, plain_links=True)
