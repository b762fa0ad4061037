"""What the platform means: one example a rule, on both databases at once (`Both.query` compares them)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.soql.lab import CATALOG, Both, accounts, context

from fieldsync.soql import SoqlError, bind_condition, parse, parse_condition
from fieldsync.soql.bound import BoundCondition
from fieldsync.soql.compile.statement import run, run_async
from fieldsync.soql.sql.statement import condition as postgres_condition
from fieldsync.soql.sql.statement import selection
from fieldsync.soql.sql.writer import PostgresWriter
from fieldsync.soql.sqlite.statement import query as sqlite_query
from fieldsync.soql.sqlite.text import Sql
from fieldsync.soql.values import fold

ROWS = [row for row in accounts() if not row["IsDeleted"]]


def ids_where(name: str, *values: object) -> list[str]:
    """Ids of the rows that have one of these values, as Python sees it."""
    return [row["Id"] for row in ROWS if row[name] in values]


def test_texts_compare_without_case_also_beyond_ascii(both: Both) -> None:
    assert both.ids("Name = 'A'") == ids_where("Name", "a", "A")
    assert both.ids("Name = 'ä'") == ids_where("Name", "Ä", "ä")
    assert both.ids("Name IN ('ΟΔΟσ', 'A')") == ids_where("Name", "ΟΔΟΣ", "a", "A")


def test_ids_compare_with_case(both: Both) -> None:
    assert both.ids("TerritoryId = '0mi1'") == []
    assert both.ids("TerritoryId = '0MI1'") == ids_where("TerritoryId", "0MI1")


def test_null_and_empty_text_are_one(both: Both) -> None:
    empty = ids_where("Name", None, "")
    assert both.ids("Name = null") == both.ids("Name = ''") == both.ids("Name IN ('', 'never')") == empty
    assert len(both.ids("Name != null")) == len(ROWS) - len(empty)


def test_not_equal_and_not_in_hold_for_null(both: Both) -> None:
    assert set(ids_where("Name", None, "")) <= set(both.ids("Name != 'a'")) == set(both.ids("Name NOT IN ('a')"))
    assert not set(ids_where("Name", None, "")) & set(both.ids("Name NOT IN ('a', null)"))


def test_smaller_and_greater_never_hold_for_null(both: Both) -> None:
    assert both.ids("Employees < null") == both.ids("Name > ''") == []
    both_ways = both.ids("Name < 'm' OR Name >= 'm'")
    assert not set(ids_where("Name", None, "")) & set(both_ways)


def test_like_knows_two_wildcards_and_the_backslash(both: Both) -> None:
    assert both.ids("Name LIKE 'A_B'") == ids_where("Name", "a%b", "a_b", "a\\b", "a b", "aXb")
    assert both.ids(r"Name LIKE 'a\_b'") == ids_where("Name", "a_b")
    assert both.ids(r"Name LIKE '\%'") == ids_where("Name", "%")
    assert both.ids(r"Name LIKE 'a\\\\b'") == ids_where("Name", "a\\b")
    assert not set(both.ids("Name LIKE '%'")) & set(ids_where("Name", None, ""))


def test_a_list_picklist_is_asked_for_all_of_a_group_or_one_of_several(both: Both) -> None:
    assert both.ids("Tags INCLUDES ('RED;green')") == ids_where("Tags", "red;Green", "red;Green;blue")
    assert both.ids("Tags INCLUDES ('blue', 'other')") == ids_where("Tags", "red;Green;blue", "Green;blue", "other")
    assert both.ids("Tags EXCLUDES ('red')") == ids_where("Tags", "Green", "Green;blue", "other")
    assert both.ids("Tags = 'green;red'") == ids_where("Tags", "red;Green")


def test_numbers_keep_every_digit(both: Both) -> None:
    assert both.ids("Revenue > 123456789012.123456") == ids_where("Revenue", Decimal("123456789012.123457"))
    assert both.ids("Rate = 0.1") == ids_where("Rate", Decimal("0.100"))
    assert both.ids("Rate = 0.10000000000000000001") == []
    (total,) = both.query("SELECT SUM(Revenue) s FROM Account WHERE Revenue IN (0.1, 0.2)")
    tenths = sum(row["Revenue"] for row in ROWS if row["Revenue"] in (Decimal("0.1"), Decimal("0.2")))
    assert total == {"s": tenths}


def test_today_is_a_day_of_the_persons_zone(both: Both) -> None:
    assert both.ids("Founded = TODAY", context("America/New_York")) == ids_where("Founded", "2026-03-09")
    assert both.ids("Founded = TODAY", context("UTC")) == ids_where("Founded", "2026-03-10")
    of_that_day = ("2026-03-10T03:30:00+00:00", "2026-03-10T03:59:59+00:00", "2026-03-09T04:00:00+00:00")
    assert both.ids("Seen = TODAY", context("America/New_York")) == ids_where(
        "Seen", *of_that_day, "2026-03-09T11:00:00+00:00"
    )
    later = both.ids("Seen > TODAY", context("America/New_York"))
    assert later == ids_where("Seen", "2026-03-10T04:00:00+00:00", "2026-03-10T11:00:00+00:00")


def test_deleted_rows_are_out_unless_all_rows(both: Both) -> None:
    assert both.query("SELECT COUNT() FROM Account") == [{"expr0": len(ROWS)}]
    assert both.query("SELECT COUNT() FROM Account ALL ROWS") == [{"expr0": 120}]


def test_nulls_come_first_unless_asked_last(both: Both) -> None:
    for way in ("ASC", "DESC"):
        assert both.query(f"SELECT Employees FROM Account ORDER BY Employees {way}")[0] == {"Employees": None}
        last = both.query(f"SELECT Employees FROM Account ORDER BY Employees {way} NULLS LAST")[-1]
        assert last == {"Employees": None}


def test_a_missing_parent_is_null_as_a_whole(both: Both) -> None:
    (found,) = both.query("SELECT Parent.Name, Parent.Territory.Region FROM Account WHERE Id = '001000'")
    assert found == {"Parent": None}


def test_children_come_as_lists_limited_for_each_parent(both: Both) -> None:
    found = both.query("SELECT Id, (SELECT Age FROM Contacts ORDER BY Age DESC NULLS LAST LIMIT 1) FROM Account")
    assert {len(r["Contacts"]) for r in found if r["Contacts"]} == {1}
    assert any(r["Contacts"] is None for r in found)


def test_an_asynchronous_caller_gets_the_same_records(both: Both) -> None:
    import asyncio

    text = "SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id < '001010' ORDER BY Id"
    compiled = sqlite_query(parse(text).bind(CATALOG), context())

    async def execute(sql: Sql) -> list[tuple[object, ...]]:
        return both.sqlite.execute(sql.text, sql.values).fetchall()

    assert asyncio.run(run_async(compiled, execute)) == both.query(text)


def test_groups_ignore_case_and_sum_up(both: Both) -> None:
    found = both.query("SELECT Name, COUNT(Id) n FROM Account WHERE Name LIKE 'a' GROUP BY Name")
    assert found == [{"Name": "A", "n": len(ids_where("Name", "a", "A"))}]
    rolled = both.query("SELECT Active, COUNT(Id) n, GROUPING(Active) g FROM Account GROUP BY ROLLUP(Active)")
    assert {"Active": None, "n": len(ROWS), "g": 1} in rolled


def test_a_rule_with_tokens_takes_its_values_when_it_runs(both: Both) -> None:
    tokens = {"USER_TERRITORY", "ACCOUNT_IDS"}
    rule = bind_condition(
        parse_condition("Name LIKE '%{USER.TERRITORY}%' AND Id IN ({ACCOUNT.IDS})"), CATALOG, "Account", tokens=tokens
    )
    values = {"USER_TERRITORY": ["_", "%"], "ACCOUNT_IDS": [row["Id"] for row in ROWS]}
    assert both.held(rule, context(values=values)) == ids_where("Name", "a%b", "a_b", "%", "_")
    with pytest.raises(SoqlError, match="No value was given for"):
        both.held(rule, context())


def test_a_condition_over_relationships_stands_in_any_statement(both: Both) -> None:
    rule = bind_condition(parse_condition("Parent.Name = 'a' AND Territory.Region != 'x'"), CATALOG, "Account")
    parents = set(ids_where("Name", "a", "A")) | {r["Id"] for r in accounts() if r["Name"] in ("a", "A")}
    assert both.held(rule, context()) == [row["Id"] for row in ROWS if row["ParentId"] in parents]


def test_a_condition_judges_old_values_as_it_judges_rows(both: Both) -> None:
    import sqlalchemy as sa

    rule = bind_condition(parse_condition("Parent.Name = 'a' AND Territory.Region != 'x'"), CATALOG, "Account")
    now = PostgresWriter(CATALOG).row("Account", "a")
    columns = [sa.literal("001002").label(c.name) if c.name == "ParentId" else c for c in now.c]
    old = sa.select(*columns).where(now.c.Id == "001000").subquery("old")
    where = postgres_condition(rule, CATALOG, context(), row=old)
    assert both.postgres.scalars(sa.select(old.c.Id).where(where)).all() == ["001000"]
    assert "001000" not in both.held(rule, context())


def test_a_selection_is_what_the_condition_holds_for(both: Both) -> None:
    import sqlalchemy as sa

    text = "(Parent.Name = 'a' OR Territory.Region = 'north') AND Active = false"
    rule = bind_condition(parse_condition(text), CATALOG, "Account")
    chosen = selection(rule, CATALOG, context())
    ids = sa.select(chosen.row.c.Id).select_from(chosen.source).where(chosen.where).order_by(chosen.row.c.Id)
    assert both.postgres.scalars(ids).all() == both.ids(text) == both.held(rule, context())
    everything = selection(bind_condition(None, CATALOG, "Account"), CATALOG, context(restrict=restricted))
    count = sa.select(sa.func.count()).select_from(everything.source).where(everything.where)
    assert both.postgres.scalar(count) == len(ids_where("TerritoryId", "0MI1"))


def restricted(object_name: str) -> BoundCondition | None:
    """Only what hangs in the northern territory may be seen."""
    if object_name == "Account":
        return bind_condition(parse_condition("Territory.Region = 'North'"), CATALOG, object_name)
    return None


def test_a_restriction_is_added_wherever_the_object_is_read(both: Both) -> None:
    given = context(restrict=restricted)
    visible = set(ids_where("TerritoryId", "0MI1"))
    assert {r["Id"] for r in both.query("SELECT Id FROM Account", given)} == visible
    assert both.query("SELECT COUNT() FROM Account", given) == [{"expr0": len(visible)}]
    for row in both.query("SELECT Id, Parent.Id FROM Account", given):
        assert row["Parent"] is None or both.query(
            f"SELECT Territory.Region FROM Account WHERE Id = '{row['Parent']['Id']}' ALL ROWS"
        ) == [{"Territory": {"Region": "North"}}]
    children = both.query("SELECT (SELECT Id FROM Accounts) FROM Territory", given)
    assert sum(len(r["Accounts"] or ()) for r in children) == len(visible)
    asked = "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account)"
    assert len(both.query(asked, given)) < len(both.query(asked))


def test_formulas_are_computed_by_whoever_knows_them(both: Both) -> None:
    import sqlalchemy as sa

    from fieldsync.soql.sql.statement import query as on_postgres

    bound = parse("SELECT Id, Score__c FROM Account WHERE Score__c > 6 ORDER BY Id").bind(CATALOG)
    first = on_postgres(bound, CATALOG, context(), formulas=lambda row, _: row.c.Employees + sa.literal_column("0"))
    second = sqlite_query(bound, context(), formulas=lambda row, _: Sql(f'"{row.alias}"."Employees" + 0'))
    found = run(first, lambda statement: [tuple(row) for row in both.postgres.execute(statement)])
    assert found == run(second, lambda sql: both.sqlite.execute(sql.text, sql.values).fetchall())
    assert [r["Id"] for r in found] == ids_where("Employees", 7, 10, 99999999)
    with pytest.raises(SoqlError, match="is a formula, which cannot be asked for here"):
        sqlite_query(bound, context())


def test_the_scope_mine_is_what_the_user_owns(both: Both) -> None:
    text = "SELECT Id FROM Account USING SCOPE mine WHERE Name != 'x'"
    assert both.query(text, context(values={"USER_ID": "005"})) == []
    assert len(both.query(text, context(values={"USER_ID": None}))) == len(ROWS)


@pytest.mark.parametrize("value", ["\x00", "\ud800"])
def test_a_text_that_cannot_be_stored_is_refused(both: Both, value: str) -> None:
    with pytest.raises(SoqlError):
        both.ids("Name = :x", context(values={"x": value}))


@pytest.mark.parametrize("value", [Decimal("1e999999"), Decimal("1e-999999"), 10**99, Decimal("NaN")])
def test_a_number_beyond_any_field_is_refused(both: Both, value: object) -> None:
    with pytest.raises(SoqlError):
        both.ids("Revenue = :x", context(values={"x": value}))


@pytest.mark.parametrize("value", [5, True, 1.5, object()])
def test_a_bound_value_must_fit_its_field(value: object) -> None:
    bound = parse("SELECT Id FROM Account WHERE Name = :x").bind(CATALOG)
    with pytest.raises(SoqlError, match="This takes a text, not a"):
        sqlite_query(bound, context(values={"x": value}))


def test_folding_is_letter_by_letter() -> None:
    assert fold("İΟΔΟΣ") == "iοδοσ"
    assert fold("ẞ") == "ß"
