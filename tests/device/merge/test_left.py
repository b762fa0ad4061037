"""Records that left a device's view while a save of them waited, or before one was offered again: what an answer brings
of them is not the whole family, and shows only with the rest of it (laws L4, L5)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab

from fieldsync.base.problems import Code, problem
from fieldsync.device import Unreachable
from fieldsync.protocol.feed import FamilyImage, FeedPage, Outcomes
from fieldsync.protocol.rows import Gone, RecordRef
from fieldsync.protocol.session import History
from fieldsync.protocol.upload import Accepted, Canceled, Discarded, Duplicated, Outcome, Result, Saved, UploadResponse


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


@pytest.mark.parametrize("outcome", [Saved(), Discarded(problem(Code.LOCKED))])
def test_what_a_restored_server_says_of_a_save_that_is_offered_again_is_no_part_of_a_family_that_is_gone(
    lab: Lab, outcome: Outcome
) -> None:
    visit, line = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    root = {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}
    detail = {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}
    lab.download(lab.block("Visit", root), lab.block("Visit_Line", detail))
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})
    lab.upload(lab.saved())
    lab.download(
        gone=(Gone("Visit", visit, 200, deleted=False), Gone("Visit_Line", line, 200, deleted=False)), full=False
    )
    lab.sign_in(history=History("restored", lost_from=0))
    [entry] = lab.device.queue()
    now = lab.block("Visit", root | {"_stamp": 300, "Notes": "now"})
    result = Result(entry.n, entry.id, outcome, (RecordRef("Visit", visit),))
    lab.upload(UploadResponse((result,), (now,)))
    assert lab.device.find("Visit") == []
    lab.download(now, lab.block("Visit_Line", detail | {"_stamp": 301}), full=False)
    assert [record.values["Notes"] for record in lab.device.find("Visit")] == ["now"]
    assert lab.device.count("Visit_Line") == 1


@pytest.mark.parametrize("ended", [Canceled("admin", "no"), Discarded(problem(Code.LOCKED)), "duplicated"])
def test_a_delete_that_a_restored_server_does_not_take_leaves_the_family_as_it_is_until_a_download_brings_the_rest(
    lab: Lab, ended: Outcome | str
) -> None:
    visit, line, other = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1), lab.server_id("Visit", 2)
    root = {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}
    detail = {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}
    lab.download(lab.block("Visit", root), lab.block("Visit_Line", detail))
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})
        edit.delete("Visit_Line", line)
    lab.upload(lab.saved())
    assert (lab.device.queue(), lab.device.count("Visit_Line")) == ([], 0)
    lab.sign_in(history=History("restored", lost_from=0))
    [entry] = lab.device.queue()
    twice = Duplicated(RecordRef("Visit", visit), RecordRef("Visit", other))
    outcome = twice if isinstance(ended, str) else ended
    now = {**root, "_stamp": 3, "Notes": "now"}
    lab.upload(
        UploadResponse((Result(entry.n, entry.id, outcome, (RecordRef("Visit", visit),)),), (lab.block("Visit", now),))
    )
    assert [record.values["Notes"] for record in lab.device.find("Visit", where={"Id": visit})] == ["w"]
    lab.download(lab.block("Visit", now), lab.block("Visit_Line", detail), full=False)
    assert [record.values["Notes"] for record in lab.device.find("Visit", where={"Id": visit})] == ["now"]
    assert lab.device.count("Visit_Line") == 1


def test_a_family_that_left_the_view_and_is_on_the_feed_again_is_shown_though_its_own_edit_was_ended(lab: Lab) -> None:
    visit, line = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    root = {"Id": visit, "_stamp": 5, "Notes": "v", "Stage": "Open"}
    detail = {"Id": line, "_stamp": 5, "VisitId": visit, "Product": "x"}
    lab.download(lab.block("Visit", root), lab.block("Visit_Line", detail))
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "w"})
    lab.upload(lab.outcome(Accepted(1, 1)))
    lab.download(gone=(Gone("Visit", visit, 7, deleted=False), Gone("Visit_Line", line, 7, deleted=False)), full=False)
    [entry] = lab.device.queue()
    refs = RecordRef("Visit", visit), RecordRef("Visit_Line", line)
    rows = lab.block("Visit", root | {"_stamp": 9, "Notes": "again"}), lab.block("Visit_Line", detail | {"_stamp": 9})
    ended = Result(entry.n, entry.id, Canceled("recovery", "it does not fit"), refs[:1])
    lab.script.then("feed", FeedPage("c2", (FamilyImage(refs[0], refs),), rows, (), (ended,)))
    lab.device.wake()
    lab.device.step()
    assert [record.values["Notes"] for record in lab.device.find("Visit")] == ["again"]
    assert (lab.device.count("Visit_Line"), lab.device.queue()) == (1, [])


@pytest.mark.parametrize("whole", [True, False])
def test_a_family_is_of_the_history_that_was_lost_or_of_the_restored_one(lab: Lab, *, whole: bool) -> None:
    """The restored rows have lower versions than those the device saw."""
    visit, line = lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    root = {"Id": visit, "_stamp": 200, "Notes": "lost", "Stage": "Open"}
    detail = {"Id": line, "_stamp": 200, "VisitId": visit, "Product": "lost"}
    lab.download(lab.block("Visit", root), lab.block("Visit_Line", detail))
    lab.sign_in(history=History("restored", lost_from=100))
    with lab.device.edit() as edit:
        edit.update("Visit", visit, {"Notes": "mine"})
        edit.update("Visit_Line", line, {"Product": "mine"})
    [entry] = lab.device.queue()
    now = [lab.block("Visit", root | {"_stamp": 300, "Notes": "now"})]
    restored = lab.block("Visit_Line", detail | {"_stamp": 50, "Product": "yesterday"})
    result = Result(entry.n, entry.id, Discarded(problem(Code.LOCKED)), (RecordRef("Visit", visit),))
    lab.upload(UploadResponse((result,), tuple([*now, restored] if whole else now)))
    assert _shown(lab) == (("now", "yesterday") if whole else ("mine", "mine")), "as she sees it"
    assert lab.device.widget().sync_required
    lab.download(*now, restored, full=False)
    assert _shown(lab) == ("now", "yesterday")


def _shown(lab: Lab) -> tuple[object, object]:
    """Of the one visit and its one line."""
    [visit], [line] = lab.device.find("Visit"), lab.device.find("Visit_Line")
    return visit.values["Notes"], line.values["Product"]
