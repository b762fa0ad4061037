"""Binding: what a catalog refuses, where, and what a condition says it reads."""

from __future__ import annotations

import pytest
from tests.soql.lab import CATALOG

from fieldsync.soql import SoqlError, bind_condition, parse, parse_condition
from fieldsync.soql.bound import BoundCondition


def bound(text: str, tokens: set[str] | None = None) -> BoundCondition:
    return bind_condition(parse_condition(text), CATALOG, "Account", tokens=tokens)


@pytest.mark.parametrize(
    ("text", "column", "sentence"),
    [
        ("SELECT Id FROM Nothing", 16, "There is no object Nothing."),
        ("SELECT Id, Nothing FROM Account", 12, "Account has no field Nothing."),
        ("SELECT Nobody.Name FROM Account", 8, "Account has no relationship Nobody."),
        ("SELECT (SELECT Id FROM Nobodies) FROM Account", 24, "Account has no child records Nobodies."),
        ("SELECT Id FROM Account WHERE Founded = :x BIND x = TODAY", 52, "BIND gives a variable a plain value."),
        ("SELECT Id FROM Account USING SCOPE team", 1, "There is no scope team; mine and everything are known."),
        ("SELECT Id FROM Account WITH DATA CATEGORY A__c AT b__c", 1, "There are no data categories here."),
        ("SELECT Id FROM Account WHERE Name = 5", 37, "This takes a text between quotes, not a number."),
        ("SELECT Id FROM Account WHERE Employees = '5'", 42, "This takes a number without quotes, not a text."),
        ("SELECT Id FROM Account WHERE Active = 'true'", 39, "This takes true or false, not a text."),
        ("SELECT Id FROM Account WHERE Employees = USD5", 42, "This takes a number without quotes, not a currency."),
        ("SELECT Id FROM Account WHERE Notes = 'x'", 30, "Notes cannot be filtered: it is a long text."),
        ("SELECT Id FROM Account WHERE Photo != null", 30, "Photo cannot be filtered: it is a file."),
        ("SELECT Id FROM Account WHERE Tags > 'a'", 30, "> is not allowed for Tags, a multi-select picklist."),
        ("SELECT Id FROM Account WHERE Name INCLUDES ('a')", 30, "INCLUDES is not allowed for Name, a text."),
        ("SELECT Id FROM Account WHERE Id LIKE 'a%'", 30, "LIKE is not allowed for Id, a id."),
        ("SELECT Id FROM Account WHERE COUNT(Id) > 1", 1, "An aggregate function stands in HAVING, not in WHERE."),
        ("SELECT Name, COUNT(Id) FROM Account", 1, "Name must be grouped by, or stand in an aggregate function."),
        (
            "SELECT Name FROM Account GROUP BY Industry",
            1,
            "Name must be grouped by, or stand in an aggregate function.",
        ),
        ("SELECT COUNT(Id) FROM Account GROUP BY Notes", 40, "Rows cannot be grouped by this."),
        ("SELECT Id FROM Account ORDER BY Notes", 33, "Rows cannot be sorted by a long text."),
        ("SELECT SUM(Name) FROM Account", 8, "SUM does not take a text."),
        ("SELECT NOPE(Name) FROM Account", 8, "There is no function NOPE."),
        ("SELECT CALENDAR_YEAR(Name) FROM Account", 8, "CALENDAR_YEAR does not take a text."),
        ("SELECT convertTimezone(Seen) FROM Account", 8, "convertTimezone stands only inside a date function."),
        (
            "SELECT Id FROM Account WHERE Name IN (SELECT Id FROM Contact)",
            30,
            "Only an id or a reference can be looked",
        ),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Age FROM Contact)", 44, "The subquery must select an id or a ref"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact LIMIT 1)", 37, "A subquery after IN has only"),
        ("SELECT Id, DISTANCE(Place__c, GEOLOCATION(91, 0), 'mi') FROM Account", 43, "This coordinate goes from -90"),
        ("SELECT Id, DISTANCE(Place__c, GEOLOCATION(1, 0), 'yd') FROM Account", 12, "The unit of a distance is"),
        ("SELECT Id, DISTANCE(Name, GEOLOCATION(1, 0), 'mi') FROM Account", 21, "Name is not a location."),
        ("SELECT FIELDS(SOME) FROM Account", 8, "FIELDS takes ALL, STANDARD or CUSTOM"),
        ("SELECT Id, b.Name FROM Account a", 12, "Account has no relationship b."),
        ("SELECT Id FROM Account a, b.Owner o", 27, "b is no alias of this query."),
    ],
)
def test_what_does_not_fit_the_catalog_is_refused_with_its_place(text: str, column: int, sentence: str) -> None:
    with pytest.raises(SoqlError) as refused:
        parse(text).bind(CATALOG)
    assert refused.value.sentence.startswith(sentence)
    assert refused.value.column == column


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Founded = 2026-03-09T00:00:00Z", "date like"),
        ("Seen = 2026-03-09", "date and time like"),
        ("Opens = TODAY", "time like"),
        ("Opens = 2026-03-09", "time like"),
    ],
)
def test_a_date_a_time_and_both_are_three_kinds(text: str, expected: str) -> None:
    with pytest.raises(SoqlError, match=expected):
        bound(text)


