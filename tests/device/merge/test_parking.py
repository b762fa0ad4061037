"""D02 to D05 and law L8: news of a family somebody is busy with waits as base image, and is never thrown away."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, rejected

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Event, Mark, NewsWaiting, RecordsChanged, Unreachable
from fieldsync.device.merge.apply import apply
from fieldsync.device.merge.image import images_of
from fieldsync.protocol.feed import FamilyImage, FeedPage
from fieldsync.protocol.rows import Gone, RecordRef
from fieldsync.protocol.upload import Saved, UploadResponse


def one_shop(lab: Lab) -> RecordId:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    return shop


def city(lab: Lab, shop: RecordId) -> object:
    found = lab.device.get("Shop", shop)
    return None if found is None else found.values["City"]


def edit_city(lab: Lab, shop: RecordId, value: str) -> int:
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": value})
    return edit.queue_numbers[0]


def newer(lab: Lab, shop: RecordId, stamp: int = 9, value: str = "theirs") -> None:
    row = {"Id": shop, "_stamp": stamp, "Name": "One", "City": value}
    lab.script.then("download", lab.lines(lab.block("Shop", row)))
    lab.script.then("upload", Unreachable("kept away"))
    try:
        lab.device.sync()
    except Refused:
        lab.script.answers["upload"] = []
        with_download(lab, shop, row)


def with_download(lab: Lab, shop: RecordId, row: dict[str, object]) -> None:
    """News by the feed: downloads wait for uploads, the feed does not."""
    lab.script.answers["download"] = []
    ref = RecordRef("Shop", shop)
    page = FeedPage("cursor2", (FamilyImage(ref, (ref,)),), (lab.block("Shop", row),))
    lab.script.then("feed", page)
    lab.device.wake()
    while lab.script.answers["feed"]:
        lab.clock.advance(1)
        lab.device.step()


def test_news_for_a_pending_record_waits_and_undo_shows_it(lab: Lab) -> None:
    shop = one_shop(lab)
    n = edit_city(lab, shop, "mine")
    newer(lab, shop)
    assert city(lab, shop) == "mine"
    lab.clock.advance(3600)
    lab.upload(lab.outcome(rejected(Code.CONFLICT_OLD_VALUE, object="Shop", id=shop, field="City")))
    assert lab.device.mark("Shop", shop) is Mark.CONFLICT
    lab.device.undo(n)
    assert city(lab, shop) == "theirs"
    assert lab.device.mark("Shop", shop) is Mark.CLEAN


def test_news_that_came_while_pending_is_there_after_the_save(lab: Lab) -> None:
    """The divergence of throwing it away: another device's later version must not be lost (lab/m2.py)."""
    shop = one_shop(lab)
    edit_city(lab, shop, "mine")
    newer(lab, shop, stamp=500, value="later still")
    lab.clock.advance(3600)
    lab.upload(lab.saved(City="mine"))  # the answer says stamp 101: older than what the feed brought
    assert city(lab, shop) == "later still"


def test_a_second_pending_edit_keeps_the_row_when_the_first_is_saved(lab: Lab) -> None:
    shop = one_shop(lab)
    edit_city(lab, shop, "first")

    def meanwhile(body: bytes) -> object:
        edit_city(lab, shop, "second")
        return lab.saved(City="FIRST")(body)

    lab.upload(meanwhile)
    assert city(lab, shop) == "second"
    lab.upload(lab.saved(City="SECOND"))
    assert city(lab, shop) == "SECOND"


def test_an_open_record_changes_only_when_it_is_left(lab: Lab) -> None:
    shop = one_shop(lab)
    told: list[Event] = []
    lab.device.subscribe(told.append)
    with lab.device.view("Shop", shop) as view:
        assert not view.news
        newer(lab, shop)
        assert (city(lab, shop), view.news) == ("a", True)
        assert NewsWaiting("Shop", shop) in told
    assert city(lab, shop) == "theirs"
    assert RecordsChanged("Shop", (shop,)) in told


