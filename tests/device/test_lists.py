"""List views and SOQL on a device: what filters, scopes and logic select, with formula fields as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.device.lab import Lab, catalog, rejected

from fieldsync.base.problems import Code, Refused
from fieldsync.device.store.objects import SORTED
from fieldsync.device.sync.account import keep_account, read_account
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.model import Field, FieldType, ListView, RollUpFilter
from fieldsync.soql.sqlite.functions import register
from fieldsync.soql.sqlite.letters import ALPHABETS, sorting, sorting_sql


def fields() -> tuple[Field, ...]:
    text, number = FieldType.TEXT, FieldType.NUMBER
    return (
        Field(name="Seen", type=FieldType.DATETIME),
        Field(name="Twice", type=FieldType.FORMULA, formula="Score * 2", formula_returns=number, scale=2),
        Field(name="Age", type=FieldType.FORMULA, formula="TODAY() - DATEVALUE(Seen)", formula_returns=number),
        Field(name="Above", type=FieldType.FORMULA, formula="Parent.City", formula_returns=text),
    )


def view(*filters: tuple[str, str, str | None], **more: Any) -> ListView:
    given = tuple(RollUpFilter(field=f, operator=o, value=v) for f, o, v in filters)
    return ListView(name="V", label="V", columns=("Name", "City", "ParentId", "Nowhere"), filters=given, **more)


def with_view(lab: Lab, found: ListView) -> None:
    """The data model with this one list."""
    model = catalog(more=fields())
    pack = model.packs[0]
    objects = tuple(msgspec.structs.replace(o, list_views=(found,)) if o.name == "Shop" else o for o in pack.objects)
    lab.script.catalog = build([msgspec.structs.replace(pack, objects=objects)])
    lab.sign_in()


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Lab]:
    model: Catalog = catalog(more=fields())
    lab = Lab(tmp_path, data_model=model)
    rows: Sequence[dict[str, Any]] = (
        {"Name": "A", "City": "Wien", "Score": Decimal("1.00"), "Twice": Decimal("2.00"), "Active": True},
        {"Name": "b", "City": "WIEN", "Score": Decimal("3.50"), "Twice": Decimal("7.00"), "Active": False},
        {"Name": "C", "City": None, "Score": None, "Twice": Decimal("0.00"), "Active": False, "ParentId": 0},
        {
            "Name": "d",
            "City": "100%",
            "Score": Decimal("2.00"),
            "Twice": Decimal("4.00"),
            "Active": True,
            "ParentId": 1,
        },
    )
    seen = ("2026-03-02T00:00:00+00:00", "2026-03-01T23:59:59+00:00", None, "2026-02-20T12:00:00+00:00")
    me = lab.device.account
    assert me is not None
    made = [
        row
        | {"Id": lab.server_id("Shop", n), "_stamp": 5, "Seen": seen[n], "IsDeleted": False}
        | {"OwnerId": me.user.id if n % 2 else lab.server_id("User", 9)}
        | ({"ParentId": lab.server_id("Shop", row["ParentId"])} if "ParentId" in row else {})
        for n, row in enumerate(rows)
    ]
    lab.download(lab.block("Shop", *made))
    yield lab
    lab.device.close()


CASES: tuple[tuple[ListView, str], ...] = (
    (view(), "AbCd"),
    (view(scope="Mine"), "bd"),
    (view(("City", "equals", "wien")), "Ab"),
    (view(("City", "equals", "")), "C"),
    (view(("City", "notEqual", "wien, x")), "Cd"),
    (view(("City", "contains", "%")), "d"),
    (view(("City", "notContain", "ie")), "Cd"),
    (view(("City", "startsWith", '"w","1"')), "Abd"),
    (view(("Score", "greaterOrEqual", "2")), "bd"),
    (view(("Active", "equals", "1")), "Ad"),
    (view(("Seen", "equals", "TODAY")), "A"),
    (view(("Seen", "equals", "3/1/2026")), "b"),
    (view(("Seen", "lessOrEqual", "2026-03-01")), "bd"),
    (view(("Seen", "equals", "LAST_N_DAYS:5")), "Ab"),
    (view(("ParentId", "equals", "a")), "C"),
    (view(("Parent.City", "equals", "wien")), "Cd"),
    (view(("OwnerId", "equals", "$USER.ID")), "bd"),
    (view(("Twice", "greaterThan", "3")), "bd"),
    (view(("Age", "lessThan", "2")), "Ab"),
    (view(("City", "equals", "wien"), ("Active", "equals", "true"), filter_logic="1 AND NOT 2"), "b"),
    (
        view(
            ("City", "equals", "wien"),
            ("Active", "equals", "1"),
            ("Score", "equals", ""),
            filter_logic="3 OR (1 AND 2)",
        ),
        "AC",
    ),
)


@pytest.mark.parametrize(("found", "names"), CASES)
def test_a_list_selects_what_its_filters_say(shops: Lab, found: ListView, names: str) -> None:
    with_view(shops, found)
    assert [v.name for v in shops.device.list_views("Shop")] == ["V"]
    assert "".join(r["Name"] for r in shops.device.list_view("Shop", "v")) == names


def test_rows_hold_the_columns_and_the_names_of_parents_in_any_order(shops: Lab) -> None:
    with_view(shops, view())
    rows = shops.device.list_view("Shop", "V", order="ParentId", descending=True, limit=2)
    assert rows[0]["Parent"] is None
    last = shops.device.list_view("Shop", "V", order="ParentId", offset=3)
    parent = shops.server_id("Shop", 1)
    expected = {
        "Id": shops.server_id("Shop", 3),
        "Name": "d",
        "City": "100%",
        "ParentId": parent,
        "Parent": {"Name": "b"},
    }
    assert last == [expected]
    ages = shops.device.list_view("Shop", "V", order="Age")
    assert [r["Name"] for r in ages] == ["C", "A", "b", "d"]
    assert [r["Name"] for r in shops.device.list_view("Shop", "V", search="B")] == ["b"]


def test_an_offline_edit_is_seen_by_formulas_at_once(shops: Lab) -> None:
    with_view(shops, view(("Twice", "greaterThan", "3")))
    with shops.device.edit() as edit:
        edit.update("Shop", shops.server_id("Shop", 0), {"Score": Decimal("9.00")})
    shops.upload(shops.outcome(rejected()))
    assert [r["Name"] for r in shops.device.list_view("Shop", "V")] == ["A", "b", "d"]
    assert shops.device.soql("SELECT Twice FROM Shop WHERE Name = :name", {"name": "a"}) == [
        {"Twice": Decimal("18.00")}
    ]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (view(scope="Queue"), "There is no scope Queue"),
        (view(scope="Team"), "There is no object User_Territory"),
        (view(("Nowhere", "equals", "1")), "Shop has no field Nowhere"),
        (view(("Score", "equals", "many")), "The filter on Score cannot be used: many is no value of Score"),
        (view(("Seen", "equals", "SOMEDAY")), "The filter on Seen cannot be used: SOMEDAY is no date"),
        (view(("City", "equals", "a"), filter_logic="1 AND 2"), "The filter logic names filter 2; there are 1"),
        (view(("City", "equals", "a"), filter_logic="1) OR (1"), "The filter logic 1) OR (1 is not made of"),
        (view(("City", "equals", "a"), filter_logic="1" * 90 + "x"), "is not made of"),
    ],
)
def test_a_list_that_means_nothing_says_why(shops: Lab, found: ListView, reason: str) -> None:
    with_view(shops, found)
    with pytest.raises(Refused) as refused:
        shops.device.list_view("Shop", "V")
    assert refused.value.problem.code is Code.UNUSABLE
    assert reason in refused.value.problem.message


WORDS = ("Arzt", "ärztehaus", "lodz", "Łódź", "Öhler", "Ohm", "strasse", "Straße 2", "zander", "Zimmer")


def named(lab: Lab, names: Sequence[str]) -> None:
    made = [{"Id": lab.server_id("Shop", n), "_stamp": 5, "Name": name} for n, name in enumerate(names)]
    lab.download(lab.block("Shop", *made))


def test_lists_are_sorted_by_letters_without_case_and_accents(shops: Lab) -> None:
    named(shops, sorted(WORDS))
    assert [one.values["Name"] for one in shops.device.find("Shop")] == list(WORDS)
    assert [one.values["Name"] for one in shops.device.find("Shop", descending=True)] == list(WORDS[::-1])


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        ("sv_SE", ["Ask", "Zander", "Åberg", "Ärla", "Öberg"]),
        ("da-DK", ["Ask", "Zander", "Ærø", "Østergaard", "Åberg"]),
        ("pl_PL", ["Lazur", "Luty", "Łaski", "Zator", "Źródło", "Żak"]),
        ("es_ES", ["Nuno", "Nuñez", "Oro"]),
        ("cs_CZ", ["Cyril", "Čapek", "Dvořák"]),
        ("en_GB", ["Åberg", "Ask", "Łaski", "Öberg", "Zander"]),
    ],
)
def test_lists_follow_the_alphabet_of_the_person(shops: Lab, locale: str, names: list[str]) -> None:
    with shops.device._store.write() as work:
        account = read_account(work)
        assert account is not None
        user = msgspec.structs.replace(account.user, locale=locale)
        keep_account(work, msgspec.structs.replace(account, user=user), account.settings)
    named(shops, sorted(names))
    shops.reopen()
    assert [one.values["Name"] for one in shops.device.find("Shop")] == names
    assert [one.values["Name"] for one in shops.device.find("Shop", search=names[0].upper())] == names[:1]
    with shops.device._store.read() as work:
        query = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'Shop.Name%'"
        assert work.value(query) == 1, "the index of another language went"


def test_search_finds_words_whatever_their_case_and_accents(shops: Lab) -> None:
    named(shops, [*WORDS, "Иванов", "100 % Bio"])
    for search, names in {
        "OHLER": ["Öhler"],
        "ÄRZTE": ["ärztehaus"],
        "strasse": ["strasse", "Straße 2"],
        "ß": ["strasse", "Straße 2"],
        "иВАН": ["Иванов"],
        "0 %": ["100 % Bio"],
        "_": [],
    }.items():
        assert [one.values["Name"] for one in shops.device.find("Shop", search=search)] == names, search


GREEK, CYRILLIC = (st.characters(min_codepoint=a, max_codepoint=b) for a, b in ((0x386, 0x3CE), (0x400, 0x44F)))


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x17F) | GREEK | CYRILLIC))
def test_the_index_by_name_sorts_as_queries_do(text: str) -> None:
    """No value has the character 0, before which SQLite ends a text."""
    connection = apsw.Connection(":memory:")
    register(connection)
    for language in ("", *ALPHABETS):
        [(key,)] = connection.execute(f"SELECT {sorting_sql('t', language)} FROM (SELECT ? AS t)", (text,))
        assert key == sorting(text, language)


def test_a_file_of_an_earlier_version_gets_the_index_by_name(shops: Lab) -> None:
    store = shops.device._store
    with store.write() as work:
        work.run(f'DROP INDEX "Shop{SORTED}"')
        work.run('CREATE INDEX "Shop.Name" ON Shop (Name)')
    shops.reopen()
    with shops.device._store.read() as work:
        order = store.tables["Shop"].order("Name", "ASC")
        plan = " ".join(
            str(row) for row in work.rows(f"EXPLAIN QUERY PLAN SELECT * FROM Shop ORDER BY {order} LIMIT 9")
        )
        assert f"USING INDEX Shop{SORTED}" in plan
        assert not work.rows("SELECT 1 FROM sqlite_master WHERE name = 'Shop.Name'")
