"""What every outcome does to the entry, the rows and the error list; lost replies, parts, poison, undo."""

from __future__ import annotations

import msgspec
import pytest
from tests.device.lab import Lab, error, items_of, rejected

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import ErrorRaised, Event, Mark, State, Unreachable, WidgetState
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import (
    Accepted,
    Canceled,
    Discarded,
    Duplicated,
    Held,
    Linked,
    Outcome,
    Result,
    Saved,
    UploadRequest,
    UploadResponse,
    hash_of,
)


def shop_on(lab: Lab) -> RecordId:
    shop = lab.server_id("Shop", 1)
    lab.download(lab.block("Shop", {"Id": shop, "_stamp": 5, "Name": "One", "City": "a"}))
    return shop


def edit_city(lab: Lab, shop: RecordId, value: str) -> int:
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": value})
    return edit.queue_numbers[0]


def city(lab: Lab, shop: RecordId) -> object:
    found = lab.device.get("Shop", shop)
    return None if found is None else found.values["City"]


REF = RecordRef("Shop", RecordId("a00SRV010000001"))


@pytest.mark.parametrize(
    ("outcome", "state", "shown", "kept"),
    [
        (Saved(), None, "b", 0),
        (Duplicated(REF, REF), None, "a", 1),
        (Linked({}), None, "a", 1),
        (Discarded(problem(Code.LOCKED)), None, "a", 1),
        (Canceled("admin", "no"), None, "a", 1),
        (rejected(), State.FAILED, "b", 0),
        (Held((1,)), State.HELD, "b", 0),
        (Accepted(1, 1), State.ACCEPTED, "b", 0),
        (Accepted(0, 1), State.SENDING, "b", 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, msgspec.Struct) else "",
)
def test_outcomes(lab: Lab, outcome: Outcome, state: State | None, shown: str, kept: int) -> None:
    shop = shop_on(lab)
    n = edit_city(lab, shop, "b")
    lab.upload(lab.outcome(outcome))
    entries = [*lab.device.queue(), *lab.device.errors()]
    assert [e.state for e in entries] == ([] if state is None else [state])
    assert city(lab, shop) == shown
    assert lab.device.undone() == [n] * kept


def test_the_answer_s_rows_become_the_rows(lab: Lab) -> None:
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "One"})
        visit = edit.create("Visit", {"ShopId": shop})
    lab.upload(lab.saved(Name="V-0042"))
    record = lab.device.get("Visit", visit)
    assert record is not None
    assert (record.values["Name"], record.stamp, record.mark) == ("V-0042", 102, Mark.CLEAN)
    assert lab.device.widget().pending == 0


def test_without_an_answer_the_same_goes_again_and_survives_a_restart(lab: Lab) -> None:
    shop = shop_on(lab)
    edit_city(lab, shop, "b")
    lab.upload(Unreachable("lost"))
    lab.reopen()
    assert [e.state for e in lab.device.queue()] == [State.SENDING]
    lab.clock.advance(3600)
    lab.upload(lab.saved(City="b"))
    first, second = lab.script.uploads
    assert first.transactions == second.transactions
    assert lab.device.queue() == []


def test_failures_back_off_and_the_wait_is_kept(lab: Lab) -> None:
    edit_city(lab, shop_on(lab), "b")
    waits = []
    for _ in range(5):
        lab.script.then("upload", Unreachable("down"))
        lab.device.step()
        (entry,) = lab.device.queue()
        waits.append(entry.attempts)
        assert lab.device.step() != 0.0
        lab.clock.advance(400)
    assert waits == [1, 2, 3, 4, 5]
    lab.script.then("upload", error(429, problem(Code.BUSY), retry_after="20"))
    lab.device.step()
    lab.clock.advance(19)
    before = len(lab.script.uploads)
    lab.device.step()
    assert len(lab.script.uploads) == before


def test_a_clock_set_back_does_not_stop_the_queue(lab: Lab) -> None:
    edit_city(lab, shop_on(lab), "b")
    lab.upload(Unreachable("down"))
    lab.clock.jump(-400 * 86_400)
    lab.upload(lab.saved(City="b"))
    assert lab.device.queue() == []


def test_a_refusal_holds_only_what_builds_on_it(lab: Lab) -> None:
    shop = shop_on(lab)
    told: list[Event] = []
    lab.device.subscribe(told.append)
    with lab.device.edit() as edit:
        bad = edit.create("Shop", {"Name": "bad"})

    def meanwhile(body: bytes) -> object:
        with lab.device.edit() as edit:
            edit.create("Visit", {"ShopId": bad})
        with lab.device.edit() as edit:
            edit.create("Visit", {"ShopId": shop})
        return lab.outcome(rejected())(body)

    lab.upload(meanwhile)
    assert [(e.n, e.state, e.waiting_for) for e in lab.device.errors()] == [
        (1, State.FAILED, ()),
        (2, State.HELD, (1,)),
    ]
    assert [e.n for e in lab.device.queue()] == [3]
    assert [[entry.n for entry in e.entries] for e in told if isinstance(e, ErrorRaised)] == [[1, 2]]
    with lab.device.edit() as edit:
        edit.update("Shop", bad, {"City": "again"})
    assert [e.n for e in lab.device.errors()] == [1, 2, 4]
    lab.upload(lab.saved())
    assert [t.n for t in lab.script.uploads[-1].transactions] == [3]


