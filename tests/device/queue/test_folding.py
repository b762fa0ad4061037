"""B10 and B11: how repeated edits become one entry, and when they must not."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, items_of

from fieldsync.device import State, Unreachable
from fieldsync.device.queue.fold import fold, fold_all
from fieldsync.device.queue.states import TRANSITIONS, Event, after
from fieldsync.protocol.upload import Change, Item, Operation

CREATE, UPDATE, DELETE = Operation.CREATE, Operation.UPDATE, Operation.DELETE


def item(operation: Operation, seen: int = 0, **changes: tuple[object, object]) -> Item:
    return Item("Shop", "r", operation, {c: Change(*x) for c, x in changes.items()}, seen)  # type: ignore[arg-type]


def test_the_first_old_value_and_version_stay() -> None:
    folded = fold(item(UPDATE, 5, City=("a", "b")), item(UPDATE, 9, City=("b", "c"), Name=("x", "y")))
    assert folded == item(UPDATE, 5, City=("a", "c"), Name=("x", "y"))


def test_a_value_that_goes_back_is_no_change() -> None:
    assert fold(item(UPDATE, City=("a", "b")), item(UPDATE, City=("b", "a"))) is None


def test_a_create_takes_later_values_and_a_delete_cancels_it() -> None:
    assert fold(item(CREATE, City=(None, "a")), item(UPDATE, City=("a", "b"))) == item(CREATE, City=(None, "b"))
    assert fold(item(CREATE), item(DELETE)) is None
    assert fold(item(UPDATE, 5, City=("a", "b")), item(DELETE, 5)) == item(DELETE, 5)
    assert fold_all([item(CREATE)], [item(DELETE)]) == ()


@pytest.mark.parametrize("state", list(State))
def test_an_impossible_event_is_a_bug(state: State) -> None:
    for event in Event:
        if event in TRANSITIONS[state]:
            assert after(state, event) in State
        else:
            with pytest.raises(AssertionError):
                after(state, event)


def shop_on(lab: Lab, **values: object) -> str:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a", **values}))
    return shop


def edit_city(lab: Lab, shop: str, city: str) -> tuple[int, ...]:
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": city})  # type: ignore[arg-type]
    return edit.queue_numbers


def test_three_edits_offline_are_one_item_with_the_server_s_old_value(lab: Lab) -> None:
    shop = shop_on(lab)
    assert [edit_city(lab, shop, c) for c in "bcd"] == [(1,), (1,), (1,)]
    lab.upload(lab.saved())
    ((_, (sent,)),) = items_of(lab.script.uploads[0])
    assert sent.changes["City"] == Change("a", "d")


def test_an_edit_during_an_upload_is_a_second_entry_that_names_the_first(lab: Lab) -> None:
    shop = shop_on(lab)
    edit_city(lab, shop, "b")

    def meanwhile(body: bytes) -> object:
        edit_city(lab, shop, "c")
        return lab.saved(City="b")(body)

    lab.upload(meanwhile)
    assert lab.device.get("Shop", shop).values["City"] == "c"  # type: ignore[union-attr,arg-type]
    lab.upload(lab.saved(City="c"))
    ((n, (second,)),) = items_of(lab.script.uploads[1])
    assert (n, second.after, second.changes["City"]) == (2, 1, Change("b", "c"))
    assert lab.script.uploads[1].confirmed_through == 0, "the receipt of a predecessor is still needed"


def test_a_reference_to_a_later_create_keeps_two_entries(lab: Lab) -> None:
    shop = shop_on(lab)
    edit_city(lab, shop, "b")
    with lab.device.edit() as edit:
        parent = edit.create("Shop", {"Name": "Parent"})
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"ParentId": parent})  # type: ignore[arg-type]
    assert edit.queue_numbers == (3,)


def test_create_and_delete_offline_never_reach_the_server(lab: Lab) -> None:
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "One"})
    with lab.device.edit() as edit:
        edit.delete("Shop", shop)
    assert lab.device.queue() == []
    assert lab.device.get("Shop", shop) is None
    lab.device.step()
    assert lab.script.uploads == []


def test_a_create_that_is_referred_to_does_not_cancel_out(lab: Lab) -> None:
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "One"})
    with lab.device.edit() as edit:
        edit.create("Visit", {"ShopId": shop})
    with lab.device.edit() as edit:
        edit.delete("Shop", shop)
    assert [e.n for e in lab.device.queue()] == [1, 2, 3]


def test_deleting_an_unsent_family_cancels_all_of_it(lab: Lab) -> None:
    shop = shop_on(lab)
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": shop})
        line = edit.create("Visit_Line", {"VisitId": visit})
    with lab.device.edit() as edit:
        edit.create("Line_Part", {"LineId": line})
    assert [e.items for e in lab.device.queue()] == [3]
    with lab.device.edit() as edit:
        edit.delete("Visit", visit)
    assert lab.device.queue() == []
    assert lab.device.count("Line_Part") == lab.device.count("Visit_Line") == 0


def test_a_sent_entry_never_changes(lab: Lab) -> None:
    shop = shop_on(lab)
    edit_city(lab, shop, "b")
    lab.upload(Unreachable("the reply was lost"))
    edit_city(lab, shop, "c")
    lab.clock.advance(3600)
    lab.upload(lab.saved(City="c"))
    first, second = lab.script.uploads
    assert second.transactions[0] == first.transactions[0]
    assert [t.n for t in second.transactions] == [1, 2]
