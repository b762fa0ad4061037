"""Every field type has one canonical form, and refuses what it cannot hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.base.problems import Code
from fieldsync.schema.fields import TYPES, BadValue, canonical, same
from fieldsync.schema.model import Field, FieldType, PicklistValue

VALUES = (PicklistValue(value="High"), PicklistValue(value="Mid"), PicklistValue(value="Old", active=False))
SHAPES: dict[FieldType, dict[str, Any]] = {
    FieldType.TEXT: {"length": 10},
    FieldType.PICKLIST: {"values": VALUES},
    FieldType.MULTI_PICKLIST: {"values": VALUES},
    FieldType.NUMBER: {"precision": 6, "scale": 2},
    FieldType.CURRENCY: {"precision": 18, "scale": 2},
    FieldType.PERCENT: {"precision": 3, "scale": 0},
    FieldType.GEOLOCATION: {"precision": 10, "scale": 7},
}


def field(type_: FieldType, **more: Any) -> Field:
    return Field(name="F", type=type_, **(SHAPES.get(type_, {}) | more))


T = FieldType
ACCEPTED: list[tuple[FieldType, object, object]] = [
    (T.TEXT, "abc  ", "abc"),
    (T.TEXT, "   ", None),
    (T.TEXT, "", None),
    (T.TEXT, None, None),
    (T.LONG_TEXT, "one\ntwo\n", "one\ntwo"),
    (T.PICKLIST, "High", "High"),
    (T.PICKLIST, "", None),
    (T.MULTI_PICKLIST, "Mid;High", "High;Mid"),
    (T.MULTI_PICKLIST, ["Mid", "High", "Mid"], "High;Mid"),
    (T.MULTI_PICKLIST, ";", None),
    (T.CHECKBOX, None, False),
    (T.CHECKBOX, True, True),
    (T.NUMBER, 1, Decimal("1.00")),
    (T.NUMBER, 1.005, Decimal("1.01")),
    (T.NUMBER, -0.001, Decimal("0.00")),
    (T.PERCENT, Decimal("12.5"), 13),
    (T.CURRENCY, 10**15, Decimal("1000000000000000.00")),
    (T.GEOLOCATION, 42.35663, Decimal("42.3566300")),
    (T.DATE, "2026-11-21", "2026-11-21"),
    (T.DATE, "", None),
    (T.DATETIME, "2026-11-21T04:31:00.900+01:00", "2026-11-21T03:31:00+00:00"),
    (T.DATETIME, "2026-11-21T03:31:00.000+0000", "2026-11-21T03:31:00+00:00"),
    (T.DATETIME, "2026-11-21T03:31:00Z", "2026-11-21T03:31:00+00:00"),
    (T.TIME, "10:30:00.500Z", "10:30:00.5"),
    (T.TIME, "10:30", "10:30:00"),
    (T.EMAIL, "a.b@c.de", "a.b@c.de"),
    (T.PHONE, "+49 30 1234", "+49 30 1234"),
    (T.URL, "https://example.org", "https://example.org"),
    (T.LOOKUP, "001000000000001", "001000000000001AAA"),
    (T.MASTER_DETAIL, "", None),
    (T.BASE64, "aGk=", "aGk="),
]
REFUSED: list[tuple[FieldType, object, Code]] = [
    (T.TEXT, 5, Code.WRONG_TYPE),
    (T.TEXT, "12345678901", Code.TOO_LONG),
    (T.TEXT, "a\x00b", Code.OUT_OF_RANGE),
    (T.TEXT, "\ud800", Code.OUT_OF_RANGE),
    (T.LONG_TEXT, "x" * 131_073, Code.TOO_LONG),
    (T.PICKLIST, "Low", Code.PICKLIST),
    (T.PICKLIST, "high", Code.PICKLIST),
    (T.PICKLIST, "Old", Code.PICKLIST),
    (T.MULTI_PICKLIST, "High;Low", Code.PICKLIST),
    (T.CHECKBOX, "true", Code.WRONG_TYPE),
    (T.CHECKBOX, 1, Code.WRONG_TYPE),
    (T.NUMBER, "1", Code.WRONG_TYPE),
    (T.NUMBER, True, Code.WRONG_TYPE),
    (T.NUMBER, 10_000, Code.OUT_OF_RANGE),
    (T.NUMBER, 9999.999, Code.OUT_OF_RANGE),
    (T.NUMBER, float("nan"), Code.OUT_OF_RANGE),
    (T.NUMBER, float("inf"), Code.OUT_OF_RANGE),
    (T.NUMBER, 10**3000, Code.OUT_OF_RANGE),
    (T.DATE, "2026-02-30", Code.WRONG_TYPE),
    (T.DATE, "20261121", Code.WRONG_TYPE),
    (T.DATE, "1066-10-14", Code.OUT_OF_RANGE),
    (T.DATE, 20261121, Code.WRONG_TYPE),
    (T.DATETIME, "2026-11-21T03:31:00", Code.WRONG_TYPE),
    (T.DATETIME, "9999-12-31T23:59:59-14:00", Code.WRONG_TYPE),
    (T.DATETIME, "4001-01-01T00:00:00Z", Code.OUT_OF_RANGE),
    (T.TIME, "25:00:00", Code.WRONG_TYPE),
    (T.TIME, "10:30:00+01:00", Code.WRONG_TYPE),
    (T.EMAIL, "nobody", Code.OUT_OF_RANGE),
    (T.LOOKUP, "001", Code.INVALID_REF),
    (T.LOOKUP, "001000000000001AAB", Code.INVALID_REF),
    (T.BASE64, "a", Code.WRONG_TYPE),
    (T.BASE64, "é", Code.WRONG_TYPE),
    (T.AUTO_NUMBER, "C-1", Code.READ_ONLY_FIELD),
    (T.FORMULA, "x", Code.READ_ONLY_FIELD),
    (T.ROLL_UP, 1, Code.READ_ONLY_FIELD),
]


@pytest.mark.parametrize(("type_", "given_value", "stored"), ACCEPTED)
def test_a_value_is_brought_to_its_one_form(type_: FieldType, given_value: object, stored: object) -> None:
    found = canonical(field(type_), given_value)
    assert found == stored
    assert str(found) == str(stored)
    assert type(found) is type(stored)


@pytest.mark.parametrize(("type_", "value", "code"), REFUSED)
def test_what_a_field_cannot_hold_is_refused(type_: FieldType, value: object, code: Code) -> None:
    with pytest.raises(BadValue) as refused:
        canonical(field(type_), value)
    assert refused.value.code is code
    assert "(" not in refused.value.problem("Account", None, "F").message.replace("(F)", "")


def test_an_unrestricted_picklist_takes_other_values() -> None:
    assert canonical(field(T.PICKLIST, restricted=False), "Other") == "Other"
    assert canonical(field(T.MULTI_PICKLIST, restricted=False), "Z;A;Mid") == "Mid;A;Z"


def test_every_type_of_the_model_has_its_row() -> None:
    assert set(TYPES) == set(FieldType)


def test_a_roll_up_of_dates_is_stored_as_a_date() -> None:
    assert TYPES[T.ROLL_UP].sql(field(T.ROLL_UP, formula_returns=T.DATE)) == "date"
    assert TYPES[T.ROLL_UP].sql(field(T.ROLL_UP)) == "numeric(18,2)"


def test_null_is_not_false() -> None:
    assert same(field(T.TEXT), None, None)
    assert not same(field(T.CHECKBOX), None, False)
    assert same(field(T.NUMBER), Decimal("1.00"), Decimal(1))


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=True),
    st.text(),
    st.lists(st.sampled_from(["High", "Mid", "Old", "x;y"]), max_size=4),
    st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat()),
    st.dates().map(str),
    st.times().map(str),
    st.binary().map(lambda b: b.hex()),
)
types = st.sampled_from(sorted(FieldType))


@given(types, anything, st.booleans())
def test_canonical_is_idempotent_and_raises_nothing_else(type_: FieldType, value: object, restricted: bool) -> None:  # noqa: FBT001
    shape = field(type_, restricted=restricted)
    try:
        once = canonical(shape, value)
    except BadValue:
        return
    again = canonical(shape, once)
    assert again == once
    assert type(again) is type(once)
    assert str(again) == str(once)
    assert same(shape, once, again)
