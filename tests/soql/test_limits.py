"""A hostile query is refused, or runs in bounded time; nothing hangs and nothing overflows."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.soql.lab import CATALOG, Both, context

from fieldsync.soql import SoqlError, bind_condition, limits, parse, parse_condition
from fieldsync.soql.sql.statement import query as postgres_query
from fieldsync.soql.sqlite.statement import condition as sqlite_condition
from fieldsync.soql.sqlite.statement import query as sqlite_query

SECONDS_MAX = 10.0


def where(condition: str) -> str:
    return f"SELECT Id FROM Account WHERE {condition}"


HOSTILE = {
    "too long": where("Name = '" + "x" * limits.TEXT_CHARS_MAX + "'"),
    "parentheses": where("(" * 20_000 + "Name = 'a'" + ")" * 20_000),
    "open parentheses": where("(" * 49_000),
    "functions": "SELECT " + "FORMAT(" * 9_000 + "Name" + ")" * 9_000 + " FROM Account",
    "values": where("Name IN (" + "'a'," * limits.LIST_VALUES_MAX + "'a')"),
    "comparisons": where(" OR ".join(["Name='a'"] * (limits.CONDITIONS_MAX + 1))),
    "subqueries": where(" AND ".join(["Id IN (SELECT AccountId FROM Contact)"] * (limits.SUBQUERIES_MAX + 1))),
    "deep subqueries": where("Id IN (SELECT ParentId FROM Account WHERE " * 4 + "Id = 'a'" + ")" * 4),
    "hops": f"SELECT {'Parent.' * 6}Name FROM Account",
    "selected": "SELECT " + ",".join(["Id"] * (limits.SELECT_ITEMS_MAX + 1)) + " FROM Account",
    "wildcards": where("Name LIKE '" + "%a" * (limits.LIKE_WILDCARDS_MAX + 1) + "'"),
    "pattern": where("Name LIKE '" + "a" * (limits.LIKE_CHARS_MAX + 1) + "'"),
    "limit": "SELECT Id FROM Account LIMIT 99999999999999999999",
    "rollup": "SELECT COUNT(Id) FROM Account GROUP BY CUBE(Name, Industry, Active, Code__c)",
    "periods": where("Founded = LAST_N_DAYS:99999999999999999999"),
    "digits": where("Employees = " + "9" * 5_000),
    "quotes": where("Name = " + "'" * 49_999),
    "backslashes": where("Name = '" + "\\" * 49_999),
    "commas": "SELECT " + "," * 90_000,
    "binds": where("Name = " + ":" * 90_000),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_too_much_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(SoqlError):
        postgres_query(parse(text).bind(CATALOG), CATALOG, context())
    with pytest.raises(SoqlError):
        sqlite_query(parse(text).bind(CATALOG), context())
    assert time.perf_counter() - started < SECONDS_MAX


@pytest.mark.parametrize("text", ["Name LIKE :many", "Tags INCLUDES :many", "Tags EXCLUDES :many"])
def test_a_list_that_costs_a_comparison_each_is_short(text: str) -> None:
    bound = parse(where(text)).bind(CATALOG)
    with pytest.raises(SoqlError, match="takes 500 values"):
        sqlite_query(bound, context(values={"many": ["a"] * 501}))


def test_tokens_with_many_values_do_not_multiply_without_end() -> None:
    rule = bind_condition(parse_condition("Name LIKE '{A.B}{A.B}{A.B}{A.B}'"), CATALOG, "Account", tokens={"A_B"})
    started = time.perf_counter()
    with pytest.raises(SoqlError, match="may make 500 texts"):
        sqlite_condition(rule, context(values={"A_B": ["a"] * 50_000}), alias="a")
    assert time.perf_counter() - started < SECONDS_MAX


def test_a_bound_list_has_a_limit(both: Both) -> None:
    text = where("Id IN :many")
    assert both.query(text, context(values={"many": ["001000"] * limits.BIND_VALUES_MAX})) == [{"Id": "001000"}]
    with pytest.raises(SoqlError, match="may bring"):
        both.query(text, context(values={"many": ["001000"] * (limits.BIND_VALUES_MAX + 1)}))


def alternating(depth: int) -> str:
    text = "Name = 'a'"
    for level in range(depth):
        text = f"(NOT (Name = '{level}' OR {text}))" if level % 2 else f"(Code__c = '{level}' AND {text})"
    return text


LARGEST = {
    "nesting": where(alternating(33)),
    "comparisons": where(" OR ".join(["Name='a'"] * limits.CONDITIONS_MAX)),
    "values": where("Name IN (" + ",".join(f"'{n}'" for n in range(limits.LIST_VALUES_MAX)) + ")"),
    "wildcards": where("Name LIKE '" + "%a" * limits.LIKE_WILDCARDS_MAX + "'"),
    "cube": "SELECT COUNT(Id) FROM Account GROUP BY CUBE(Name, Industry, Active)",
    "subqueries": where(" AND ".join(["Id NOT IN (SELECT AccountId FROM Contact)"] * limits.SUBQUERIES_MAX)),
}


@pytest.mark.parametrize("text", LARGEST.values(), ids=LARGEST)
def test_what_is_allowed_runs(both: Both, text: str) -> None:
    started = time.perf_counter()
    both.query(text)
    assert time.perf_counter() - started < SECONDS_MAX


WORDS = ("SELECT", "FROM", "WHERE", "(", ")", ",", "'", "Id", "=", ":x", "NOT", "AND", "1", "{A.B}", "@@C@@", "COUNT()")


def refusal(text: str) -> SoqlError | None:
    """Why a text is neither query nor condition."""
    with suppress(SoqlError):
        parse(text)
    try:
        parse_condition(text)
    except SoqlError as refused:
        return refused
    return None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    refused = refusal(text)
    assert refused is None or (refused.sentence and refused.line >= 1 and refused.column >= 1)


def test_a_device_needs_no_sqlalchemy() -> None:
    code = "import sys, fieldsync.soql.sqlite.statement, fieldsync.soql; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
