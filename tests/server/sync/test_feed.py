"""The feed: the author's other devices get each save once, whole, and nobody else gets it (laws L4, L5, L9)."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from tests.server.lab import Lab, Phone, create, delete, table, update

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Saved
from fieldsync.server.http.context import reading
from fieldsync.server.sync.feed import Cursor, read_feed


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


def test_rights_are_asked_when_it_is_read_not_when_it_was_saved(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    """FEATURES C13."""
    shop, visit = sarah.new_id("Shop"), sarah.new_id("Visit")
    sarah.outcome(create("Shop", shop, Name="x"))
    sarah.outcome(create("Visit", visit, ShopId=shop))
    lab.rows("Profile", {"Name": "Nobody"})
    lab.query("""UPDATE "User" SET "ProfileId" = (SELECT "Id" FROM "Profile" WHERE "Name" = 'Nobody')
        WHERE "Username" = 'sarah@small.example' RETURNING 1""")
    lab.query("UPDATE _user_head SET rights_version = rights_version + 1 RETURNING 1")
    page = iphone.feed()
    assert page.rows == ()
    assert all(family.members == () for family in page.families)


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


@pytest.mark.usefixtures("patient")
def test_a_reader_among_writers_misses_nothing_and_gets_nothing_twice(lab: Lab, sarah: Phone) -> None:
    """FEATURES C09, law L9: four devices save at once, some saves refused, while a fifth reads page after page."""
    reader = lab.phone("sarah", "reader")
    reader.download()
    writers = [lab.phone("sarah", f"writer {number}") for number in range(4)]
    made: list[str] = []
    seen: list[str] = []

    async def save(phone: Phone, number: int) -> None:
        for turn in range(12):
            shop = phone.new_id("Shop")
            bad = turn % 4 == 3
            batch = [phone.save(create("Shop", shop, Name="x", Code="same" if bad else f"{number} {turn}"))]
            batch += [phone.save(create("Visit", phone.new_id("Visit"), ShopId=shop)) for _ in range(turn % 3)]
            answer = await phone.send(*batch)
            saved = (result for result in answer.results if isinstance(result.outcome, Saved))
            made.extend(ref.id for result in saved for ref in result.touched)

    async def read() -> None:
        while not (all(task.done() for task in tasks) and set(made) <= set(seen)):
            async with reading(lab.org, reader.token) as (work, caller):
                page = await read_feed(lab.org, work, caller, reader.cursor)
            reader.cursor = page.cursor
            seen.extend(family.root.id for family in page.families)
            await asyncio.sleep(0.001)

    async def all_at_once() -> None:
        tasks.extend(asyncio.create_task(save(phone, number)) for number, phone in enumerate(writers))
        await asyncio.wait_for(asyncio.gather(*tasks, read()), 60)

    tasks: list[asyncio.Task[None]] = []
    lab.run(all_at_once())
    assert sorted(made) == sorted(set(made))
    assert sorted(seen) == sorted(made)
    positions = [p for (p,) in lab.query("SELECT feed_position FROM _change WHERE feed_position > 0 ORDER BY 1")]
    assert positions == list(range(1, len(positions) + 1))


def test_it_is_looked_for_in_the_days_that_it_can_lie_in_however_many_the_log_keeps(lab: Lab) -> None:
    days = len(lab.query("SELECT 1 FROM pg_inherits WHERE inhparent = '_change'::regclass"))
    today = lab.clock.now().date()
    cursor = Cursor(0, day=today.isoformat())
    asked = {"user": "x", "after": 0, "limit": 10, **cursor.days(today)}
    with psycopg.connect(lab.uri, options=f"-c search_path={lab.org.schema}", autocommit=True) as connection:
        plan = connection.execute(
            f"EXPLAIN {lab.org.read.feed.text}".encode(), lab.org.read.feed.bind(asked)
        ).fetchall()
    assert sum(" on _change_" in line for (line,) in plan) == 3 < days, "the day before, the day, and the day after"


def test_what_was_saved_on_a_day_before_the_cursors_is_not_passed_over(lab: Lab, sarah: Phone, iphone: Phone) -> None:
    """A server's clock ran days ahead and was put right: what it says of later saves is earlier."""
    lab.clock.jump(86_400 * 5)
    sarah.renew()
    iphone.renew()
    first, second = sarah.new_id("Shop"), sarah.new_id("Shop")
    sarah.outcome(create("Shop", first, Name="ahead"))
    assert [family.root.id for family in iphone.feed().families] == [first]
    lab.clock.jump(-86_400 * 5)
    sarah.outcome(create("Shop", second, Name="right"))
    assert [family.root.id for family in iphone.feed().families] == [second]