def test_names_are_found_in_either_case_and_told_as_the_catalog_writes_them() -> None:
    found = parse("SELECT NAME, parent.INDUSTRY FROM ACCOUNT").bind(CATALOG)
    assert found.object == "Account"
    assert [o.keys for o in found.outputs] == [("Name",), ("Parent", "Industry")]


def test_a_condition_tells_every_field_its_truth_depends_on() -> None:
    found = bound(
        "Parent.Territory.Region = 'North' AND Id IN (SELECT AccountId FROM Contact WHERE Owner.Name = 'x')"
        " AND CALENDAR_YEAR(Founded) = 2026 AND DISTANCE(Place__c, GEOLOCATION(1, 2), 'km') < 5"
    )
    assert found.reads == {
        ("Account", "ParentId"),
        ("Account", "TerritoryId"),
        ("Territory", "Region"),
        ("Account", "Id"),
        ("Contact", "AccountId"),
        ("Contact", "OwnerId"),
        ("User", "Name"),
        ("Account", "Founded"),
        ("Account", "Place__c"),
    }


def test_a_query_reads_what_its_children_and_their_link_read() -> None:
    found = parse("SELECT Name, (SELECT Age FROM Contacts) FROM Account ORDER BY Code__c").bind(CATALOG)
    assert found.reads == {
        ("Account", "Name"),
        ("Account", "Code__c"),
        ("Contact", "Age"),
        ("Contact", "AccountId"),
    }


def test_the_same_relationship_is_walked_once() -> None:
    found = bound("Parent.Name = 'a' AND (Parent.Code__c = 'b' OR Parent.Parent.Name = 'c')")
    assert len(found.joins) == 2


def test_texts_hold_tokens_only_where_tokens_are_given() -> None:
    bound("Name = '{NO.SUCH}' OR Name LIKE '%@@NOPE@@%'")
    bound("Name = '{USER.ID}' OR Name LIKE '%@@USER_ID@@%' OR Id IN ({ACCOUNT.IDS})", {"USER_ID", "ACCOUNT_IDS"})


@pytest.mark.parametrize("text", ["Name = '@@NOPE@@'", "Name = {NO.PE}", "Name LIKE '%{NO.PE}%'", "Id IN (@@NOPE@@)"])
def test_an_unknown_token_is_refused(text: str) -> None:
    with pytest.raises(SoqlError, match="There is no token"):
        bound(text, {"USER_ID"})


def test_no_condition_holds_for_every_row() -> None:
    assert bind_condition(None, CATALOG, "account") == BoundCondition("Account", (), None, frozenset())


def test_an_alias_never_hides_a_field_and_cannot_name_itself() -> None:
    found = parse("SELECT MAX(Age) Name, MIN(Name) Age FROM Contact")
    assert len(found.bind(CATALOG).outputs) == 2
    with pytest.raises(SoqlError):
        parse("SELECT MAX(b) a, MAX(a) b FROM Contact").bind(CATALOG)
