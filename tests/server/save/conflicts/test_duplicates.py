"""Exactly one duplicate for each device and original, whatever is sent again, at once or later (FEATURES K05)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import Lab, create, delete, update
from tests.server.save.conflicts.pack import prepare

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Duplicated, Held, Rejected, Saved

if TYPE_CHECKING:
    from tests.conftest import Databases


class Trip:
    """A trip with one line, that the ipad submitted and the iphone has not seen submitted."""

    def __init__(self, lab: Lab) -> None:
        lab.person("sarah")
        self.lab, self.ipad, self.iphone = lab, lab.phone("sarah"), lab.phone("sarah", "iphone")
        [self.root] = lab.rows("Trip", {"Name": "t", "Notes": "base", "Status": "Saved"})
        [self.line] = lab.rows("Trip_Line", {"Name": "l", "Notes": "base", "RootId": self.root})
        assert isinstance(self.ipad.outcome(update("Trip", self.root, Status=("Saved", "Submitted"))), Saved)

    def duplicates(self) -> list[tuple[RecordId, str]]:
        return self.lab.query('SELECT "Id", "Notes" FROM "Trip" WHERE "Original" = %(id)s ORDER BY 1', id=self.root)

    def lines(self, root: str) -> list[str]:
        query = 'SELECT "Notes" FROM "Trip_Line" WHERE "RootId" = %(id)s AND NOT "IsDeleted" ORDER BY 1'
        return [notes for (notes,) in self.lab.query(query, id=root)]


@pytest.fixture
def trip(databases: Databases) -> Iterator[Trip]:
    name = databases.create(databases.template("kinds", prepare))
    lab = Lab(databases.uri(name))
    try:
        yield Trip(lab)
    finally:
        lab.close()
        databases.drop(name)


def test_a_save_that_is_sent_again_makes_no_second_duplicate(trip: Trip) -> None:
    save = trip.iphone.save(update("Trip", trip.root, Notes=("base", "mine")))
    first, again = (trip.iphone.upload(save).results[0].outcome for _ in range(2))
    assert isinstance(first, Duplicated)
    assert first == again
    assert trip.duplicates() == [(first.duplicate.id, "mine")]


def test_each_device_has_its_own(trip: Trip) -> None:
    other = trip.lab.phone("sarah", "tablet")
    for phone, notes in ((trip.iphone, "a"), (other, "b")):
        assert isinstance(phone.outcome(update("Trip", trip.root, Notes=("base", notes))), Duplicated)
    assert sorted(notes for _, notes in trip.duplicates()) == ["a", "b"]


def test_saves_of_one_upload_share_it(trip: Trip) -> None:
    """The second names another record, so it could run beside the first; the third edits the copy again."""
    phone = trip.iphone
    saves = (
        phone.save(update("Trip", trip.root, Notes=("base", "mine"))),
        phone.save(update("Trip_Line", trip.line, Notes=("base", "first"))),
        phone.save(update("Trip_Line", trip.line, after=2, Notes=("first", "second"))),
        phone.save(update("Trip", trip.root, after=1, Notes=("mine", "last"))),
    )
    outcomes = [result.outcome for result in phone.upload(*saves).results]
    assert all(isinstance(outcome, Duplicated) for outcome in outcomes), outcomes
    [(duplicate, notes)] = trip.duplicates()
    assert (notes, trip.lines(duplicate), trip.lines(trip.root)) == ("last", ["second"], ["base"])


def test_what_was_new_is_edited_under_the_duplicate_together_with_the_original(trip: Trip) -> None:
    phone, line = trip.iphone, trip.iphone.new_id("Trip_Line")
    new = create("Trip_Line", line, Name="n", RootId=trip.root, Notes="new")
    assert isinstance(phone.outcome(new), Duplicated)
    again = phone.outcome(
        update("Trip", trip.root, Notes=("base", "mine")), update("Trip_Line", line, after=1, Notes=("new", "newer"))
    )
    assert isinstance(again, Duplicated), again
    [(duplicate, notes)] = trip.duplicates()
    assert (notes, trip.lines(duplicate)) == ("mine", ["newer"])


def test_a_copy_that_is_deleted_again_goes_and_the_original_stays(trip: Trip) -> None:
    phone = trip.iphone
    assert isinstance(phone.outcome(update("Trip_Line", trip.line, Notes=("base", "mine"))), Duplicated)
    both = phone.outcome(update("Trip", trip.root, Notes=("base", "mine")), delete("Trip_Line", trip.line))
    assert isinstance(both, Duplicated), both
    [(duplicate, _)] = trip.duplicates()
    assert (trip.lines(duplicate), trip.lines(trip.root)) == ([], ["base"])


def test_a_duplicate_that_would_be_refused_is_refused_whole_and_the_rest_goes_on(trip: Trip) -> None:
    phone = trip.iphone
    [shop] = trip.lab.rows("Clinic", {"Name": "c"})
    saves = (
        phone.save(update("Trip", trip.root, Notes=("base", "mine"), Name=("t", None))),
        phone.save(update("Clinic", shop, Notes=(None, "on"))),
        phone.save(update("Trip", trip.root, after=1, Notes=("mine", "later"))),
    )
    outcomes = [result.outcome for result in phone.upload(*saves).results]
    assert isinstance(outcomes[0], Rejected)
    assert isinstance(outcomes[1], Saved)
    assert outcomes[2] == Held((1,))
    assert trip.duplicates() == []
