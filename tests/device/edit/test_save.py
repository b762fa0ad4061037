"""One save: what it refuses, what it writes, and which transactions it becomes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.device.lab import Lab, items_of

from fieldsync.base.ids import is_id
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Edit, Mark


def test_a_save_is_read_at_once_and_waits_in_the_queue(lab: Lab) -> None:
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "One ", "Score": 1.5, "Big": Decimal("1234567890123456.78"), "Visits": 3})
    record = lab.device.get("Shop", shop)
    assert record is not None
    assert is_id(shop)
    assert record.values["Name"] == "One"
    assert (record.values["Score"], record.values["Visits"]) == (Decimal("1.50"), 3)
    assert record.values["Big"] == Decimal("1234567890123456.78")
    assert record.values["Active"] is False
    assert record.mark is Mark.PENDING
    assert [e.n for e in lab.device.queue()] == list(edit.queue_numbers) == [1]


def save_two(lab: Lab, values: dict[str, object]) -> None:
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "good"})
        edit.create("Shop", values)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"Name": "x", "Nonsense": 1}, Code.UNKNOWN_FIELD),
        ({"Name": "x", "CreatedDate": "2026-01-01T00:00:00Z"}, Code.READ_ONLY_FIELD),
        ({"Name": "x", "Score": "many"}, Code.WRONG_TYPE),
        ({"Name": "x", "City": "y" * 41}, Code.TOO_LONG),
        ({"City": "y"}, Code.REQUIRED),
        ({"Name": ""}, Code.REQUIRED),
        ({"Name": "x", "ParentId": "nobody"}, Code.INVALID_REF),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_written(
    lab: Lab, values: dict[str, object], code: Code
) -> None:
    with pytest.raises(Refused) as caught:
        save_two(lab, values)
    assert caught.value.problem.code is code
    assert lab.device.count("Shop") == 0
    assert lab.device.queue() == []


def test_unknown_objects_and_records_are_refused(lab: Lab) -> None:
    acts: list[tuple[Callable[[Edit], object], Code]] = [
        (lambda e: e.create("Nothing", {}), Code.UNKNOWN_OBJECT),
        (lambda e: e.update("Shop", lab.server_id("Shop", 9), {"City": "x"}), Code.NOT_FOUND),
        (lambda e: e.delete("Visit", lab.server_id("Shop", 9)), Code.NOT_FOUND),
    ]
    for act, code in acts:
        with pytest.raises(Refused) as caught, lab.device.edit() as edit:
            act(edit)
        assert caught.value.problem.code is code


def fail_after(_: object) -> None:
    raise Refused(problem(Code.OFFLINE))


def test_an_exception_inside_saves_nothing(lab: Lab) -> None:
    with pytest.raises(Refused), lab.device.edit() as edit:
        fail_after(edit.create("Shop", {"Name": "One"}))
    assert lab.device.count("Shop") == 0
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "Two"})
    assert lab.device.count("Shop") == 1


def test_a_session_inside_that_fails_takes_back_what_it_did_and_no_more(lab: Lab) -> None:
    with lab.device.edit() as outer:
        outer.create("Shop", {"Name": "One"})
        with pytest.raises(Refused), lab.device.edit() as inner:
            fail_after(inner.create("Shop", {"Name": "Two"}))
        outer.create("Shop", {"Name": "Three"})
    assert sorted(str(r.values["Name"]) for r in lab.device.find("Shop")) == ["One", "Three"]


def test_sessions_inside_queue_when_the_outermost_closes(lab: Lab) -> None:
    with lab.device.edit() as outer:
        shop = outer.create("Shop", {"Name": "One"})
        with lab.device.edit() as inner:
            visit = inner.create("Visit", {"ShopId": shop})
        assert lab.device.queue() == []
        for n in range(5):
            with lab.device.edit() as inner:
                inner.create("Visit_Line", {"VisitId": visit, "Product": str(n)})
    assert [(e.object, e.items) for e in lab.device.queue()] == [("Shop", 1), ("Visit", 6)]


def test_a_family_is_one_transaction_and_other_records_are_one_each(lab: Lab) -> None:
    with lab.device.edit() as edit:
        visit_shop = edit.create("Shop", {"Name": "A"})
        edit.create("Shop", {"Name": "B"})
        visit = edit.create("Visit", {"ShopId": visit_shop})
        line = edit.create("Visit_Line", {"VisitId": visit})
        edit.create("Line_Part", {"LineId": line})
    lab.upload(lab.saved())
    sent = items_of(lab.script.uploads[0])
    assert [[i.object for i in items] for _, items in sent] == [
        ["Shop"],
        ["Shop"],
        ["Visit", "Visit_Line", "Line_Part"],
    ]


def test_what_is_referred_to_is_queued_first(lab: Lab) -> None:
    with lab.device.edit() as edit:
        child = edit.create("Shop", {"Name": "child"})
        parent = edit.create("Shop", {"Name": "parent"})
        edit.update("Shop", child, {"ParentId": parent})
    assert [e.record_id for e in lab.device.queue()] == [parent, child]


def test_deleting_a_root_takes_its_details_with_it_at_once(lab: Lab) -> None:
    shop, visit, line = lab.server_id("Shop", 1), lab.server_id("Visit", 1), lab.server_id("Visit_Line", 1)
    lab.download(
        lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One"}),
        lab.block("Visit", {"Id": visit, "_stamp": 5, "ShopId": shop}),
        lab.block("Visit_Line", {"Id": line, "_stamp": 5, "VisitId": visit}),
    )
    with lab.device.edit() as edit:
        edit.delete("Visit", visit)
    assert lab.device.get("Visit_Line", line) is None
    lab.upload(lab.saved())
    ((_, items),) = items_of(lab.script.uploads[0])
    assert [(i.object, i.operation, i.seen) for i in items] == [("Visit", "delete", 5)]


def test_only_changed_columns_travel_with_old_and_new_value(lab: Lab) -> None:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "Wien"}))
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"Name": "One", "City": "Graz"})
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "Graz"})
    assert edit.queue_numbers == ()
    lab.upload(lab.saved())
    ((_, (item,)),) = items_of(lab.script.uploads[0])
    assert {c: (x.old, x.new) for c, x in item.changes.items()} == {"City": ("Wien", "Graz")}
    assert item.seen == 5
