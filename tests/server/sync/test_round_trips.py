"""How often one save in real time, and the reading of it, wait for PostgreSQL (docs/adr/0014)."""

from __future__ import annotations

import psycopg
import pytest
from tests.server.lab import Lab, create, update

from fieldsync.server.postgres.listen import CHANNEL, Named, news_in
from fieldsync.server.postgres.work import pipe
from fieldsync.server.postgres.work.trip import Answer, Step


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements went with each wait."""
    seen: list[int] = []
    send = pipe.Pipe._send

    async def counted(self: pipe.Pipe, steps: list[Step]) -> list[Answer]:
        seen.append(len(self._writes) + len(steps))
        return await send(self, steps)

    monkeypatch.setattr(pipe.Pipe, "_send", counted)
    return seen


def test_a_save_waits_three_times_and_its_reader_twice(lab: Lab, trips: list[int]) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    lab.person("sarah")
    ipad, iphone = lab.phone("sarah"), lab.phone("sarah", "iphone")
    for phone in (ipad, iphone):
        phone.download()
    for n, (old, new) in enumerate([(None, "Graz"), ("Graz", "Wien"), ("Wien", "Linz")]):
        saving = ipad.save(update("Shop", shop, City=(old, new)))
        trips.clear()
        ipad.upload(saving)
        saved = list(trips)
        trips.clear()
        page = iphone.feed()
        assert [family.root.id for family in page.families] == [shop]
        if n:  # the first time, rights and rules are looked up too
            assert len(saved) <= 3, saved
            assert len(trips) <= 2, trips


def test_a_reader_who_was_told_what_the_news_are_of_waits_once_and_a_wrong_word_changes_nothing(
    lab: Lab, trips: list[int]
) -> None:
    shop, other = lab.rows("Shop", {"Name": "Corner"}, {"Name": "Other"})
    lab.person("sarah")
    ipad, iphone = lab.phone("sarah"), lab.phone("sarah", "iphone")
    for phone in (ipad, iphone):
        phone.download()
    right, wrong = Named("Shop", (shop,)), [("Shop", (other,)), ("Nothing", ("a",)), ("Shop", (other, shop))]
    waits, before = [], None
    for n, word in enumerate([None, right, *(Named(*each) for each in wrong)]):
        for city in (f"{n} 0", f"{n} 1"):
            ipad.outcome(update("Shop", shop, City=(before, city)))
            before = city
        trips.clear()
        page = iphone.feed(word)
        waits.append(len(trips))
        [family] = page.families
        [block] = page.rows
        assert (family.root.id, page.more, page.gone) == (shop, False, ())
        assert f"{n} 1".encode() in bytes(block.rows)
    assert waits[:2] == [2, 1]
    assert max(waits) <= 3


def test_a_save_names_what_it_changed_where_that_has_no_parts(lab: Lab) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    lab.person("sarah")
    ipad = lab.phone("sarah")
    with psycopg.connect(lab.uri, autocommit=True) as hears:
        hears.execute(f"LISTEN {CHANNEL}")
        ipad.outcome(update("Shop", shop, City=(None, "Graz")))
        ipad.outcome(create("Visit", ipad.new_id("Visit"), ShopId=shop))
        ipad.upload(*(ipad.save(create("Shop", ipad.new_id("Shop"), Name=f"{n}")) for n in range(4)))
        told = [news_in(notice.payload) for notice in hears.notifies(timeout=20, stop_after=3)]
    assert [news.named for news in told] == [Named("Shop", (shop,)), None, None]
    assert len({news.sender for news in told}) == 1


def test_a_family_is_read_with_one_trip_for_each_level_below_its_root_s_details(lab: Lab, trips: list[int]) -> None:
    [shop] = lab.rows("Shop", {"Name": "Corner"})
    lab.person("sarah")
    ipad, iphone = lab.phone("sarah"), lab.phone("sarah", "iphone")
    for phone in (ipad, iphone):
        phone.download()
    for _ in range(2):
        visit, lines = ipad.new_id("Visit"), [ipad.new_id("Visit_Line") for _ in range(2)]
        items = [
            create("Visit", visit, ShopId=shop),
            *(create("Visit_Line", i, VisitId=visit) for i in lines),
        ]
        items += [create("Line_Part", ipad.new_id("Line_Part"), LineId=line) for line in lines]
        ipad.upload(ipad.save(*items))
        trips.clear()
        [family] = iphone.feed().families
        assert family.root.id == visit
        assert [ref.object for ref in family.members] == ["Visit", "Visit_Line", "Visit_Line", "Line_Part", "Line_Part"]
    assert len(trips) <= 3, trips
