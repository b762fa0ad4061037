"""Formulas against records: old and new values, relatives, people's time zones, blanks, costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldsync.formula import FormulaError, Names, Record, Surroundings, as_field, evaluate, limits, parse
from fieldsync.schema.model import FieldType

FIELDS = {
    "Amount": FieldType.CURRENCY,
    "Rate__c": FieldType.PERCENT,
    "Name": FieldType.TEXT,
    "OwnerId": FieldType.LOOKUP,
    "Open__c": FieldType.CHECKBOX,
    "Day__c": FieldType.DATE,
    "Moment__c": FieldType.DATETIME,
    "Clock__c": FieldType.TIME,
    "Stage__c": FieldType.PICKLIST,
    "Spot__c": FieldType.GEOLOCATION,
    "Account.Name": FieldType.TEXT,
    "Account.Owner.Email": FieldType.EMAIL,
    "$User.Id": FieldType.ID,
}
OWNER = "005000000000001AAA"


def value(text: str, record: Record, around: Surroundings) -> Any:
    return evaluate(parse(text).bind(Names(FIELDS)), record, around)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Amount * Rate__c", Decimal(45)),
        ("Name & ' ' & Account.Owner.Email", "Kern kern@example.com"),
        ("YEAR(Day__c) + HOUR(Clock__c)", Decimal(2036)),
        ("Moment__c - 1", datetime.fromisoformat("2026-11-20T03:31:00+00:00")),
        ("OwnerId", OWNER[:15]),
        ("CASESAFEID(OwnerId)", OWNER),
        ("ISPICKVAL(Stage__c, 'Won') && Open__c", True),
        ("Nothing", None),
        ("ROUND(DISTANCE(Spot__c, GEOLOCATION(0, 0), 'mi'), 3)", Decimal("69.093")),
    ],
)
def test_a_record_is_read_as_it_is_stored(text: str, expected: object, around: Surroundings) -> None:
    record = Record(
        {
            "Amount": 100,
            "Rate__c": Decimal(45),
            "Name": "Kern",
            "OwnerId": OWNER,
            "Open__c": True,
            "Day__c": "2026-11-21",
            "Moment__c": "2026-11-21T03:31:00+00:00",
            "Clock__c": "10:30:00",
            "Stage__c": "Won",
            "Spot__Latitude__s": Decimal(1),
            "Spot__Longitude__s": 0,
        },
        related={"Account.Owner": {"Email": "kern@example.com"}},
    )
    scope = Names({**FIELDS, "Nothing": FieldType.NUMBER})
    assert evaluate(parse(text).bind(scope), record, around) == expected


def test_changes_are_seen_only_while_a_record_is_saved(around: Surroundings) -> None:
    fresh, same = Record({"Amount": 1}), Record({"Amount": 1}, {"Amount": Decimal("1.00")})
    changed = Record({"Amount": 2}, {"Amount": 1})
    assert [value("ISNEW()", r, around) for r in (fresh, same, changed)] == [True, False, False]
    assert [value("ISCHANGED(Amount)", r, around) for r in (fresh, same, changed)] == [False, False, True]
    assert [value("PRIORVALUE(Amount)", r, around) for r in (fresh, same, changed)] == [1, 1, 1]
    assert value("ISCLONE()", Record({}, cloned=True), around) is True


def test_a_day_is_the_persons_day(around: Surroundings) -> None:
    there = replace(around, zone=ZoneInfo("America/Los_Angeles"))
    record = Record({"Moment__c": "2026-11-21T03:31:00+00:00"})
    assert value("TODAY()", record, around) == date(2026, 11, 21)
    assert value("TODAY()", record, there) == date(2026, 11, 20)
    assert value("DATEVALUE(Moment__c)", record, there) == date(2026, 11, 20)
    assert value("TIMENOW()", record, there) == time(19, 31)
    assert value("HOUR(TIMEVALUE(Moment__c))", record, there) == 3


def test_blanks_count_as_the_formula_says(around: Surroundings) -> None:
    zero = replace(around, blanks_as_zero=True)
    blank = Record({})
    assert value("Amount + 1", blank, around) is None
    assert value("Amount + 1", blank, zero) == 1
    assert value("ISBLANK(Amount)", blank, zero) is False
    assert value("ISBLANK(Name) && ISBLANK(Day__c)", blank, zero) is True
    assert value("NOT(Open__c)", blank, around) is True
    assert value("IF(Amount > 1, 'a', 'b')", blank, around) == "b"


@pytest.mark.parametrize("function", ["CONTAINS", "BEGINS", "ENDS"])
def test_a_blank_text_is_in_every_text(around: Surroundings, function: str) -> None:
    blank, named = Record({}), Record({"Name": "Kern"})
    assert value(f"{function}('0123456789', Name)", blank, around) is True
    assert value(f"{function}(Name, NULL)", blank, around) is True
    assert value(f"{function}(Name, '')", named, around) is True
    assert value(f"IF({function}(Name, 'x'), 1, 2)", blank, around) == 2
    assert value(f"IF(NOT({function}(Name, 'x')), 1, 2)", blank, around) == 2
    assert value(f"{function}(Name, 'x')", named, around) is False


def test_global_values_rates_and_look_ups_are_given(around: Surroundings) -> None:
    def lookup(object_name: str, returned: str, matched: str, wanted: object) -> str:
        return f"{object_name} {returned} {matched} {wanted}"

    given = replace(around, globals={"$User.Id": OWNER}, rates={"EUR": Decimal("1.1")}, lookup=lookup)
    assert value("OwnerId = $User.Id", Record({"OwnerId": OWNER}), given) is True
    assert value("CURRENCYRATE('EUR') + CURRENCYRATE('ZZZ')", Record({}), given) == Decimal("2.1")
    text = "VLOOKUP($ObjectType.Zip__c.Fields.City__c, $ObjectType.Zip__c.Fields.Name, '4051')"
    assert value(text, Record({}), given) == "Zip__c City__c Name 4051"


@pytest.mark.parametrize(
    "text", ["1 / 0", "Amount / (Amount - 1)", "VALUE('x')", "DATE(2026, 2, 30)", "SQRT(-1)", "2 ^ 0.5"]
)
def test_what_cannot_be_computed_is_an_error_value(text: str, around: Surroundings) -> None:
    found = value(text, Record({"Amount": 1}), around)
    assert isinstance(found, FormulaError)
    assert found.sentence.startswith("no value: ")
    assert isinstance(value("Name", Record({"Name": found}), around), FormulaError)
    assert value(f"IFERROR({text}, NULL)", Record({"Amount": 1}), around) is None
    assert value(f"IF(TRUE, 1, {text})" if "DATE" not in text else "1", Record({"Amount": 1}), around) == 1


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1/3", "0.333333333333333333333333333333333333333"),
        ("0.1 + 0.2", "0.3"),
        ("CEILING(1/3*3)", "1"),
        ("1.005 * 1000", "1005"),
    ],
)
def test_no_number_is_a_binary_fraction(text: str, digits: str, around: Surroundings) -> None:
    assert value(text, Record({}), around) == Decimal(digits)


@pytest.mark.parametrize(
    "text",
    [
        "LPAD('a', 10 ^ 9)",
        "SUBSTITUTE(SUBSTITUTE(LPAD('a', 100000, 'a'), 'a', 'aaaaaaaaaa'), 'a', 'aaaaaaaaaa')",
        "10 ^ 60 * 10 ^ 60",
        "EXP(100000)",
        "9 ^ 999999999",
        "Day__c + 10 ^ 20",
        "REGEX(LPAD('', 10, 'a') & LPAD('a', 32767, 'a'), '(?=(a+)+b)(a|aa)+c')",
    ],
)
def test_a_formula_cannot_take_more_than_it_may(text: str, around: Surroundings) -> None:
    found = value(text, Record({"Day__c": "2026-11-21"}), around)
    assert found is None or found is False or isinstance(found, FormulaError)


def test_an_evaluation_ends_after_its_steps(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STEPS_MAX", 10)
    assert isinstance(value("1+1+1+1+1+1+1", Record({}), around), FormulaError)


@pytest.mark.parametrize(
    ("found", "field", "stored"),
    [
        (Decimal("0.12345"), FieldType.PERCENT, Decimal("12.35")),
        (Decimal("-1.005"), FieldType.NUMBER, Decimal("-1.01")),
        (None, FieldType.CHECKBOX, False),
        ("  a ", FieldType.TEXT, "a"),
        (" ", FieldType.TEXT, None),
        (datetime.fromisoformat("2026-11-21T03:31:00+00:00"), FieldType.DATE, date(2026, 11, 20)),
    ],
)
def test_a_field_holds_a_result_in_its_own_form(found: Any, field: FieldType, stored: object) -> None:
    assert as_field(found, field, scale=2, zone=ZoneInfo("America/Los_Angeles")) == stored
