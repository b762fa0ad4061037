"""Triggers: over the batch, before and after the write; one that fails takes only its own transactions with it."""

from __future__ import annotations

from dataclasses import replace

from tests.server.lab import Lab, Phone, create, delete, table, update
from tests.server.save.logic.test_roll_ups import purchase, seen

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Operation, Outcome, Rejected, Saved
from fieldsync.server.save.logic.trigger import Batch, Trigger, Triggers, When

CHANGES = frozenset({Operation.CREATE, Operation.UPDATE})


def install(lab: Lab, *triggers: Trigger) -> None:
    lab.org = replace(lab.org, logic=replace(lab.org.logic, triggers=Triggers(lab.org.catalog, triggers)))


def codes(outcome: Outcome) -> list[tuple[Code, str | None]]:
    assert isinstance(outcome, Rejected), outcome
    return [(problem.code, problem.field) for problem in outcome.problems]


def buyer_of(lab: Lab) -> RecordId:
    [buyer] = lab.rows("Buyer", {"Name": "Corner"})
    return buyer


def new_order(phone: Phone, buyer: RecordId, **values: object) -> tuple[RecordId, Outcome]:
    order = phone.new_id("Purchase")
    return order, phone.outcome(create("Purchase", order, BuyerId=buyer, Name="o", **values))


async def shout(batch: Batch) -> None:
    for record in batch.records:
        if record["Notes"]:
            record["Notes"] = str(record["Notes"]).upper()


async def refuse_secrets(batch: Batch) -> None:
    for record in batch.records:
        if record.is_changed("Notes") and "secret" in str(record["Notes"] or "").lower():
            record.add_error("Secrets stay at home.", field="Notes")


async def fail_on_bad(batch: Batch) -> None:
    if any(record["Notes"] == "BAD" for record in batch.records):
        raise KeyError("nothing of that kind")


async def add_a_line(batch: Batch) -> None:
    for record in batch.records:
        batch.create(record, "Purchase_Line", PurchaseId=record.id, Name="added", Price=3)


async def note_on_buyer_lines(batch: Batch) -> None:
    """A dearer line makes all other lines of its order gifts."""
    lines = await batch.find("Purchase_Line", "PurchaseId", [str(r["PurchaseId"]) for r in batch.records])
    for record in batch.records:
        for line in lines:
            if line["Id"] != record.id and line["PurchaseId"] == record["PurchaseId"] and line["Kind"] != "Gift":
                batch.update(record, "Purchase_Line", line["Id"], Kind="Gift")


async def again(batch: Batch) -> None:
    for record in batch.records:
        batch.update(record, "Purchase", record.id, Notes=str(record["Notes"] or "") + "x")


