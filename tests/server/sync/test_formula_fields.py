"""Formula fields are computed when rows are read: in answers, feed and downloads, and after a parent's change."""

from __future__ import annotations

from tests.server.lab import Lab, Phone, create, downloaded, table, update
from tests.server.save.logic.conftest import lab, sarah
from tests.server.save.logic.test_roll_ups import purchase

__all__ = ["lab", "sarah"]


def test_a_save_comes_back_with_its_formula_fields_and_those_of_its_masters(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "50% off & more", "Limit": 20})
    order = sarah.new_id("Purchase")
    line = create("Purchase_Line", sarah.new_id("Purchase_Line"), PurchaseId=order, Name="l", Price=5)
    response = sarah.upload(sarah.save(create("Purchase", order, BuyerId=buyer, Name="o"), line))
    assert table(response.rows, "Buyer")[buyer]["Free"] == 15
    assert table(response.rows, "Purchase")[order]["Title"] == "50% off & more: 100% o"


def test_a_parents_change_brings_the_child_by_the_next_incremental(lab: Lab, sarah: Phone) -> None:
    [buyer, other] = lab.rows("Buyer", {"Name": "Corner"}, {"Name": "Other"})
    order, _ = purchase(sarah, buyer, {"Price": 1})
    elsewhere, _ = purchase(sarah, other, {"Price": 1})
    sarah.download()
    sarah.outcome(update("Buyer", buyer, Name=("Corner", "Centre")))
    rows = downloaded(sarah.download(), "Purchase")
    assert {i: r["Title"] for i, r in rows.items()} == {order: "Centre: 100% o"}, f"and not {elsewhere}"
    [(own,)] = lab.query('SELECT _stamp FROM "Purchase" WHERE "Id" = %(id)s', id=order)
    assert rows[order]["_stamp"] > own, "as new as the newest row it was read from"


def test_a_parents_change_that_no_formula_reads_brings_no_child(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    purchase(sarah, buyer, {"Price": 1})
    sarah.download()
    sarah.outcome(update("Buyer", buyer, Limit=(None, 70)))
    found = sarah.download()
    assert downloaded(found, "Purchase") == {}
    assert downloaded(found, "Buyer")[buyer]["Free"] == 69


def test_an_error_in_a_formula_is_an_empty_field_and_stops_nothing(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner", "Limit": 0})
    assert downloaded(sarah.download(), "Buyer")[buyer]["Share"] is None
