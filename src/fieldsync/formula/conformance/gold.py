"""The suites of the platform's own engine (`gold`) and of a live org (`grid`)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from fieldsync.formula.conformance.case import Case, Derived, Expected
from fieldsync.formula.record import Record, Stored
from fieldsync.schema.model import FieldType

ENGINE_TYPES = {
    "Double": FieldType.NUMBER,
    "Currency": FieldType.CURRENCY,
    "Percent": FieldType.PERCENT,
    "Text": FieldType.TEXT,
    "DateOnly": FieldType.DATE,
    "DateTime": FieldType.DATETIME,
    "TimeOnly": FieldType.TIME,
    "Boolean": FieldType.CHECKBOX,
    "Geolocation": FieldType.GEOLOCATION,
    "Location": FieldType.GEOLOCATION,
    "Picklist": FieldType.PICKLIST,
    "MultiPicklist": FieldType.MULTI_PICKLIST,
}
ORG_TYPES = {
    "Id": FieldType.ID,
    "AutoNumber": FieldType.AUTO_NUMBER,
    "Checkbox": FieldType.CHECKBOX,
    "Text": FieldType.TEXT,
    "TextArea": FieldType.LONG_TEXT,
    "LongTextArea": FieldType.LONG_TEXT,
    "Email": FieldType.EMAIL,
    "Phone": FieldType.PHONE,
    "Url": FieldType.URL,
    "Date": FieldType.DATE,
    "DateTime": FieldType.DATETIME,
    "Time": FieldType.TIME,
    "Number": FieldType.NUMBER,
    "Currency": FieldType.CURRENCY,
    "Percent": FieldType.PERCENT,
    "Picklist": FieldType.PICKLIST,
    "MultiselectPicklist": FieldType.MULTI_PICKLIST,
    "Lookup": FieldType.LOOKUP,
}
_NUMBERS = (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT)
_CRASH = "NullPointerException"
"""Where the engine crashes on a blank argument the platform shows a blank."""


def gold(case: dict[str, Any]) -> Iterator[Case]:
    """Each row in both modes of blanks."""
    fields = {f["name"]: ENGINE_TYPES.get(f["type"], FieldType.TEXT) for f in case["fields"]}
    if case["variant"].startswith("swapped_types"):  # these give percents as hundredths already
        fields = {name: FieldType.NUMBER if kind is FieldType.PERCENT else kind for name, kind in fields.items()}
    derived = tuple(Derived(f["name"], fields[f["name"]], f["formula"]) for f in case["fields"] if f.get("formula"))
    returns = ENGINE_TYPES.get(case["return_type"], FieldType.TEXT)
    for number, row in enumerate(case["rows"]):
        values = {name: _input(value, fields.get(name)) for name, value in row["input"].items()}
        for mode in ("blank_as_zero", "blank_as_blank"):
            yield Case(
                "gold",
                f"{case['id']}[{number}]",
                case["formula"],
                _engine_result(row[mode], case, returns),
                fields,
                derived,
                Record(values, related=by_relation(values)),
                blanks_as_zero=mode == "blank_as_zero",
                returns=returns,
            )


def _input(value: Any, kind: FieldType | None) -> Stored:
    """Numbers come as texts."""
    if isinstance(value, str) and kind in _NUMBERS:
        return Decimal(value)
    if isinstance(value, str) and kind is FieldType.CHECKBOX:
        return value.lower() in ("true", "1")
    known: Stored = value
    return known


def by_relation(values: dict[str, Stored]) -> dict[str, dict[str, Stored]]:
    """Values of paths, by the way to their record."""
    related: dict[str, dict[str, Stored]] = {}
    for path, value in values.items():
        way, _, name = path.rpartition(".")
        if way and not path.startswith("$"):
            related.setdefault(way, {})[name] = value
    return related


def _engine_result(result: dict[str, Any], case: dict[str, Any], returns: FieldType) -> Expected:
    error = result.get("error")
    value = _input(result.get("value"), returns)
    return Expected(
        value,
        error=error is not None and error != _CRASH,
        precision=case.get("precision"),
        scale=case.get("scale"),
    )


def grid(suite: dict[str, Any]) -> Iterator[Case]:
    """Every formula on every record; the REST API shows an error as null."""
    own = {f["name"]: ORG_TYPES.get(f["sf_type"], FieldType.TEXT) for f in suite["fields"]}
    formulas = {f["name"]: f for f in suite["formulas"]}
    hops = ("Parent__r.", "Parent__r.Parent__r.", "Parent__r.Parent__r.Parent__r.")
    fields = {hop + name: kind for hop in ("", *hops) for name, kind in own.items()}
    for extra in suite.get("number_extras", ()):
        expected = Expected(Decimal(extra["expected"]))
        yield Case("grid", f"extra {extra['formula']}", extra["formula"], expected, returns=FieldType.NUMBER)
    records = [_org_record(record) for record in suite["records"]]
    for formula in formulas.values():
        returns = ORG_TYPES.get(formula["return_type"], FieldType.TEXT)
        derived = tuple(
            Derived(name, ORG_TYPES.get(f["return_type"], FieldType.TEXT), f["formula"])
            for name, f in formulas.items()
            if name in formula["formula"] and name != formula["name"]
        )
        for number, value in enumerate(formula.get("expected", ())):
            yield Case(
                "grid",
                f"{formula['name']}[{number}]",
                formula["formula"],
                Expected(_org_value(value), error_is_blank=True, scale=formula.get("scale")),
                {**fields, **{d.name: d.type for d in derived}},
                derived,
                records[number],
                blanks_as_zero=formula["blank_as_zero"],
                returns=returns,
            )


def _org_value(value: Any) -> Stored:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    known: Stored = value
    return known


def _org_record(record: dict[str, Any]) -> Record:
    related: dict[str, dict[str, Stored]] = {}
    way, current = "", record
    while isinstance(current.get("Parent__r"), dict):
        way, current = f"{way}.Parent__r".strip("."), current["Parent__r"]
        related[way] = _own(current)
    return Record(_own(record), related=related)


def _own(record: dict[str, Any]) -> dict[str, Stored]:
    return {name: _org_value(value) for name, value in record.items() if name != "Parent__r"}
