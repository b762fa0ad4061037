"""List views and SOQL on a device: what filters, scopes and logic select, with formula fields as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.device.lab import Lab, catalog, rejected

from fieldsync.base.problems import Code, Refused
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.model import Field, FieldType, ListView, RollUpFilter


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
