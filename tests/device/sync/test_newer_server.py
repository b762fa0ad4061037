"""A server that is newer than the app: what the app has no code for is told in its words, holding up nothing."""

from __future__ import annotations

import msgspec
from tests.device.lab import Lab, error, rejected

from fieldsync.base.problems import Code, problem
from fieldsync.device import State
from fieldsync.device.transport import Reply


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
