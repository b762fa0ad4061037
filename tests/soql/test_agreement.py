"""The law of two back-ends: whatever condition is asked, PostgreSQL and SQLite select the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tests.soql.lab import (
    AMOUNTS,
    CATALOG,
    DATES,
    MOMENTS,
    RATES,
    TEXTS,
    TIMES,
    WHOLES,
    ZONES,
    Both,
    context,
)

from fieldsync.soql import bind_condition
from fieldsync.soql.errors import START
from fieldsync.soql.nodes import (
    And,
    Bind,
    Boolean,
    Call,
    Comparison,
    Condition,
    DateLiteral,
    Distance,
    Expression,
    Item,
    Moment,
    Not,
    Null,
    Number,
    Or,
    Path,
    Query,
    Source,
    Text,
    Value,
)

ORDERED = ("=", "!=", "<", "<=", ">", ">=")
LISTED = ("IN", "NOT IN")
LITERALS = (
    "YESTERDAY", "TODAY", "TOMORROW", "LAST_WEEK", "THIS_WEEK", "NEXT_WEEK", "LAST_MONTH", "THIS_MONTH", "LAST_90_DAYS",
    "NEXT_90_DAYS", "THIS_QUARTER", "LAST_YEAR", "THIS_YEAR", "THIS_FISCAL_QUARTER", "LAST_FISCAL_YEAR",
)  # fmt: skip
COUNTED = ("LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO", "LAST_N_WEEKS", "LAST_N_MONTHS", "N_FISCAL_YEARS_AGO")
PARTS = (
    "CALENDAR_YEAR", "CALENDAR_QUARTER", "CALENDAR_MONTH", "DAY_IN_MONTH", "DAY_IN_WEEK", "DAY_IN_YEAR",
    "WEEK_IN_MONTH", "WEEK_IN_YEAR", "FISCAL_YEAR", "FISCAL_QUARTER", "FISCAL_MONTH",
)  # fmt: skip


def present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


texts = st.sampled_from([Text(v) for v in present(TEXTS)]) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4
).map(Text)
patterns = st.text(st.sampled_from("aAbÄßiİσΣ%_\\ "), max_size=6).map(Text)
wholes = st.sampled_from([Number(v) for v in present(WHOLES)]) | st.integers(-(10**20), 10**20).map(Number)
amounts = st.sampled_from([Number(v) for v in present(RATES) + present(AMOUNTS)]) | st.decimals(
    -(10**12), 10**12, places=7
).map(Number)
dates = st.sampled_from([Moment(date.fromisoformat(v)) for v in present(DATES)])
moments = st.sampled_from([Moment(datetime.fromisoformat(v)) for v in present(MOMENTS)])
times = st.sampled_from([Moment(time.fromisoformat(v)) for v in present(TIMES)])
literals = st.sampled_from([DateLiteral(n, None) for n in LITERALS]) | st.builds(
    DateLiteral, st.sampled_from(COUNTED), st.integers(0, 70)
)
tags = st.lists(st.sampled_from(["red", "RED", "green", "blue", "other", " "]), max_size=3).map(
    lambda chosen: Text(";".join(chosen))
)


def compared(left: Expression, values: SearchStrategy[Any]) -> SearchStrategy[Condition]:
    """A field compared with one value, null, or a list of values."""
    nullable: SearchStrategy[Value] = values | st.just(Null())
    one = st.tuples(st.sampled_from(ORDERED), st.tuples(nullable))
    many = st.tuples(st.sampled_from(LISTED), st.lists(nullable, min_size=1, max_size=4).map(tuple))
    return (one | many).map(lambda found: Comparison(left, found[0], found[1]))


def liked(left: Expression) -> SearchStrategy[Condition]:
    return patterns.map(lambda pattern: Comparison(left, "LIKE", (pattern,)))


def fields(*names: str) -> SearchStrategy[Path]:
    return st.sampled_from([Path(tuple(name.split("."))) for name in names])


def parts_of(name: str, *, zoned: bool) -> SearchStrategy[Condition]:
    inner: Expression = Path((name,))
    of = Call("CONVERTTIMEZONE", (inner,)) if zoned else inner
    numbers = st.integers(0, 13) | st.sampled_from([2025, 2026, 60, 68])
    return st.sampled_from(PARTS).flatmap(lambda part: compared(Call(part, (of,)), numbers.map(Number)))


NEAR = Distance(Path(("Place__c",)), (Number(Decimal("37.5")), Number(-122)), "km")
leaves: SearchStrategy[Condition] = st.one_of(
    fields("Name", "Code__c", "Industry", "Parent.Name", "Territory.Region").flatmap(lambda f: compared(f, texts)),
    fields("Name", "Code__c", "Industry", "Parent.Parent.Code__c").flatmap(liked),
    fields("Employees", "Parent.Employees").flatmap(lambda f: compared(f, wholes)),
    fields("Rate", "Revenue", "Parent.Revenue", "Employees").flatmap(lambda f: compared(f, amounts)),
    compared(Path(("Active",)), st.booleans().map(Boolean)),
    fields("Founded", "Parent.Founded").flatmap(lambda f: compared(f, dates | literals)),
    fields("Seen", "Parent.Seen").flatmap(lambda f: compared(f, moments | literals)),
    compared(Path(("Opens",)), times),
    compared(Path(("TerritoryId",)), st.sampled_from(["0MI1", "0mi1", "", "0MI9"]).map(Text)),
    st.tuples(st.sampled_from(["INCLUDES", "EXCLUDES"]), st.lists(tags, min_size=1, max_size=3)).map(
        lambda found: Comparison(Path(("Tags",)), found[0], tuple(found[1]))
    ),
    st.tuples(st.sampled_from(["=", "!="]), tags).map(lambda found: Comparison(Path(("Tags",)), found[0], (found[1],))),
    parts_of("Founded", zoned=False),
    parts_of("Seen", zoned=False),
    parts_of("Seen", zoned=True),
    compared(NEAR, st.sampled_from([0, 1, 48, 13_000]).map(Number)),
)


PARENT = Path(("ParentId",))


def semi_join(operator: str, where: Condition) -> Condition:
    return Comparison(PARENT, operator, Query((Item(PARENT, None),), (Source(Path(("Account",)), None),), where=where))


def joined(inner: SearchStrategy[Condition]) -> SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    semi = st.builds(semi_join, st.sampled_from(LISTED), inner)
    return several.map(And) | several.map(Or) | inner.map(Not) | semi


conditions = st.recursive(leaves, joined, max_leaves=6)


def accounts(where: Condition, order: tuple[Any, ...] = ()) -> Query:
    return Query((Item(Path(("Id",)), None),), (Source(Path(("Account",)), None),), where=where, order=order)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(conditions, st.sampled_from(ZONES), st.sampled_from([1, 4]))
def test_both_select_the_same_rows(both: Both, where: Condition, zone: str, month: int) -> None:
    both.bound(accounts(where).bind(CATALOG), context(zone, fiscal_start_month=month))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(conditions, st.sampled_from(ZONES))
def test_a_condition_and_its_negation_share_the_rows_out(both: Both, where: Condition, zone: str) -> None:
    every = both.bound(accounts(Not(Comparison(Path(("Id",)), "=", (Null(),)))).bind(CATALOG), context(zone))
    held = both.bound(accounts(where).bind(CATALOG), context(zone))
    others = both.bound(accounts(Not(where, START)).bind(CATALOG), context(zone))
    assert sorted(held + others, key=repr) == every


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from(["=", "!=", "IN", "NOT IN"]), st.lists(st.sampled_from(present(TEXTS)) | st.none(), max_size=5))
def test_a_bound_list_means_each_of_its_values(both: Both, operator: str, values: list[str | None]) -> None:
    where = Comparison(Path(("Name",)), operator, (Bind("names", token=False),))
    found = both.bound(accounts(where).bind(CATALOG), context(values={"names": values}))
    plain: tuple[Value, ...] = tuple(Null() if v is None else Text(v) for v in values)
    inside = "IN" if operator in ("=", "IN") else "NOT IN"
    assert found == both.bound(accounts(Comparison(Path(("Name",)), inside, plain)).bind(CATALOG), context())


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(conditions, st.sampled_from(ZONES))
def test_a_rule_selects_what_the_query_selects(both: Both, where: Condition, zone: str) -> None:
    rule = bind_condition(where, CATALOG, "Account")
    found = both.bound(accounts(where).bind(CATALOG), context(zone))
    assert both.held(rule, context(zone)) == sorted(record["Id"] for record in found)
