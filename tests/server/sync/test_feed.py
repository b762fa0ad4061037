"""The feed: the author's other devices get each save once, whole, and nobody else gets it (laws L4, L5, L9)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, delete, table, update

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.rows import RecordRef


@pytest.fixture
def sarah(lab: Lab) -> Phone:
    lab.person("sarah")
    phone = lab.phone("sarah")
    phone.download()
    return phone


@pytest.fixture
def iphone(lab: Lab, sarah: Phone) -> Phone:
    phone = lab.phone("sarah", "iphone")
    phone.download()
    return phone


def test_a_save_reaches_the_authors_other_device_as_a_whole_family(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    visit, line = sarah.new_id("Visit"), sarah.new_id("Visit_Line")
    sarah.outcome(create("Visit", visit, ShopId=shop), create("Visit_Line", line, VisitId=visit))
    page = iphone.feed()
    [family] = page.families
    assert family.members == (RecordRef("Visit", visit), RecordRef("Visit_Line", line))
    assert table(page.rows, "Visit")[visit]["Name"] == "V-0001"
    assert iphone.feed().families == ()
    assert sarah.feed().families == ()


def test_nobody_else_gets_it(lab: Lab, sarah: Phone) -> None:
    lab.person("tom")
    tom = lab.phone("tom")
    tom.download()
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert tom.feed().families == ()


def test_the_master_comes_with_its_child(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    [visit] = lab.rows("Visit", {"ShopId": shop})
    sarah.outcome(create("Visit_Line", sarah.new_id("Visit_Line"), VisitId=visit))
    [family] = iphone.feed().families
    assert family.root == RecordRef("Visit", visit)
    assert len(family.members) == 2


def test_a_delete_travels_as_a_root_without_members(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))
    iphone.feed()
    [(seen,)] = lab.query('SELECT _stamp FROM "Shop"')
    sarah.outcome(delete("Shop", shop, seen))
    page = iphone.feed()
    assert [(f.root.id, f.members) for f in page.families] == [(shop, ())]
    assert [gone.id for gone in page.gone] == [shop]


def test_online_edits_are_not_on_the_feed(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "made online"})
    assert sarah.feed().families == ()


def test_positions_have_no_gap(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    for phone in (sarah, iphone, sarah):
        phone.upload(*(phone.save(create("Shop", phone.new_id("Shop"), Name="x")) for _ in range(3)))
        phone.outcome(create("Shop", phone.new_id("Shop")))
    positions = [p for (p,) in lab.query("SELECT feed_position FROM _change WHERE feed_position > 0 ORDER BY 1")]
    assert positions == list(range(1, 10))


def test_pages_hold_whole_transactions(lab: Lab, sarah: Phone, iphone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldsync.base import limits

    monkeypatch.setattr(limits, "FEED_PAGE_ENTRIES_MAX", 4)
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    visits = [sarah.new_id("Visit") for _ in range(3)]
    for visit in visits:
        lines = [create("Visit_Line", sarah.new_id("Visit_Line"), VisitId=visit) for _ in range(2)]
        sarah.outcome(create("Visit", visit, ShopId=shop), *lines)
    seen = []
    while True:
        page = iphone.feed()
        seen += [(family.root.id, len(family.members)) for family in page.families]
        if not page.more:
            break
    assert seen == [(visit, 3) for visit in visits]


@pytest.mark.parametrize("spoil", [lambda c: c[:-4] + "AAAA", lambda c: "", lambda c: "%%%", lambda c: c[1:]])
def test_a_cursor_that_is_not_ours_is_refused(sarah: Phone, spoil: object) -> None:
    assert callable(spoil)
    sarah.cursor = spoil(sarah.cursor)
    with pytest.raises(Refused) as refused:
        sarah.feed()
    assert refused.value.problem.code is Code.BAD_CURSOR


def test_a_cursor_of_another_user_or_device_is_refused(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    iphone.cursor = sarah.cursor
    with pytest.raises(Refused):
        iphone.feed()


def test_a_cursor_below_the_floor_needs_an_incremental(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    lab.query("UPDATE _user_head SET floor = 1 WHERE user_id = %(u)s RETURNING 1", u=sarah.session.user.id)
    with pytest.raises(Refused) as refused:
        iphone.feed()
    assert refused.value.problem.code is Code.INCREMENTAL_REQUIRED
    iphone.download()
    assert iphone.feed().families == ()


def test_an_edit_shows_the_latest_image_once(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x", City="Graz"))
    sarah.outcome(update("Shop", shop, City=("Graz", "Lyon")))
    page = iphone.feed()
    assert [f.root.id for f in page.families] == [shop]
    assert table(page.rows, "Shop")[shop]["City"] == "Lyon"
