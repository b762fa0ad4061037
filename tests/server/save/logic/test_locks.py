"""Submitted records are locked with their details; they are submitted only within their dates."""

from __future__ import annotations

import msgspec
import pytest
from tests.server.lab import Lab, Phone, create, delete, update
from tests.server.save.logic.test_roll_ups import purchase, seen
from tests.server.save.logic.test_triggers import buyer_of, codes

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import CATALOGUE, Code
from fieldsync.protocol.upload import Item, Outcome, Rejected, Saved

LOCKED = [(Code.LOCKED, None)]


def sent(lab: Lab, phone: Phone) -> tuple[RecordId, RecordId]:
    """A submitted order and its one line."""
    order, (line,) = purchase(phone, buyer_of(lab), {"Price": 5})
    outcome = submit(phone, order, "2026-03-02")
    assert isinstance(outcome, Saved), outcome
    return order, line


def submit(phone: Phone, order: RecordId, day: str) -> Outcome:
    return phone.outcome(update("Purchase", order, Status=(None, "Sent"), Placed_On=("2026-03-03", day)))


@pytest.mark.parametrize("what", ["root", "line", "new line", "delete line", "delete root"])
def test_a_submitted_order_and_its_lines_cannot_be_changed(lab: Lab, sarah: Phone, what: str) -> None:
    order, line = sent(lab, sarah)
    items: dict[str, Item] = {
        "root": update("Purchase", order, Notes=(None, "late")),
        "line": update("Purchase_Line", line, Price=(5, 6)),
        "new line": create("Purchase_Line", sarah.new_id("Purchase_Line"), PurchaseId=order, Name="l"),
        "delete line": delete("Purchase_Line", line, seen(lab, "Purchase_Line", line)["_stamp"]),
        "delete root": delete("Purchase", order, seen(lab, "Purchase", order)["_stamp"]),
    }
    outcome = sarah.outcome(items[what])
    assert codes(outcome) == LOCKED
    assert isinstance(outcome, Rejected)
    assert outcome.problems[0].details["key"] == ("NO_DEL_SUB" if "delete" in what else "NO_UPD_SUB")
    assert (seen(lab, "Purchase", order)["Notes"], seen(lab, "Purchase", order)["Total"]) == (None, 5)


@pytest.mark.parametrize(("language", "sentence"), [("de", "Gesendet ist gesendet."), ("fr", None), ("en_US", None)])
def test_the_sentence_comes_in_the_language_of_the_person(
    lab: Lab, sarah: Phone, language: str, sentence: str | None
) -> None:
    order, line = sent(lab, sarah)
    user = sarah.session.user.id
    lab.query('UPDATE "User" SET "LanguageLocaleKey" = %(to)s WHERE "Id" = %(id)s RETURNING 1', to=language, id=user)
    usual = CATALOGUE[Code.LOCKED].sentence
    changed = sarah.outcome(update("Purchase", order, Notes=(None, "late")))
    assert isinstance(changed, Rejected)
    assert changed.problems[0].message == (sentence or usual)
    seen_at = seen(lab, "Purchase_Line", line)["_stamp"]
    deleted = lab.phone("sarah", "iphone").outcome(delete("Purchase_Line", line, seen_at))
    assert isinstance(deleted, Rejected)
    assert deleted.problems[0].message == usual, "the pack has no sentence for NO_DEL_SUB"


def test_the_save_that_submits_may_change_everything_with_it(lab: Lab, sarah: Phone) -> None:
    order, (line,) = purchase(sarah, buyer_of(lab), {"Price": 5})
    items = (
        update("Purchase", order, Status=(None, "Sent"), Placed_On=("2026-03-03", "2026-03-02")),
        update("Purchase_Line", line, Price=(5, 9)),
    )
    assert isinstance(sarah.outcome(*items), Saved)
    assert seen(lab, "Purchase", order)["Total"] == 9


def test_only_an_admin_unlocks_and_then_everybody_may_correct(lab: Lab, sarah: Phone) -> None:
    order, line = sent(lab, sarah)
    refused = sarah.outcome(update("Purchase", order, Unlocked=(False, True)))
    assert (Code.FIELD_PERMISSION, "Unlocked") in codes(refused)
    admin = lab.phone("admin")
    assert isinstance(admin.outcome(update("Purchase", order, Unlocked=(False, True))), Saved)
    lab.person("tom")
    assert isinstance(lab.phone("tom").outcome(update("Purchase_Line", line, Price=(5, 6))), Saved)


def test_an_integration_overrides_the_lock_for_one_save(lab: Lab, sarah: Phone) -> None:
    order, _ = sent(lab, sarah)
    lab.person("robot", "Robot")
    robot = lab.phone("robot")
    asked = update("Purchase", order, Override_Lock=(False, True), Notes=(None, "fixed"))
    assert isinstance(robot.outcome(asked), Saved)
    row = seen(lab, "Purchase", order)
    assert (row["Notes"], row["Override_Lock"]) == ("fixed", False)
    again = msgspec.structs.replace(update("Purchase", order, Notes=("fixed", "again")), seen=row["_stamp"])
    assert codes(robot.outcome(again)) == LOCKED


def test_others_cannot_override(lab: Lab, sarah: Phone) -> None:
    order, _ = sent(lab, sarah)
    asked = update("Purchase", order, Override_Lock=(False, True), Notes=(None, "mine"))
    assert codes(sarah.outcome(asked)) == LOCKED


@pytest.mark.parametrize(
    ("day", "code"),
    [("2026-03-02", None), ("2026-03-03", Code.FUTURE_DATE), ("2026-01-31", None), ("2026-01-30", Code.BACKDATE)],
)
def test_a_submit_is_neither_in_the_future_nor_too_long_ago(
    lab: Lab, sarah: Phone, day: str, code: Code | None
) -> None:
    order, _ = purchase(sarah, buyer_of(lab))
    outcome = submit(sarah, order, day)
    assert isinstance(outcome, Saved) if code is None else codes(outcome) == [(code, "Placed_On")]


def test_the_days_are_a_setting(lab: Lab, sarah: Phone) -> None:
    lab.rows("Sync_Setting", {"Name": "s", "Setting": "Purchase_Backdate_Days", "Value": "3"})
    order, _ = purchase(sarah, buyer_of(lab))
    assert codes(submit(sarah, order, "2026-02-26")) == [(Code.BACKDATE, "Placed_On")]
    tried_again, _ = purchase(sarah, buyer_of(lab))
    assert isinstance(submit(sarah, tried_again, "2026-02-27"), Saved)
