"""Formula fields on a device: after midnight without a sync, right after an offline edit, in conditions and sorting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.device.lab import START, Lab, catalog

from fieldsync.base.ids import RecordId
from fieldsync.schema.model import Field, FieldType


def computed(name: str, formula: str, returns: FieldType, scale: int | None = None) -> Field:
    return Field(name=name, type=FieldType.FORMULA, formula=formula, formula_returns=returns, scale=scale)


FORMULAS = (
    Field(name="Since", type=FieldType.DATE),
    computed("Days", "TODAY() - Since", FieldType.NUMBER, 0),
    computed("Double", "Score * 2", FieldType.NUMBER, 2),
    computed("Above", 'Parent.Name & "/" & City', FieldType.TEXT),
    computed("Mine", "$User.Id = OwnerId", FieldType.CHECKBOX),
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, data_model=catalog(more=FORMULAS))
    yield made
    made.device.close()


def shops(lab: Lab) -> list[RecordId]:
    """Three shops as the server sent them; the second lies above the third, and the first above a shop elsewhere."""
    ids = [lab.server_id("Shop", i) for i in range(1, 4)]
    rows = [
        {
            "Name": "a",
            "Since": "2026-02-20",
            "Score": 3,
            "Double": 6,
            "ParentId": lab.server_id("Shop", 99),
            "Above": "far/",
        },
        {"Name": "b", "Since": "2026-02-27", "Score": 1, "Double": 2},
        {"Name": "c", "Since": "2026-02-25", "Score": 2, "Double": 4, "ParentId": ids[1], "Above": "b/", "City": None},
    ]
    lab.download(lab.block("Shop", *[{"Id": i, "_stamp": 5, **row} for i, row in zip(ids, rows, strict=True)]))
    return ids


def value(lab: Lab, shop: RecordId, name: str) -> object:
    found = lab.device.get("Shop", shop)
    assert found is not None
    return found.values[name]


def test_a_formula_of_the_clock_is_right_after_midnight_without_a_sync(lab: Lab) -> None:
    first, *_ = shops(lab)
    days = (START.date() - date(2026, 2, 20)).days
    assert value(lab, first, "Days") == days
    lab.clock.advance(24 * 3600)
    assert value(lab, first, "Days") == days + 1


def test_what_the_server_sent_is_shown_until_the_record_is_edited(lab: Lab) -> None:
    first, _, third = shops(lab)
    assert (value(lab, first, "Double"), value(lab, third, "Above")) == (Decimal(6), "b/")
    with lab.device.edit() as edit:
        edit.update("Shop", third, {"Score": 10, "City": "Graz"})
    assert (value(lab, third, "Double"), value(lab, third, "Above")) == (Decimal(20), "b/Graz")


def test_a_formula_whose_relatives_are_not_here_keeps_the_servers_value(lab: Lab) -> None:
    first, *_ = shops(lab)
    with lab.device.edit() as edit:
        edit.update("Shop", first, {"City": "Graz"})
    assert value(lab, first, "Above") == "far/"


def test_formulas_are_conditions_and_orders(lab: Lab) -> None:
    first, second, third = shops(lab)
    by_days = lab.device.find("Shop", order_by="Days")
    assert [r.id for r in by_days] == [second, third, first]
    assert [r.id for r in lab.device.find("Shop", order_by="Double", descending=True, limit=2)] == [first, third]
    days = (START.date() - date(2026, 2, 25)).days
    assert [r.id for r in lab.device.find("Shop", where={"Days": days})] == [third]
    assert [r.id for r in lab.device.find("Shop", where={"Above": "b/"})] == [third]


def test_a_formula_of_the_person_knows_who_it_is(lab: Lab) -> None:
    first, *_ = shops(lab)
    with lab.device.edit() as edit:
        new = edit.create("Shop", {"Name": "own"})
    assert (value(lab, first, "Mine"), value(lab, new, "Mine")) == (False, value(lab, new, "OwnerId") is not None)