def test_a_before_trigger_changes_the_row_and_the_device_gets_what_it_made(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", shout, When.BEFORE, CHANGES))
    order = sarah.new_id("Purchase")
    items = create("Purchase", order, BuyerId=buyer_of(lab), Name="o", Notes="quiet")
    assert table(sarah.upload(sarah.save(items)).rows, "Purchase")[order]["Notes"] == "QUIET"


def test_add_error_refuses_the_transaction_with_field_and_sentence(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", refuse_secrets, When.BEFORE))
    buyer = buyer_of(lab)
    _, refused = new_order(sarah, buyer, Notes="a secret")
    assert codes(refused) == [(Code.VALIDATION, "Notes")]
    assert isinstance(new_order(sarah, buyer, Notes="none")[1], Saved)
    assert seen(lab, "Buyer", buyer)["Purchases"] == 1


def test_a_trigger_that_raises_fails_its_transactions_and_not_the_batch(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", fail_on_bad, When.BEFORE))
    buyer = buyer_of(lab)
    saves = [
        sarah.save(create("Purchase", sarah.new_id("Purchase"), BuyerId=buyer, Name="o", Notes=notes))
        for notes in ("fine", "BAD", "also fine")
    ]
    outcomes = [result.outcome for result in sarah.upload(*saves).results]
    assert [type(o) for o in outcomes] == [Saved, Rejected, Saved]
    assert codes(outcomes[1]) == [(Code.TRIGGER, None)]
    assert seen(lab, "Buyer", buyer)["Purchases"] == 2


def test_an_after_trigger_creates_records_that_masters_sum_up(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", add_a_line, When.AFTER, frozenset({Operation.CREATE})))
    buyer = buyer_of(lab)
    order, outcome = new_order(sarah, buyer)
    assert isinstance(outcome, Saved)
    assert (seen(lab, "Purchase", order)["Lines"], seen(lab, "Buyer", buyer)["Turnover"]) == (1, 3)
    assert lab.query("""SELECT kind FROM _change WHERE object = 'Purchase_Line'""") == [("created",)]


def test_an_after_trigger_changes_other_records(lab: Lab, sarah: Phone) -> None:
    order, (first, second) = purchase(sarah, buyer_of(lab), {"Price": 5, "Kind": "Sale"}, {"Price": 7})
    install(lab, Trigger("Purchase_Line", note_on_buyer_lines, When.AFTER, frozenset({Operation.UPDATE})))
    assert isinstance(sarah.outcome(update("Purchase_Line", second, Price=(7, 9))), Saved)
    assert seen(lab, "Purchase_Line", first)["Kind"] == "Gift"
    assert seen(lab, "Purchase", order)["Gifts"] == 2, "and what it changed runs the same triggers and roll-ups"


def test_a_trigger_without_an_end_is_stopped_and_nothing_of_it_stays(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", again, When.AFTER))
    buyer = buyer_of(lab)
    _, outcome = new_order(sarah, buyer)
    assert codes(outcome) == [(Code.RECURSION, None)]
    assert lab.query('SELECT count(*) FROM "Purchase"') == [(0,)]


def test_masters_that_only_a_trigger_knew_of_are_summed_up_too_and_logged_in_their_own_family(
    lab: Lab, sarah: Phone
) -> None:
    elsewhere, _ = purchase(sarah, buyer_of(lab), {"Price": 1})

    async def add_elsewhere(batch: Batch) -> None:
        for record in batch.records:
            batch.create(record, "Purchase_Line", PurchaseId=elsewhere, Name="moved", Price=5)

    install(lab, Trigger("Purchase", add_elsewhere, When.AFTER, frozenset({Operation.CREATE})))
    order, outcome = new_order(sarah, buyer_of(lab))
    assert isinstance(outcome, Saved)
    row = seen(lab, "Purchase", elsewhere)
    assert (row["Total"], row["Lines"], seen(lab, "Buyer", row["BuyerId"])["Turnover"]) == (6, 2, 6)
    logged = lab.query("SELECT root_id FROM _change WHERE object = 'Purchase_Line' ORDER BY stamp DESC LIMIT 1")
    assert logged == [(elsewhere,)], f"not under {order}"


def test_a_delete_can_be_refused_by_a_trigger(lab: Lab, sarah: Phone) -> None:
    async def never(batch: Batch) -> None:
        for record in batch.records:
            record.add_error("Orders stay.")

    order, _ = purchase(sarah, buyer_of(lab))
    install(lab, Trigger("Purchase", never, When.AFTER, frozenset({Operation.DELETE})))
    gone = sarah.outcome(delete("Purchase", order, seen(lab, "Purchase", order)["_stamp"]))
    assert codes(gone) == [(Code.VALIDATION, None)]
    assert not seen(lab, "Purchase", order)["IsDeleted"]


def test_a_trigger_that_names_what_is_not_there_says_so(lab: Lab, sarah: Phone) -> None:
    async def wrong(batch: Batch) -> None:
        batch.records[0]["Colour"] = "red"

    install(lab, Trigger("Purchase", wrong, When.BEFORE))
    _, outcome = new_order(sarah, buyer_of(lab))
    assert isinstance(outcome, Rejected)
    assert "Purchase has no field Colour" in outcome.problems[0].message
