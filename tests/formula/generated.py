"""Typed formulas for property tests: made from the table of functions, so that a new row is tested at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from itertools import product

from hypothesis import strategies as st

from fieldsync.formula import Record
from fieldsync.formula.functions.signature import Function, Kind
from fieldsync.formula.functions.table import ROWS
from fieldsync.formula.nodes import CHAINS
from fieldsync.formula.record import Stored
from fieldsync.formula.types import FormulaType
from fieldsync.schema.model import FieldType

T = FormulaType
FIELDS = {
    "number1__c": FieldType.NUMBER,
    "number2__c": FieldType.CURRENCY,
    "percent__c": FieldType.PERCENT,
    "text1__c": FieldType.TEXT,
    "text2__c": FieldType.LONG_TEXT,
    "id__c": FieldType.LOOKUP,
    "check__c": FieldType.CHECKBOX,
    "date1__c": FieldType.DATE,
    "date2__c": FieldType.DATE,
    "datetime1__c": FieldType.DATETIME,
    "datetime2__c": FieldType.DATETIME,
    "time1__c": FieldType.TIME,
    "time2__c": FieldType.TIME,
    "pick__c": FieldType.PICKLIST,
    "multi__c": FieldType.MULTI_PICKLIST,
    "place__c": FieldType.GEOLOCATION,
}
_BY_TYPE = {
    T.NUMBER: ["number1__c", "number2__c", "percent__c"],
    T.TEXT: ["text1__c", "text2__c", "id__c"],
    T.BOOLEAN: ["check__c"],
    T.DATE: ["date1__c", "date2__c"],
    T.DATETIME: ["datetime1__c", "datetime2__c"],
    T.TIME: ["time1__c", "time2__c"],
    T.PICKLIST: ["pick__c"],
    T.MULTI_PICKLIST: ["multi__c"],
    T.GEOLOCATION: ["place__c"],
}
_TEXTS = [
    "",
    "a",
    "ab",
    "A b",
    " x ",
    "12.5",
    "-3",
    "1e3",
    "2020-02-29",
    "2020-02-30",
    "2020-02-29 10:30:00",
    "10:30:00.5",
    "Straße",
    "ÅNGSTRÖM",
    "İI",
    "tr",
    "%b_",
    "\\",
    "a;b",
    "x\"y'z",
    "a<b>&",
    "日本語",
    "😀",
    "km",
    "752S00000000Ktk",
    "USD",
    '{"a": [1, 2.50, "x"]}',
    "$.a[1]",
    "\t tab",
]
_NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "-2",
    "0.5",
    "-0.5",
    "2.5",
    "-2.5",
    "1.005",
    "12",
    "29",
    "100",
    "1000000",
    "0.000001",
    "123456789.123456789",
    "2026",
    "-86400000",
    "3.14159265358979",
    "12345678901234567890.5",
    ".1",
    "1e3",
]
_FIRST, _LAST = datetime(1700, 1, 1), datetime(4000, 12, 31)  # noqa: DTZ001  Hypothesis wants them without a zone
_PATTERNS = [
    "",
    "a+",
    "[a-z]*",
    "(a|b)*c?",
    "\\d+(\\.\\d+)?",
    ".*",
    "[^a-c]{2,3}",
    "(?i)A B",
    "\\w+\\b.*",
    "(?=.*b)a.*",
    "((a",
]
_UNTESTED = {"REGEX", "JSONPATHVALUE", "JSONVALUE", "TODAY", "NOW", "TIMENOW", "CURRENCYRATE"}
"""Patterns are drawn from a list; JSON's odd corners belong to its parsers; the clock has tests of its own."""

Signature = tuple[Function, tuple[FormulaType, ...]]


@cache
def signatures() -> dict[FormulaType, list[Signature]]:
    """Every function with every combination of types it takes, by the type it gives."""
    found: dict[FormulaType, list[Signature]] = {kind: [] for kind in _BY_TYPE}
    for row in ROWS:
        if row.sql and row.name not in _UNTESTED:
            for types in _combinations(row):
                result = row.result if isinstance(row.result, FormulaType) else row.result(types)
                if isinstance(result, FormulaType) and result in found:
                    found[result].append((row, types))
    return found


