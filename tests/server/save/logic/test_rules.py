"""Validation rules and defaults: with old and new values, related rows and the person who saves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from tests.server.lab import Lab, Phone, create, update
from tests.server.save.logic.packs import orders_pack, rule
from tests.server.save.logic.test_roll_ups import purchase, seen
from tests.server.save.logic.test_triggers import buyer_of, new_order

from fieldsync.base.ids import RecordId
from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.protocol.upload import Operation, Outcome, Rejected, Saved
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object
from fieldsync.server.save.logic.compiled import Logic
from fieldsync.server.save.logic.trigger import Batch, Trigger, Triggers, When


def broken(outcome: Outcome) -> list[tuple[object, str | None, str]]:
    """(rule, field, sentence) of every reason."""
    assert isinstance(outcome, Rejected), outcome
    return [(p.details.get("rule"), p.field, p.message) for p in outcome.problems]


def line(phone: Phone, order: RecordId, **values: object) -> Outcome:
    return phone.outcome(create("Purchase_Line", phone.new_id("Purchase_Line"), PurchaseId=order, Name="l", **values))


def test_defaults_fill_what_the_save_does_not_name(lab: Lab, sarah: Phone) -> None:
    buyer = buyer_of(lab)
    order, _ = new_order(sarah, buyer)
    row = seen(lab, "Purchase", order)
    assert (row["Placed_On"], row["Reference"]) == ("2026-03-03", "sarah/Corner")
    named, _ = new_order(sarah, buyer, Placed_On="2026-06-01", Reference=None)
    row = seen(lab, "Purchase", named)
    assert (row["Placed_On"], row["Reference"]) == ("2026-06-01", None), "an empty value that was chosen stays empty"


def test_a_broken_rule_comes_back_with_its_field_and_sentence_and_nothing_is_written(lab: Lab, sarah: Phone) -> None:
    _, outcome = new_order(sarah, buyer_of(lab), Placed_On="2025-12-31")
    assert broken(outcome) == [("Not_Backdated", "Placed_On", "An order cannot be placed before 2026.")]
    assert lab.query('SELECT count(*) FROM "Purchase"') == [(0,)]


def test_all_rules_a_record_breaks_are_told_at_once(lab: Lab, sarah: Phone) -> None:
    [closed] = lab.rows("Buyer", {"Name": "Closed"})
    order, _ = new_order(sarah, closed)
    assert [rule for rule, _, _ in broken(line(sarah, order, Price=-1))] == ["No_Negative", "Closed_Buyer"]


def test_rules_see_relatives_that_come_in_the_same_save(lab: Lab, sarah: Phone) -> None:
    [closed] = lab.rows("Buyer", {"Name": "Closed"})
    order, detail = sarah.new_id("Purchase"), sarah.new_id("Purchase_Line")
    items = (
        create("Purchase", order, BuyerId=closed, Name="o"),
        create("Purchase_Line", detail, PurchaseId=order, Name="l"),
    )
    assert [rule for rule, _, _ in broken(sarah.outcome(*items))] == ["Closed_Buyer"]


def test_old_values_are_compared(lab: Lab, sarah: Phone) -> None:
    order, _ = new_order(sarah, buyer_of(lab), Notes="final")
    assert isinstance(sarah.outcome(update("Purchase", order, Placed_On=("2026-03-03", "2026-04-04"))), Saved)
    assert broken(sarah.outcome(update("Purchase", order, Notes=("final", "more")))) == [
        ("Shy", "Notes", "The notes are final.")
    ]


@pytest.mark.parametrize(("price", "told"), [(Decimal("13.1"), "Too near to 13."), (13, "could not be checked")])
def test_a_rule_that_cannot_be_evaluated_refuses_with_its_name(
    lab: Lab, sarah: Phone, price: object, told: str
) -> None:
    order, _ = new_order(sarah, buyer_of(lab))
    [(name, _, message)] = broken(line(sarah, order, Price=price))
    assert name == "Share"
    assert told in message


def test_a_master_that_a_roll_up_changes_is_held_to_its_rules(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner", "Limit": 20})
    order, _ = purchase(sarah, buyer, {"Price": 12})
    refused = line(sarah, order, Price=9)
    assert broken(refused) == [("Within_Limit", "Limit", "The limit of this buyer is reached.")]
    assert (seen(lab, "Buyer", buyer)["Turnover"], seen(lab, "Purchase", order)["Lines"]) == (12, 1)


def test_only_the_transaction_that_goes_over_the_limit_is_refused(lab: Lab, sarah: Phone) -> None:
    [buyer] = lab.rows("Buyer", {"Name": "Corner", "Limit": 20})
    order, _ = new_order(sarah, buyer)
    saves = [
        sarah.save(create("Purchase_Line", sarah.new_id("Purchase_Line"), PurchaseId=order, Name="l", Price=p))
        for p in (8, 9, 7, 3)
    ]
    outcomes = [r.outcome for r in sarah.upload(*saves).results]
    assert [type(o) for o in outcomes] == [Saved, Saved, Rejected, Saved]
    assert seen(lab, "Buyer", buyer)["Turnover"] == 20


def logic_of(lab: Lab, condition: str, *triggers: Trigger) -> Logic:
    """Of an org with this one rule, on buyers."""
    pack = orders_pack()
    bare = (replace(o, validation_rules=(), fields=_plain(o)) for o in pack.objects if o.name != "Buyer")
    buyer = replace(pack.objects[0], fields=_plain(pack.objects[0]), validation_rules=(rule("One", condition, "No."),))
    catalog = build([*load_packs(("platform",)), replace(pack, objects=(buyer, *bare))])
    return Logic(CatalogFormulas(catalog), lab.org.logic.roll_ups, Triggers(catalog, triggers))


def _plain(declared: Object) -> tuple[Field, ...]:
    return tuple(f for f in declared.fields if f.type is not FieldType.FORMULA and f.default is None)


@pytest.mark.parametrize(
    ("condition", "anywhere"),
    [("DATEVALUE(CreatedDate) > DATE(2026, 1, 1)", False), ("TODAY() > DATE(2026, 1, 1)", False), ("Limit < 0", True)],
)
def test_the_day_of_an_instant_is_that_of_the_person_whatever_other_rules_there_are(
    lab: Lab, condition: str, *, anywhere: bool
) -> None:
    assert logic_of(lab, condition).reads_clock is not anywhere


async def _touch(batch: Batch) -> None:
    """A trigger."""


def test_devices_are_told_whose_rules_they_cannot_ask_because_a_trigger_comes_first(lab: Lab) -> None:
    assert logic_of(lab, "Limit < 0").rules_left == ()
    assert logic_of(lab, "Limit < 0", Trigger("Buyer", _touch, When.AFTER)).rules_left == ()
    assert logic_of(lab, "Limit < 0", Trigger("Buyer", _touch, When.BEFORE)).rules_left == ("Buyer",)
    deletes = Trigger("Buyer", _touch, When.BEFORE, frozenset({Operation.DELETE}))
    assert logic_of(lab, "Limit < 0", deletes).rules_left == (), "no rule is asked of what is deleted"
