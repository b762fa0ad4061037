"""Taking a later save back while an earlier one of the same record still waits."""

from __future__ import annotations

from decimal import Decimal

from tests.device.lab import Lab, items_of, rejected

from fieldsync.base.ids import RecordId
from fieldsync.protocol.feed import Outcomes
from fieldsync.protocol.rows import Gone
from fieldsync.protocol.upload import Accepted, Result


def refused_edit(lab: Lab, object_name: str, record: RecordId, **values: str) -> int:
    with lab.device.edit() as edit:
        edit.update(object_name, record, values)
    lab.upload(lab.outcome(rejected()))
    return edit.queue_numbers[0]


def test_a_record_that_left_the_view_is_gone_after_undo_though_the_refusal_told_what_it_is_now(lab: Lab) -> None:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "b"})
    lab.upload(lab.outcome(Accepted(1, 1)))
    lab.download(gone=(Gone("Shop", shop, 7, deleted=False),), full=False)
    [entry] = lab.device.queue()
    theirs = lab.block("Shop", {"Id": shop, "_stamp": 9, "Name": "One", "City": "theirs"})
    lab.script.then("feed/outcomes", Outcomes((Result(entry.n, entry.id, rejected()),), rows=(theirs,)))
    lab.download(full=False)
    assert lab.device.get("Shop", shop) is not None, "as she sees it, until she decides"
    lab.device.undo(lab.device.errors()[0].n)
    assert lab.device.get("Shop", shop) is None


def edited_twice(lab: Lab) -> tuple[RecordId, int, int]:
    """A shop whose first edit was refused and whose second waits: its id, and the numbers of the two."""
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a", "Score": 1}))
    first = refused_edit(lab, "Shop", shop, City="b")
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "c", "Name": "Two"})
    return shop, first, edit.queue_numbers[0]


def test_the_earlier_save_is_what_the_record_shows_and_all_that_is_sent_again(lab: Lab) -> None:
    shop, first, second = edited_twice(lab)
    lab.device.undo(second)
    found = lab.device.get("Shop", shop)
    assert found is not None
    assert (found.values["City"], found.values["Name"]) == ("b", "One")
    lab.device.resend(first)
    lab.upload(lab.saved())
    [(_, [item])] = items_of(lab.script.uploads[-1])
    assert {column: change.new for column, change in item.changes.items()} == {"City": "b"}


def test_what_an_earlier_save_waits_for_is_shown_though_the_record_left_the_view(lab: Lab) -> None:
    shop, first, second = edited_twice(lab)
    lab.download(gone=(Gone("Shop", shop, 7, deleted=False),), full=False)
    lab.device.undo(second)
    found = lab.device.get("Shop", shop)
    assert found is not None
    assert (found.values["City"], found.values["Name"], found.values["Score"]) == ("b", "One", Decimal(1))
    lab.device.undo(first)
    assert lab.device.get("Shop", shop) is None


def test_a_delete_taken_back_returns_what_it_swept_away_with_the_edit_that_waits(lab: Lab) -> None:
    visit, line = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    lab.download(
        lab.block("Visit", {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}),
        lab.block("Visit_Line", {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}),
    )
    refused_edit(lab, "Visit", visit, Notes="w")
    with lab.device.edit() as edit:
        edit.delete("Visit", visit)
    assert (lab.device.count("Visit"), lab.device.count("Visit_Line")) == (0, 0)
    lab.device.undo(edit.queue_numbers[0])
    [shown], [with_it] = lab.device.find("Visit", order_by="Id"), lab.device.find("Visit_Line", order_by="Id")
    assert (shown.values["Notes"], shown.values["Stage"]) == ("w", "Open")
    assert with_it.values["Product"] == "x"


def test_a_detail_of_the_save_taken_back_goes_though_its_master_waits(lab: Lab) -> None:
    visit = lab.server_id("Visit", 1)
    lab.download(lab.block("Visit", {"Id": visit, "_stamp": 5, "Notes": "v"}))
    refused_edit(lab, "Visit", visit, Notes="w")
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "x"})
        edit.create("Visit_Line", {"VisitId": visit, "Product": "x"})
    lab.device.undo(edit.queue_numbers[0])
    assert lab.device.count("Visit_Line") == 0
    [shown] = lab.device.find("Visit", order_by="Id")
    assert shown.values["Notes"] == "w"
