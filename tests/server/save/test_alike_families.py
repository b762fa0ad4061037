"""Records of a family that are the same as one there is become it, and the rest of their save goes with them (G19)."""

from __future__ import annotations

import pytest
from tests.server.lab import Lab, Phone, create, table, update
from tests.server.save.test_alike import lab as _lab
from tests.server.save.test_alike import present, sarah, tom

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Item, Linked, Rejected, Saved

__all__ = ["sarah", "tom"]
lab = _lab


def congress(phone: Phone, *badges: str, number: str = "7", city: str = "Bonn") -> list[Item]:
    """A congress with these guests, each with a meal."""
    root = phone.new_id("Congress")
    items = [create("Congress", root, Name="c", Number=number, City=city)]
    for badge in badges:
        guest = phone.new_id("Guest")
        items.append(create("Guest", guest, Name="g", CongressId=root, Badge=badge, City=city))
        items.append(create("Meal", phone.new_id("Meal"), Name="m", GuestId=guest))
    return items


def guests(lab: Lab) -> list[tuple[str, str, str]]:
    """Congress, badge and city of those there are."""
    return lab.query('SELECT "CongressId", "Badge", "City" FROM "Guest" WHERE NOT "IsDeleted" ORDER BY "Badge"')


def test_a_whole_family_that_is_there_becomes_it_and_only_what_is_new_is_added(
    lab: Lab, sarah: Phone, tom: Phone
) -> None:
    first = congress(sarah, "A", "B")
    assert sarah.outcome(*first) == Saved()
    second = congress(tom, "B", "C", city="Rome")
    response = tom.upload(tom.save(*second))
    root, guest_b = first[0].id, first[3].id
    assert response.results[0].outcome == Linked({second[0].id: root, second[1].id: guest_b})
    assert present(lab, "Congress") == [root]
    assert guests(lab) == [(root, "A", "Bonn"), (root, "B", "Bonn"), (root, "C", "Rome")]
    meals = dict(lab.query('SELECT "Id", "GuestId" FROM "Meal"'))
    assert meals[second[2].id] == guest_b, "what he saved under his guest is under the one there is"
    assert meals[second[4].id] == second[3].id
    assert table(response.rows, "Congress")[root]["City"] == "Bonn"
    assert {(gone.id, gone.into) for gone in response.gone} == {(second[0].id, root), (second[1].id, guest_b)}


def test_a_replay_is_told_the_same_and_later_saves_are_said_of_what_is_there(
    lab: Lab, sarah: Phone, tom: Phone
) -> None:
    first, second = congress(sarah, "A"), congress(tom, "A", "B")
    sarah.outcome(*first)
    saves = [
        tom.save(*second),
        tom.save(update("Guest", second[1].id, after=1, City=("Bonn", "Köln"))),
        tom.save(create("Guest", tom.new_id("Guest"), Name="g", CongressId=second[0].id, Badge="D")),
    ]
    outcomes = [result.outcome for result in tom.upload(*saves).results]
    assert [type(outcome) for outcome in outcomes] == [Linked, Saved, Saved]
    assert [result.outcome for result in tom.upload(*saves).results] == outcomes
    root = first[0].id
    assert guests(lab) == [(root, "A", "Köln"), (root, "B", "Bonn"), (root, "D", None)]


def test_a_new_detail_of_a_visit_that_both_have_becomes_the_one_there_is(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first = congress(sarah)
    sarah.outcome(*first)
    mine = create("Guest", sarah.new_id("Guest"), Name="g", CongressId=first[0].id, Badge="A")
    assert sarah.outcome(mine) == Saved()
    theirs = create("Guest", tom.new_id("Guest"), Name="g", CongressId=first[0].id, Badge="A")
    meal = create("Meal", tom.new_id("Meal"), Name="m", GuestId=theirs.id)
    assert tom.outcome(theirs, meal) == Linked({theirs.id: mine.id})
    assert lab.query('SELECT "GuestId" FROM "Meal"') == [(mine.id,)]


def test_two_of_one_save_are_one(lab: Lab, sarah: Phone) -> None:
    items = congress(sarah, "A", "A")
    assert sarah.outcome(*items) == Linked({items[3].id: items[1].id})
    assert len(guests(lab)) == 1
    assert lab.query('SELECT DISTINCT "GuestId" FROM "Meal"') == [(items[1].id,)]


def test_many_saves_of_one_upload_are_as_if_sent_one_by_one(lab: Lab, sarah: Phone, tom: Phone) -> None:
    sarah.outcome(*congress(sarah, "A"))
    saves = [tom.save(*congress(tom, badge, number=number)) for badge, number in ("A7", "B7", "A8", "B8")]
    outcomes = [type(result.outcome) for result in tom.upload(*saves).results]
    assert outcomes == [Linked, Linked, Saved, Linked]
    assert len(present(lab, "Congress")) == 2
    assert [badge for _, badge, _ in guests(lab)] == ["A", "A", "B", "B"]


def test_nothing_is_added_to_one_that_was_submitted(lab: Lab, sarah: Phone, tom: Phone) -> None:
    first = congress(sarah, "A")
    sarah.outcome(*first)
    sarah.outcome(update("Congress", first[0].id, after=1, Status=("Open", "Held")))
    outcome = tom.outcome(*congress(tom, "B"))
    assert isinstance(outcome, Rejected)
    assert {one.code for one in outcome.problems} == {Code.LOCKED}
    assert lab.query("SELECT count(*) FROM _alias") == [(0,)]
    assert [badge for _, badge, _ in guests(lab)] == ["A"]


def test_a_refusal_of_the_rest_refuses_all_of_it_and_links_nothing(lab: Lab, sarah: Phone, tom: Phone) -> None:
    sarah.outcome(*congress(sarah, "A"))
    second = congress(tom, "B")
    bad = create("Meal", tom.new_id("Meal"), Name="m", GuestId=RecordId(sarah.new_id("Guest")))
    assert isinstance(tom.outcome(*second, bad), Rejected)
    assert lab.query("SELECT count(*) FROM _alias") == [(0,)]


@pytest.mark.parametrize("number", ["7", "8"])
def test_it_is_journaled_with_what_each_record_became(lab: Lab, sarah: Phone, tom: Phone, number: str) -> None:
    first, second = congress(sarah), congress(tom, "A", number=number)
    sarah.outcome(*first)
    tom.outcome(*second)
    told = dict(lab.query('SELECT "Record_Id", "Result_Id" FROM "Sync_Transaction_Record"'))
    assert told[second[0].id] == (first[0].id if number == "7" else second[0].id)
    assert told[second[1].id] == second[1].id