def test_a_person_may_ask_for_the_news_of_an_open_record(lab: Lab) -> None:
    shop = one_shop(lab)
    view = lab.device.view("Shop", shop)
    newer(lab, shop)
    assert view.show_news()
    assert (city(lab, shop), view.news) == ("theirs", False)
    edit_city(lab, shop, "mine")
    newer(lab, shop, 20, "again")
    assert not view.show_news()
    assert city(lab, shop) == "mine"


def test_a_lease_that_is_not_renewed_gives_the_record_back(lab: Lab) -> None:
    shop = one_shop(lab)
    view = lab.device.view("Shop", shop)
    newer(lab, shop)
    lab.clock.advance(59)
    assert view.renew()
    lab.clock.advance(59)
    lab.device.step()
    assert city(lab, shop) == "a"
    lab.clock.advance(2)
    lab.device.step()
    assert city(lab, shop) == "theirs"
    assert not view.renew()


def test_open_records_and_drafts_outlive_the_process(lab: Lab) -> None:
    shop = one_shop(lab)
    view = lab.device.view("Shop", shop)
    lab.device.drafts.put("call/1", {"Notes": "half", "lines": ["1"]})
    lab.reopen()
    assert lab.device.views.renew(view.token)
    assert lab.device.drafts.get("call/1") == {"Notes": "half", "lines": ["1"]}
    lab.device.drafts.drop("call/1")
    assert lab.device.drafts.get("call/1") is None


def a_visit(lab: Lab) -> tuple[RecordId, list[RecordId]]:
    shop, visit = lab.server_id("Shop", 1), lab.server_id("Visit", 1)
    lines = [lab.server_id("Visit_Line", n) for n in (1, 2)]
    lab.download(
        lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}),
        lab.block("Visit", {"Id": visit, "_stamp": 5, "ShopId": shop, "Notes": "a", "Stage": "Open"}),
        lab.block("Visit_Line", *({"Id": i, "_stamp": 5, "VisitId": visit, "Product": "a"} for i in lines)),
    )
    return visit, lines


def family(lab: Lab, visit: RecordId, lines: list[RecordId], stamp: int, word: str, **root: object) -> FeedPage:
    members = (RecordRef("Visit", visit), *(RecordRef("Visit_Line", i) for i in lines))
    blocks = (
        lab.block("Visit", {"Id": visit, "_stamp": stamp, "Notes": word, "Stage": "Open", **root}),
        lab.block("Visit_Line", *({"Id": i, "_stamp": stamp, "VisitId": visit, "Product": word} for i in lines)),
    )
    return FeedPage("cursor2", (FamilyImage(members[0], members),), blocks)


def feed(lab: Lab, page: FeedPage) -> None:
    lab.script.then("feed", page)
    lab.device.wake()
    while lab.script.answers["feed"]:
        lab.clock.advance(1)
        lab.device.step()


def words(lab: Lab) -> list[object]:
    lines = sorted(str(r.values["Product"]) for r in lab.device.find("Visit_Line"))
    return [*(r.values["Notes"] for r in lab.device.find("Visit")), *lines]


def test_a_family_waits_whole_and_is_merged_whole(lab: Lab) -> None:
    visit, lines = a_visit(lab)
    with lab.device.edit() as edit:
        edit.update("Visit_Line", lines[0], {"Product": "mine"})
    third = lab.server_id("Visit_Line", 3)
    feed(lab, family(lab, visit, [lines[0], third], 9, "b"))
    assert words(lab) == ["a", "a", "mine"], "no member changes while one is pending, and no new one appears"
    lab.clock.advance(3600)
    lab.upload(lab.saved(Product="mine!"))
    assert words(lab) == ["b", "b", "mine!"], "the unlisted line is gone, the new one is here"