def test_undo_takes_back_what_builds_on_it_and_tells_the_server(lab: Lab) -> None:
    shop = shop_on(lab)
    n = edit_city(lab, shop, "b")
    lab.upload(lab.outcome(rejected()))
    edit_city(lab, shop, "c")
    assert lab.device.undone_with(n) == [1, 2]
    lab.device.undo(n)
    assert city(lab, shop) == "a"
    assert lab.device.errors() == []
    assert lab.device.undone() == [1, 2]
    lab.upload(Unreachable("lost"))
    lab.clock.advance(400)
    lab.upload(UploadResponse(()))
    assert [u.undone for u in lab.script.uploads[1:]] == [(1, 2), (1, 2)]
    lab.clock.advance(400)
    lab.device.step()
    assert len(lab.script.uploads) == 3


def test_undo_of_a_failed_create_removes_it_and_its_details(lab: Lab) -> None:
    shop = shop_on(lab)
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": shop})
        edit.create("Visit_Line", {"VisitId": visit})
    lab.upload(lab.outcome(rejected()))
    lab.device.undo(edit.queue_numbers[0])
    assert lab.device.count("Visit") == lab.device.count("Visit_Line") == 0
    with pytest.raises(Refused):
        lab.device.undo(99)


def test_a_rejection_s_rows_are_filed_as_base_images(lab: Lab) -> None:
    shop = shop_on(lab)
    n = edit_city(lab, shop, "b")
    row = lab.block("Shop", {"Id": shop, "_stamp": 9, "Name": "One", "City": "theirs"})

    def answer(body: bytes) -> UploadResponse:
        return msgspec.structs.replace(lab.outcome(rejected())(body), rows=(row,))

    lab.upload(answer)
    assert city(lab, shop) == "b"
    lab.device.undo(n)
    assert city(lab, shop) == "theirs"


def test_a_save_over_the_item_limit_travels_in_parts(lab: Lab) -> None:
    shop = shop_on(lab)
    with lab.device.edit() as edit:
        visit = edit.create("Visit", {"ShopId": shop})
        for n in range(24):
            edit.create("Visit_Line", {"VisitId": visit, "Product": str(n)})
    lab.upload(lab.saved())
    parts = lab.script.uploads[0].transactions
    assert [(t.part, t.parts, t.expected) for t in parts] == [(1, 3, 25), (2, 3, 25), (3, 3, 25)]
    assert {t.hash for t in parts} == {hash_of(tuple(bytes(t.items) for t in parts))}
    assert len({(t.id, t.n) for t in parts}) == 1
    assert lab.device.queue() == []


def test_what_the_server_cannot_read_fails_alone(lab: Lab) -> None:
    with lab.device.edit() as edit:
        for name in "abc":
            edit.create("Shop", {"Name": name})

    def answer(body: bytes) -> object:
        request = msgspec.json.decode(body, type=UploadRequest)
        if any(t.n == 2 for t in request.transactions):
            return error(400, problem(Code.BAD_REQUEST, reason="it is nested too deep"))
        return lab.saved()(body)

    lab.script.always["upload"] = answer
    for _ in range(12):
        lab.device.step()
    assert lab.device.queue() == []
    assert [e.n for e in lab.device.errors()] == [2]


def test_later_results_of_accepted_saves_come_with_the_feed(lab: Lab) -> None:
    from fieldsync.protocol.feed import FeedPage

    shop = shop_on(lab)
    edit_city(lab, shop, "b")
    lab.upload(lab.outcome(Accepted(1, 1)))
    (entry,) = lab.device.queue()
    row = lab.block("Shop", {"Id": shop, "_stamp": 9, "Name": "One", "City": "B"})
    lab.script.then("feed", FeedPage("c2", (), (row,), (), (Result(entry.n, entry.id, Saved()),)))
    lab.device.wake()
    lab.clock.advance(60)
    lab.device.step()
    assert lab.device.queue() == []
    assert city(lab, shop) == "B"


def test_results_of_unknown_or_decided_entries_change_nothing(lab: Lab) -> None:
    shop = shop_on(lab)
    edit_city(lab, shop, "b")
    lab.upload(lambda body: UploadResponse((Result(77, "x", Saved()), *lab.saved()(body).results)))  # type: ignore[arg-type]
    assert lab.device.queue() == []


def test_confirmed_through_moves_with_stored_outcomes(lab: Lab) -> None:
    for name in "ab":
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": name})
        lab.upload(lab.saved())
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "c"})
    lab.upload(lab.saved())
    assert [u.confirmed_through for u in lab.script.uploads] == [0, 1, 2]


def test_a_portal_s_page_is_not_an_answer(lab: Lab) -> None:
    from fieldsync.device import Reply

    edit_city(lab, shop_on(lab), "b")
    lab.upload(Reply(200, {"content-type": "text/html"}, b"<html>Welcome</html>"))
    assert [e.state for e in lab.device.queue()] == [State.SENDING]
    assert lab.device.errors() == []


def test_queue_is_sent_in_order_in_bounded_batches(lab: Lab) -> None:
    limit = limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX
    for n in range(limit + 20):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": str(n)})
    lab.upload(lab.saved(), lab.saved())
    assert [len(u.transactions) for u in lab.script.uploads] == [limit, 20]
    numbers = [n for u in lab.script.uploads for n, _ in items_of(u)]
    assert numbers == sorted(numbers)


def test_a_long_queue_shows_as_activity_while_it_is_sent(lab: Lab) -> None:
    lab.download()
    limit = limits.QUEUE_TRANSACTIONS_PER_REQUEST_MAX
    for n in range(limit + 20):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": str(n)})
    lab.script.then("upload", lab.saved(), lab.saved())
    lab.device.step()
    widget = lab.device.widget()
    assert (widget.state, widget.up, widget.pending) == (WidgetState.ACTIVE, (limit, limit + 20), 20)
    lab.device.step()
    assert lab.device.widget().state is WidgetState.OK
