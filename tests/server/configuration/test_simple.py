"""The simple filter editor's language: rows and logic to a condition and back (FEATURES A16)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.server.configuration.simple import (
    MANY,
    NONE,
    BadFilter,
    FilterRow,
    Operator,
    SimpleFilter,
    ValueType,
    read_filter,
    write_filter,
)
from fieldsync.soql import parse_condition

OPEN = FilterRow("Status", Operator.EQUALS, ValueType.TEXT, ("Open",))
MINE = FilterRow("Owner.Id", Operator.IN, ValueType.TOKEN, ("{USER.ID}",))
FRESH = FilterRow("CreatedDate", Operator.GREATER_OR_EQUAL, ValueType.RELATIVE, ("LAST_N_DAYS:7",))
THREE = (OPEN, MINE, FRESH)

VALUES = {
    ValueType.TEXT: st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12),
    ValueType.NUMBER: st.sampled_from(["0", "-7", "12.50", "999999999"]),
    ValueType.BOOLEAN: st.sampled_from(["true", "false"]),
    ValueType.DATE: st.sampled_from(["2026-02-28", "1999-12-31"]),
    ValueType.DATETIME: st.sampled_from(["2026-02-28T09:30:00Z"]),
    ValueType.RELATIVE: st.sampled_from(["TODAY", "LAST_N_DAYS:7", "NEXT_QUARTER"]),
    ValueType.TOKEN: st.sampled_from(["@@USER_ID@@", "@@ACCOUNT_IDS@@"]),
}


@st.composite
def filter_rows(draw: st.DrawFn) -> FilterRow:
    operator = draw(st.sampled_from(Operator))
    if operator in NONE:
        return FilterRow("A.B__c", operator)
    kind = draw(st.sampled_from(ValueType))
    values = draw(st.lists(VALUES[kind], min_size=1, max_size=3 if operator in MANY else 1))
    return FilterRow("A.B__c", operator, kind, tuple(values))


@given(st.lists(filter_rows(), max_size=4).map(tuple), st.sampled_from(["AND", "OR"]))
def test_rows_come_back_as_they_were_written(rows: tuple[FilterRow, ...], word: str) -> None:
    filtered = SimpleFilter(rows, word if len(rows) > 1 else "AND")
    assert read_filter(write_filter(filtered)) == filtered


@pytest.mark.parametrize(
    ("logic", "text"),
    [
        ("AND", "{0} AND {1} AND {2}"),
        ("or", "{0} OR {1} OR {2}"),
        ("1 AND (2 OR 3)", "{0} AND ({1} OR {2})"),
        ("(3 or 1) and (not 2)", "({2} OR {0}) AND (NOT {1})"),
        ("NOT (1 AND 2 AND 3)", "NOT ({0} AND {1} AND {2})"),
    ],
)
def test_logic_joins_the_rows_and_the_condition_gives_it_back(logic: str, text: str) -> None:
    rows = ["Status = 'Open'", "Owner.Id IN ({USER.ID})", "CreatedDate >= LAST_N_DAYS:7"]
    written = write_filter(SimpleFilter(THREE, logic))
    assert written == text.replace("{0}", rows[0]).replace("{1}", rows[1]).replace("{2}", rows[2])
    assert parse_condition(write_filter(read_filter(written))) == parse_condition(written)


@pytest.mark.parametrize(
    ("logic", "column", "sentence"),
    [
        ("1 AND 2 OR 3", 9, "AND and OR need parentheses between them."),
        ("1 AND (2 OR 3", 7, "This parenthesis is not closed."),
        ("1 AND 2) OR 3", 8, "A parenthesis is closed that was not opened."),
        ("1 AND 4", 7, "There is no row 4; there are 3."),
        ("0 OR 1", 1, "There is no row 0; there are 3."),
        ("1 AND 2", 8, "Row 3 is not used."),
        ("1 2 3", 3, "AND or OR belongs here."),
        ("1 AND", 6, "The number of a row belongs here, not the end."),
        ("NOT 1 AND 2 AND 3", 1, "NOT needs parentheses around it and what it denies."),
        ("1; DELETE", 2, "Only numbers of rows, AND, OR, NOT and parentheses belong here."),
        ("(" * 50 + "1", 21, "Parentheses may go 20 deep."),
    ],
)
def test_wrong_logic_is_refused_with_its_place(logic: str, column: int, sentence: str) -> None:
    with pytest.raises(BadFilter) as bad:
        write_filter(SimpleFilter(THREE, logic))
    assert (bad.value.column, bad.value.sentence) == (column, sentence)


@pytest.mark.parametrize(
    "row",
    [
        FilterRow("Status", Operator.EQUALS, ValueType.NUMBER, ("1 OR Id != null",)),
        FilterRow("Status", Operator.EQUALS, ValueType.TOKEN, ("{USER.ID}) OR (Id != null",)),
        FilterRow("Status", Operator.EQUALS, ValueType.TOKEN, (":bound",)),
        FilterRow("Status", Operator.EQUALS, ValueType.DATE, ("2026-02-30",)),
        FilterRow("Status", Operator.EQUALS, ValueType.BOOLEAN, ("null",)),
        FilterRow("Status = 'x' OR Id", Operator.EQUALS, ValueType.TEXT, ("x",)),
        FilterRow("Status", Operator.EQUALS, ValueType.TEXT, ("x", "y")),
        FilterRow("Status", Operator.IN, ValueType.TEXT, ()),
        FilterRow("Status", Operator.IS_NULL, ValueType.TEXT, ("x",)),
        FilterRow("Status", Operator.EQUALS, ValueType.TEXT, ("\x00",)),
    ],
)
def test_a_row_says_one_thing_only(row: FilterRow) -> None:
    with pytest.raises(BadFilter) as bad:
        write_filter(SimpleFilter((OPEN, row)))
    assert bad.value.row == 2


def test_a_quote_in_a_value_stays_in_it() -> None:
    row = FilterRow("Name", Operator.LIKE, ValueType.TEXT, ("%' OR Id != null OR Name LIKE '\\",))
    assert read_filter(write_filter(SimpleFilter((row,)))).rows == (row,)


@pytest.mark.parametrize(
    "text",
    [
        "Id IN (SELECT Id FROM Account)",
        "CALENDAR_YEAR(CreatedDate) = 2026",
        "Amount = USD5",
        "Name IN ('a', null)",
        "Name = :given",
    ],
)
def test_what_is_not_simple_is_edited_as_text(text: str) -> None:
    with pytest.raises(BadFilter, match="edit it as text"):
        read_filter(text)