def _combinations(row: Function) -> Iterator[tuple[FormulaType, ...]]:
    if row.name in ("IF", "IFS"):
        for kind in _BY_TYPE:
            yield (T.BOOLEAN, kind, kind)
            yield (T.BOOLEAN, kind, T.NULL)
        return
    if row.name == "CASE":
        for key, kind in product((T.NUMBER, T.TEXT, T.DATE, T.PICKLIST), (T.NUMBER, T.TEXT, T.DATE)):
            match = T.TEXT if key is T.PICKLIST else key
            yield (key, match, kind, match, kind, kind)
        return
    choices = [[t for t in p.types if t is not T.ANY] for p in row.parameters]
    for count in range(row.counts[0], len(row.parameters) + 1):
        yield from product(*choices[:count])
    if row.counts[1] is None:
        for types in product(*choices):
            yield (*types, types[-1], types[-1])


def formulas(kind: FormulaType, depth: int = 3) -> st.SearchStrategy[str]:
    """Texts of formulas of this type."""
    if kind is T.NULL:
        return st.just("NULL")
    leaf = _leaves(kind)
    if depth == 0 or not signatures()[kind]:
        return leaf
    return st.one_of(leaf, _calls(kind, depth), _calls(kind, depth))


def _leaves(kind: FormulaType) -> st.SearchStrategy[str]:
    fields = st.sampled_from(_BY_TYPE[kind])
    match kind:
        case T.NUMBER:
            return fields | st.sampled_from(_NUMBERS)
        case T.TEXT:
            return fields | st.sampled_from(_TEXTS).map(quoted)
        case T.BOOLEAN:
            return fields | st.sampled_from(["TRUE", "FALSE"])
        case T.DATE:
            return fields | st.sampled_from(["DATE(2024, 2, 29)", "DATE(1999, 12, 31)", "DATE(2023, 2, 29)"])
        case _:
            return fields


def quoted(text: str) -> str:
    """As a text in a formula."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


@st.composite
def _calls(draw: st.DrawFn, kind: FormulaType, depth: int) -> str:
    if kind is T.BOOLEAN and draw(st.integers(0, 19)) == 0:
        return f"REGEX({draw(formulas(T.TEXT, depth - 1))}, {quoted(draw(st.sampled_from(_PATTERNS[:-1])))})"
    row, types = draw(st.sampled_from(signatures()[kind]))
    arguments = [draw(formulas(t, depth - 1)) for t in types]
    if row.kind is not Kind.OPERATOR:
        return f"{row.name}({', '.join(arguments)})"
    if len(arguments) == 1 and row.name not in CHAINS:
        sign = row.name.removeprefix("unary ")
        return f"{'!' if sign == 'NOT' else sign}({arguments[0]})"
    return "(" + f" {row.name} ".join(arguments) + ")"


def _blank_or(strategy: st.SearchStrategy[Stored]) -> st.SearchStrategy[Stored]:
    return st.one_of(st.none(), strategy, strategy)


_VALUES: dict[FieldType, st.SearchStrategy[Stored]] = {
    **dict.fromkeys(
        (FieldType.NUMBER, FieldType.CURRENCY, FieldType.PERCENT),
        _blank_or(st.decimals("-999999", "999999", places=4) | st.integers(-40, 40).map(Decimal)),
    ),
    **dict.fromkeys(
        (FieldType.TEXT, FieldType.LONG_TEXT),
        _blank_or(st.sampled_from([t.strip() for t in _TEXTS]) | st.text("abAB1 .-é", max_size=6).map(str.strip)),
    ),
    FieldType.LOOKUP: _blank_or(st.sampled_from(["0053h000001aRXZAA2", "00D3h000002sxWVEAY"])),
    FieldType.CHECKBOX: st.booleans(),
    FieldType.DATE: _blank_or(st.dates(date(1700, 1, 1), date(4000, 12, 31))),
    FieldType.DATETIME: _blank_or(st.datetimes(_FIRST, _LAST).map(lambda m: m.replace(microsecond=0, tzinfo=UTC))),
    FieldType.TIME: _blank_or(st.times().map(lambda t: time(t.hour, t.minute, t.second, t.microsecond // 1000 * 1000))),
    FieldType.PICKLIST: _blank_or(st.sampled_from(["a", "b", "12.5"])),
    FieldType.MULTI_PICKLIST: _blank_or(st.sampled_from(["a", "a;b", "b;c"])),
    FieldType.GEOLOCATION: _blank_or(st.tuples(st.decimals(-90, 90, places=4), st.decimals(-180, 180, places=4))),
}
records: st.SearchStrategy[Record] = st.fixed_dictionaries({name: _VALUES[kind] for name, kind in FIELDS.items()}).map(
    lambda values: Record({name: value or None if isinstance(value, str) else value for name, value in values.items()})
)
"""Values for every field."""
