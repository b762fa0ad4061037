"""The grammar: what may be written, what may not, and that every refusal says where and why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fieldsync.soql import SoqlError, escape, parse, parse_condition
from fieldsync.soql.nodes import (
    And,
    Bind,
    Call,
    Comparison,
    Currency,
    DateLiteral,
    Moment,
    Not,
    Number,
    Or,
    Path,
    Query,
    Text,
    TypeOf,
)


def value(text: str) -> object:
    """The value of `Field = text`."""
    found = parse_condition(f"Field = {text}")
    assert isinstance(found, Comparison)
    assert isinstance(found.right, tuple)
    return found.right[0]


def test_a_query_has_all_its_clauses() -> None:
    query = parse(
        "SELECT a.Id, COUNT(Name) n FROM Account a, a.Owner o USING SCOPE mine WHERE Name = 'x' WITH USER_MODE"
        " GROUP BY ROLLUP(Id) HAVING COUNT(Name) > 1 ORDER BY COUNT(Name) DESC NULLS LAST, Id LIMIT 5 OFFSET :skip"
        " FOR VIEW FOR REFERENCE UPDATE TRACKING, VIEWSTAT ALL ROWS"
    )
    assert [s.alias for s in query.sources] == ["a", "o"]
    assert (query.scope, query.mode, query.all_rows) == ("mine", "USER_MODE", True)
    assert query.group is not None
    assert (query.group.kind, query.group.expressions) == ("ROLLUP", (Path(("Id",)),))
    assert [(o.descending, o.nulls_last) for o in query.order] == [(True, True), (False, False)]
    assert (query.limit, query.offset) == (Number(5), Bind("skip", token=False))
    assert query.usage == ("VIEW", "REFERENCE", "TRACKING", "VIEWSTAT")


def test_keywords_are_names_where_nothing_else_is_meant() -> None:
    query = parse("SELECT Data, Count, Group, Order.Case, Scope, End, Offset o FROM Group WHERE View = 1 AND At = 2")
    assert str(query.sources[0].path) == "Group"
    assert len(query.items) == 7


def test_typeof_names_fields_for_each_kind_of_record() -> None:
    (found,) = parse("SELECT TYPEOF What WHEN Account THEN Phone, Name ELSE Id END FROM Event").items
    assert isinstance(found, TypeOf)
    assert found.cases == (("Account", (Path(("Phone",)), Path(("Name",)))),)
    assert found.otherwise == (Path(("Id",)),)


def test_and_or_and_not_take_their_parentheses_as_written() -> None:
    found = parse_condition("a = 1 AND (b = 2 OR (NOT c = 3))")
    assert isinstance(found, And)
    assert isinstance(found.parts[1], Or)
    assert isinstance(found.parts[1].parts[1], Not)


@pytest.mark.parametrize(
    "text", ["a = 1 AND b = 2 OR c = 3", "NOT a = 1 AND b = 2", "a = 1 AND NOT b = 2", "NOT NOT a = 1", "a = b", "a = "]
)
def test_what_would_be_ambiguous_is_refused(text: str) -> None:
    with pytest.raises(SoqlError):
        parse_condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT() c FROM Account",
        "SELECT COUNT(), Id FROM Account",
        "SELECT SUM() FROM Account",
        "SELECT Id FROM Account -- comment",
        "SELECT Id FROM Account /* comment */",
        "SELECT Id FROM Account LIMIT 1.5",
        "SELECT Id FROM Account LIMIT -1",
        "SELECT Id FROM Account WHERE Name IN ()",
        'SELECT Id FROM Account WHERE Name = "x"',
        "SELECT Id FROM Account;",
        "SELECT Id FROM Account WHERE Name = 'a\\xb'",
        "SELECT Id FROM Account WHERE Day = 2026-02-30",
        "SELECT Id FROM Account WHERE Day = 9999-01-01",
        "SELECT Id FROM Account WHERE Name = '\\u0000'",
        "SELECT Id FROM Account WHERE Name = '\\ud800'",
        "",
        "'",
        "(",
    ],
)
def test_what_the_language_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(SoqlError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "sentence"),
    [
        ("SELECT Id\nFROM Account\nWHERE Name ~ 'x'", 3, 12, "~ cannot stand here"),
        ("SELECT Id FROM Account WHERE Name = 'x", 1, 37, "This text has no closing quote."),
        ("SELECT Id FROM Account WHERE", 1, 29, "The query ends where"),
        ("SELECT Id FROM Account LIMIT x", 1, 30, "x cannot stand here"),
        ("SELECT Id\n  FROM Account WHERE Day = 2026-13-01", 2, 28, "2026-13-01 is no date"),
    ],
)
def test_a_refusal_names_line_column_and_one_sentence(text: str, line: int, column: int, sentence: str) -> None:
    with pytest.raises(SoqlError) as refused:
        parse(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert refused.value.sentence.startswith(sentence)
    assert refused.value.sentence.endswith(".")


def test_values_are_what_they_say() -> None:
    assert value("'it\\'s\\n\\u00e9'") == Text("it's\né")
    assert value("-1.50") == Number(Decimal("-1.50"))
    assert value("usd5000") == Currency("USD", 5000)
    assert value("last_n_days:7") == DateLiteral("LAST_N_DAYS", 7)
    assert value("2026-03-09") == Moment(date(2026, 3, 9))
    assert value("2026-03-09T23:30:00.000-04:00") == Moment(datetime(2026, 3, 10, 3, 30, tzinfo=UTC))


def test_both_notations_of_a_token_have_one_name() -> None:
    assert value("{USER.ID}") == value("@@USER_ID@@") == Bind("USER_ID", token=True)
    assert value(":who.id") == Bind("who.id", token=False)
    assert value(": rows[0].get('x')") == Bind("rows[0].get('x')", token=False)
    assert value(":new Map<Id, SObject>(rows).keySet()") == Bind("new Map<Id, SObject>(rows).keySet()", token=False)


def test_the_signs_of_like_keep_their_backslash() -> None:
    assert value(r"'a\%b\_c\\d'") == Text(r"a\%b\_c\d")


def test_binds_are_refused_where_the_caller_has_none() -> None:
    with pytest.raises(SoqlError):
        parse("SELECT Id FROM Account WHERE Id = :x", binds=False)


def test_a_child_subquery_is_a_query() -> None:
    (child, count) = parse("SELECT (SELECT Id FROM Contacts WHERE Age > 1), MAX(Age) FROM Account").items
    assert isinstance(child, Query)
    assert not isinstance(count, Query | TypeOf)
    assert count.expression == Call("MAX", (Path(("Age",)),))


@pytest.mark.parametrize("text", ["it's", "a\\b", "x\ny", "\\", "'", "a\\'b"])
def test_an_escaped_text_is_a_text(text: str) -> None:
    assert isinstance(value(f"'{escape(text)}'"), Text)