def test_a_member_that_is_pending_is_not_removed_by_a_manifest(lab: Lab) -> None:
    visit, lines = a_visit(lab)
    with lab.device.edit() as edit:
        mine = edit.create("Visit_Line", {"VisitId": visit, "Product": "new"})
    feed(lab, family(lab, visit, lines, 9, "b"))
    assert lab.device.get("Visit_Line", mine) is not None
    lab.clock.advance(3600)
    lab.upload(lab.saved())
    assert words(lab) == ["b", "b", "b", "new"]


def test_an_incomplete_family_is_not_shown(lab: Lab) -> None:
    shop, visit, line = lab.server_id("Shop", 1), lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One"}))
    whole = family(lab, visit, [line], 9, "b")
    feed(lab, FeedPage("cursor2", whole.families, whole.rows[:1]))
    assert words(lab) == []
    feed(lab, whole)
    assert words(lab) == ["b", "b"]


@pytest.mark.parametrize("others", [0, 3000])
def test_what_was_missing_of_a_family_is_not_waited_for_behind_a_download(lab: Lab, others: int) -> None:
    visit, lines = a_visit(lab)
    whole = family(lab, visit, lines, 9, "b")
    feed(
        lab,
        FeedPage("cursor2", family(lab, visit, [*lines, lab.server_id("Visit_Line", 3)], 9, "b").families, whole.rows),
    )
    assert words(lab) == ["a", "a", "a"]
    rows = ({"Id": lab.server_id("Shop", n), "_stamp": 9, "Name": 100 * "n"} for n in range(2, others + 2))
    lab.download(*([lab.block("Shop", *rows)] if others else []), full=False)
    assert words(lab) == ["b", "b", "b"], "everything that is open to us is here"


def test_a_root_that_is_gone_takes_its_family_with_it(lab: Lab) -> None:
    visit, _ = a_visit(lab)
    ref = RecordRef("Visit", visit)
    feed(lab, FeedPage("cursor2", (FamilyImage(ref, ()),), (), (Gone("Visit", visit, 9),)))
    assert words(lab) == []


def test_staged_news_refuses_an_action_with_its_reason(lab: Lab) -> None:
    visit, lines = a_visit(lab)
    with lab.device.view("Visit", visit):
        feed(lab, family(lab, visit, lines, 9, "b", Stage="Closed"))
        with pytest.raises(Refused) as caught, lab.device.edit() as edit:
            edit.update("Visit", visit, {"Stage": "Closed"})
        assert caught.value.problem.code is Code.LOCKED
        ref = RecordRef("Visit", visit)
        feed(lab, FeedPage("cursor3", (FamilyImage(ref, ()),), (), (Gone("Visit", visit, 12),)))
        with pytest.raises(Refused) as caught, lab.device.edit() as edit:
            edit.update("Visit", visit, {"Notes": "x"})
        assert caught.value.problem.code is Code.ENTITY_DELETED


@pytest.mark.parametrize("there", [True, False])
def test_what_a_restored_server_said_meanwhile_counts_and_not_the_version_of_the_row(lab: Lab, *, there: bool) -> None:
    """The row is of the history that was lost, and its version a higher one than any the server will give for long."""
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 500, "Name": "One", "City": "lost"}))
    edit_city(lab, shop, "mine")
    restored = lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "restored"})
    with lab.device._store.write() as work:
        apply(work, (tables := lab.device._store.tables), images_of(tables, [restored], []), forced=True)
    assert city(lab, shop) == "mine"
    if there:
        lab.upload(lab.saved(City="mine, as saved"))
        assert city(lab, shop) == "mine, as saved"
    else:
        saved = lab.outcome(Saved())
        lab.upload(lambda body: UploadResponse(saved(body).results, gone=(Gone("Shop", shop, 101),)))
        assert city(lab, shop) is None


def test_applying_again_changes_nothing(lab: Lab) -> None:
    visit, lines = a_visit(lab)
    page = family(lab, visit, lines, 9, "b")
    feed(lab, page)
    before = words(lab)
    feed(lab, page)
    feed(lab, family(lab, visit, lines, 7, "older"))
    assert words(lab) == before
