"""Roll-up summaries: right after every kind of save, over two storeys, and with many writers to one master."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.lab import Lab, Phone, create, delete, table, update

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Item, Operation, Saved


def purchase(phone: Phone, buyer: RecordId, *lines: dict[str, Any]) -> tuple[RecordId, list[RecordId]]:
    """An order with lines, saved as one transaction."""
    order = phone.new_id("Purchase")
    ids = [phone.new_id("Purchase_Line") for _ in lines]
    items = [create("Purchase_Line", i, PurchaseId=order, Name="l", **line) for i, line in zip(ids, lines, strict=True)]
    outcome = phone.outcome(create("Purchase", order, BuyerId=buyer, Name="o"), *items)
    assert isinstance(outcome, Saved), outcome
    return order, ids


def seen(lab: Lab, name: str, record: str) -> dict[str, Any]:
    [(row,)] = lab.query(f'SELECT row_to_json(t) FROM "{name}" t WHERE "Id" = %(id)s', id=record)
    return dict(row)


def stamp_of(lab: Lab, name: str, record: str) -> int:
    return int(seen(lab, name, record)["_stamp"])


def test_a_save_comes_back_with_every_kind_of_summary_on_all_its_masters(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    order = sarah.new_id("Purchase")
    lines = [
        create("Purchase_Line", sarah.new_id("Purchase_Line"), PurchaseId=order, Name="l", **values)
        for values in (
            {"Price": Decimal("12.50"), "Kind": "Sale", "Due": "2026-05-01"},
            {"Price": Decimal(8), "Kind": "Gift", "Due": "2026-04-01"},
            {"Kind": "Sample, free"},
        )
    ]
    response = sarah.upload(sarah.save(create("Purchase", order, BuyerId=buyer, Name="o"), *lines))
    row = table(response.rows, "Purchase")[order]
    assert (row["Lines"], row["Total"], row["Gifts"], row["First_Due"]) == (3, Decimal("20.50"), 2, "2026-04-01")
    assert (row["Dearest"], row["Delivered"], row["With_Tax"]) == (Decimal("12.50"), 0, Decimal("24.60"))
    above = table(response.rows, "Buyer")[buyer]
    assert (above["Purchases"], above["Turnover"]) == (1, Decimal("20.50"))
    feed = {(kind, name) for kind, name in lab.query("SELECT kind, object FROM _change WHERE feed_user IS NOT NULL")}
    assert ("updated", "Buyer") in feed, "a master that a roll-up changed goes on the feed"


def test_updates_deletes_and_undeletes_count(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    order, (first, second) = purchase(sarah, buyer, {"Price": 5, "Kind": "Gift"}, {"Price": 7})
    sarah.outcome(update("Purchase_Line", first, Price=(5, 6), Kind=("Gift", "Sale")))
    row = seen(lab, "Purchase", order)
    assert (row["Total"], row["Gifts"], row["With_Tax"]) == (13, 0, Decimal("15.6"))
    sarah.outcome(delete("Purchase_Line", second, stamp_of(lab, "Purchase_Line", second)))
    assert (seen(lab, "Purchase", order)["Lines"], seen(lab, "Buyer", buyer)["Turnover"]) == (1, 6)
    sarah.outcome(Item("Purchase_Line", second, Operation.UNDELETE))
    assert (seen(lab, "Purchase", order)["Lines"], seen(lab, "Buyer", buyer)["Turnover"]) == (2, 13)


def test_a_deleted_order_takes_its_lines_along_and_its_buyer_forgets_it(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    order, (line,) = purchase(sarah, buyer, {"Price": 5})
    sarah.outcome(create("Delivery", sarah.new_id("Delivery"), LineId=line, Name="d"))
    assert seen(lab, "Purchase", order)["Delivered"] == 1
    sarah.outcome(delete("Purchase", order, stamp_of(lab, "Purchase", order)))
    assert (seen(lab, "Buyer", buyer)["Purchases"], seen(lab, "Buyer", buyer)["Turnover"]) == (0, 0)
    sarah.outcome(Item("Purchase", order, Operation.UNDELETE))
    row = seen(lab, "Purchase", order)
    assert (row["Lines"], row["Total"], row["Delivered"]) == (1, 5, 1)
    assert (seen(lab, "Buyer", buyer)["Purchases"], seen(lab, "Buyer", buyer)["Turnover"]) == (1, 5)


def test_an_edit_of_a_column_no_summary_reads_changes_no_master(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    order, _ = purchase(sarah, buyer, {"Price": 5})
    stamp = seen(lab, "Buyer", buyer)["_stamp"]
    sarah.outcome(update("Purchase", order, Notes=(None, "late")))
    assert seen(lab, "Buyer", buyer)["_stamp"] == stamp


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "price", "kind", "drop", "back"]),
        st.integers(0, 5),
        st.integers(0, 40).filter(lambda n: n != 13),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(actions=ACTIONS)
def test_summaries_equal_a_recount_whatever_happened(
    lab: Lab, sarah: Phone, actions: list[tuple[str, int, int]]
) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    order, lines = purchase(sarah, buyer, {"Price": 1}, {"Price": 11})
    for kind, place, number in actions:
        line = lines[place % len(lines)]
        now = seen(lab, "Purchase_Line", line)
        match kind:
            case "add":
                new = sarah.new_id("Purchase_Line")
                lines.append(new)
                sarah.outcome(create("Purchase_Line", new, PurchaseId=order, Name="l", Price=number))
            case "price":
                sarah.outcome(update("Purchase_Line", line, Price=(now["Price"], number or None)))
            case "kind":
                sarah.outcome(update("Purchase_Line", line, Kind=(now["Kind"], "Gift" if number % 2 else None)))
            case "drop":
                sarah.outcome(delete("Purchase_Line", line, now["_stamp"]))
            case _:
                sarah.outcome(Item("Purchase_Line", line, Operation.UNDELETE))
    rows = [seen(lab, "Purchase_Line", line) for line in lines]
    here = [row for row in rows if not row["IsDeleted"]]
    dear = [row["Price"] for row in here if (row["Price"] or 0) > 10]
    found = seen(lab, "Purchase", order)
    assert found["Lines"] == len(here)
    assert found["Total"] == sum(row["Price"] or 0 for row in here)
    assert found["Gifts"] == Counter(row["Kind"] for row in here)["Gift"]
    assert found["Dearest"] == max(dear, default=None)
    assert seen(lab, "Buyer", buyer)["Turnover"] == found["Total"]


@pytest.mark.usefixtures("patient")
def test_eight_writers_to_one_master_lose_nothing_and_never_deadlock(lab: Lab) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    phones = []
    for i in range(8):
        lab.person(f"p{i}")
        phones.append(lab.phone(f"p{i}"))

    async def write(phone: Phone) -> list[Any]:
        outcomes = []
        for i in range(6):
            order = phone.new_id("Purchase")
            line = create("Purchase_Line", phone.new_id("Purchase_Line"), PurchaseId=order, Name="l", Price=i)
            transaction = phone.save(create("Purchase", order, BuyerId=buyer, Name="o"), line)
            response = await phone.send(transaction)
            outcomes += [result.outcome for result in response.results]
        return outcomes

    async def together() -> list[Any]:
        return [o for outcomes in await asyncio.gather(*map(write, phones)) for o in outcomes]

    assert [type(o) for o in lab.run(together())] == [Saved] * 48
    assert (seen(lab, "Buyer", buyer)["Purchases"], seen(lab, "Buyer", buyer)["Turnover"]) == (48, 120)
