"""Taking a later save back while an earlier one of the same record still waits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.device.lab import Lab, items_of, rejected

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, problem
from fieldsync.device import Unreachable
from fieldsync.protocol.feed import Outcomes
from fieldsync.protocol.rows import Gone, RecordRef
from fieldsync.protocol.upload import Accepted, Canceled, Discarded, Duplicated, Outcome, Result, Saved, UploadResponse


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


@pytest.mark.parametrize("ended", ["canceled", "discarded", "duplicated"])
def test_a_family_that_left_the_view_is_gone_where_somebody_else_ends_its_edit(lab: Lab, ended: str) -> None:
    visit, line, other = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1), lab.server_id("Visit", 2)
    outcomes: dict[str, Outcome] = {
        "canceled": Canceled("admin", "no"),
        "discarded": Discarded(problem(Code.LOCKED)),
        "duplicated": Duplicated(RecordRef("Visit", visit), RecordRef("Visit", other)),
    }
    lab.download(
        lab.block("Visit", {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}),
        lab.block("Visit_Line", {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}),
    )
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})
    lab.upload(lab.outcome(Accepted(1, 1)))
    lab.download(gone=(Gone("Visit", visit, 7, deleted=False), Gone("Visit_Line", line, 7, deleted=False)), full=False)
    assert (lab.device.count("Visit"), lab.device.count("Visit_Line")) == (1, 1), "as she sees it, until it is decided"
    [entry] = lab.device.queue()
    theirs = [{"Id": visit, "_stamp": 9, "Notes": "v", "Stage": "Open"}]
    theirs += [{"Id": other, "_stamp": 9, "Notes": "w", "Stage": "Open"}] if ended == "duplicated" else []
    result = Result(entry.n, entry.id, outcomes[ended], (RecordRef("Visit", visit),))
    lab.script.then("feed/outcomes", Outcomes((result,), rows=(lab.block("Visit", *theirs),)))
    lab.download(full=False)
    assert [record.id for record in lab.device.find("Visit")] == [one["Id"] for one in theirs[1:]]
    assert lab.device.count("Visit_Line") == 0


@pytest.mark.parametrize("returns", [True, False])
def test_a_family_that_left_the_view_is_seen_whole_though_only_its_head_comes_with_the_save(
    lab: Lab, *, returns: bool
) -> None:
    visit, line = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    detail = {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}
    lab.download(
        lab.block("Visit", {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}),
        lab.block("Visit_Line", detail),
    )
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})
    lab.upload(lab.outcome(Accepted(1, 1)))
    lab.download(gone=(Gone("Visit", visit, 7, deleted=False), Gone("Visit_Line", line, 7, deleted=False)), full=False)
    [entry] = lab.device.queue()
    saved = lab.block("Visit", {"Id": visit, "_stamp": 9, "Notes": "w!", "Stage": "Open"})
    result = Result(entry.n, entry.id, Saved(), (RecordRef("Visit", visit),))
    lab.script.then("feed/outcomes", Outcomes((result,), rows=(saved,)))
    lab.device.sync("upload_only")
    assert (lab.device.count("Visit"), lab.device.count("Visit_Line"), lab.device.queue()) == (1, 1, [])
    lab.download(*([saved, lab.block("Visit_Line", detail | {"_stamp": 8})] if returns else [saved]), full=False)
    assert [record.values["Notes"] for record in lab.device.find("Visit")] == ["w!"]
    assert lab.device.count("Visit_Line") == returns


def test_a_new_family_that_goes_on_growing_while_it_is_uploaded_is_missing_nothing(lab: Lab) -> None:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": shop, "Notes": "v"})
        edit.create("Visit_Line", {"VisitId": visit})
    lab.upload(Unreachable("the answer is lost"))
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})

    def meanwhile(body: bytes) -> UploadResponse:
        with lab.device.edit() as edit:
            edit.create("Visit_Line", {"VisitId": visit})
        return lab.saved()(body)

    lab.clock.advance(3600)
    lab.upload(meanwhile, lab.saved(Product="new"))
    assert lab.device.queue() == []
    assert [record.stamp > 0 for record in lab.device.find("Visit_Line")] == [True, True]


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
