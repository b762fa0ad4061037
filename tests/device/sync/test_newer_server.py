"""A server that is newer than the app: what the app has no code for is told in its words, holding up nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from tests.device.lab import Lab, error, rejected

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import State
from fieldsync.device.transport import Reply
from fieldsync.protocol.feed import FeedPage, Outcomes
from fieldsync.protocol.upload import Accepted, Result, Saved, UploadResponse


def newer(answer: bytes) -> bytes:
    """As a server says it that has one more code."""
    assert b'"VALIDATION"' in answer
    return answer.replace(b'"VALIDATION"', b'"MOON_IS_FULL"')


def test_a_save_that_is_refused_for_an_unknown_reason_is_in_the_error_list_and_holds_nobody_up(lab: Lab) -> None:
    lab.download()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "refused"})
    lab.upload(lambda body: newer(msgspec.json.encode(lab.outcome(rejected())(body))))
    [entry] = lab.device.errors()
    assert entry.state is State.FAILED
    [reason] = entry.problems
    assert (reason.code, reason.message) == (Code.UNKNOWN_REASON, "no")
    assert "Update the app" in reason.remedy
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "taken"})
    lab.upload(lab.saved())
    assert (lab.device.queue(), len(lab.device.errors())) == ([], 1)
    lab.reopen()
    assert lab.device.errors()[0].problems == (reason,)


def test_a_request_that_is_refused_for_an_unknown_reason_is_tried_again(lab: Lab) -> None:
    lab.download()
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "waits"})
    told = error(403, problem(Code.VALIDATION, message="Not now."))
    lab.upload(Reply(told.status, told.headers, newer(told.body)))
    assert len(lab.device.queue()) == 1
    lab.clock.advance(400)
    lab.upload(lab.saved())
    assert lab.device.queue() == lab.device.errors() == []


def put_off(answer: msgspec.Struct) -> bytes:
    """An answer as a server says it that has one more outcome, in the place of `Accepted`."""
    encoded = msgspec.json.encode(answer)
    assert b'"Accepted"' in encoded
    return encoded.replace(b'"Accepted"', b'"Postponed"')


def first_is_put_off(lab: Lab) -> Callable[[bytes], bytes]:
    """The first save of a request is put off, the others are saved."""

    def answer(body: bytes) -> bytes:
        saved: UploadResponse = lab.saved()(body)
        first, *others = saved.results
        unknown = Result(first.n, first.id, Accepted(1, 1))
        return put_off(msgspec.structs.replace(saved, results=(unknown, *others)))

    return answer


def two_saves_of_which_the_first_is_put_off(lab: Lab) -> RecordId:
    """The id of the first shop."""
    lab.download()
    with lab.device.edit() as edit:
        shop = edit.create("Shop", {"Name": "put off"})
    with lab.device.edit() as edit:
        edit.create("Shop", {"Name": "taken"})
    lab.upload(first_is_put_off(lab))
    return shop


def test_a_save_with_an_unknown_outcome_stays_is_not_sent_again_and_holds_nobody_up(lab: Lab) -> None:
    shop = two_saves_of_which_the_first_is_put_off(lab)
    [entry] = lab.device.queue()
    assert (entry.n, entry.state, lab.device.errors()) == (1, State.ACCEPTED, [])
    [reason] = entry.problems
    assert (reason.code, reason.details) == (Code.UNKNOWN_OUTCOME, {"name": "Postponed"})
    with pytest.raises(Refused):
        lab.device.undo(entry.n)
    lab.reopen()
    with lab.device.edit() as edit:
        edit.update("Shop", shop, {"City": "later"})
    lab.upload(lab.saved())
    *_, last = lab.script.uploads
    assert ([t.n for t in last.transactions], last.confirmed_through) == ([3], 0), "its receipt is still needed"
    assert [one.n for one in lab.device.queue()] == [1]


def test_an_updated_app_reads_what_became_of_it_with_its_next_sync(lab: Lab) -> None:
    shop = two_saves_of_which_the_first_is_put_off(lab)
    [entry] = lab.device.queue()
    still = put_off(Outcomes((Result(entry.n, entry.id, Accepted(1, 1)),)))
    lab.script.then("feed/outcomes", Reply(200, {"content-type": "application/json"}, still))
    lab.download(full=False)
    assert lab.device.queue() == [entry]
    row = lab.block("Shop", {"Id": shop, "_stamp": 900, "Name": "as decided"})
    lab.script.then("feed/outcomes", Outcomes((Result(entry.n, entry.id, Saved()),), rows=(row,)))
    lab.download(full=False)
    here = lab.device.get("Shop", shop)
    assert here is not None
    assert (lab.device.queue(), here.values["Name"]) == ([], "as decided")


def test_a_page_of_the_feed_with_an_unknown_outcome_is_taken_whole(lab: Lab) -> None:
    two_saves_of_which_the_first_is_put_off(lab)
    [entry] = lab.device.queue()
    other = lab.server_id("Shop", 7)
    row = lab.block("Shop", {"Id": other, "_stamp": 901, "Name": "news"})
    page = put_off(FeedPage("c2", (), (row,), (), (Result(entry.n, entry.id, Accepted(1, 1)),)))
    lab.script.then("feed", Reply(200, {"content-type": "application/json"}, page))
    lab.device.wake()
    lab.clock.advance(60)
    lab.device.step()
    assert lab.device.get("Shop", other) is not None
    assert lab.device.queue() == [entry]
