"""While the outcomes of one batch are stored, the next one is on its way: a device and its server work side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from tests.device.lab import Lab, rejected

from fieldsync.base import limits
from fieldsync.device import Unreachable
from fieldsync.device.queue.states import State
from fieldsync.device.transport import Reply


@pytest.fixture
def eager(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose wire sends at once what may be sent ahead, one record a request."""
    monkeypatch.setattr(limits, "UPLOAD_BATCH_RECORDS_MAX", 1)

    def later(method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Callable[[], Reply]:
        found: Reply | Unreachable
        try:
            found = lab.script.request(method, path, body, headers)
        except Unreachable as lost:
            found = lost

        def answer() -> Reply:
            if isinstance(found, Unreachable):
                raise found
            return found

        return answer

    monkeypatch.setattr(lab.script, "later", later)
    return lab


def create_shops(lab: Lab, count: int) -> None:
    for number in range(count):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": f"Shop {number}"})


def sent(lab: Lab) -> list[list[int]]:
    return [[t.n for t in upload.transactions] for upload in lab.script.uploads]


def test_the_next_batch_is_sent_before_the_outcomes_of_the_first_are_stored(eager: Lab) -> None:
    create_shops(eager, 3)
    waiting: list[list[int]] = []

    def saved(body: bytes) -> object:
        waiting.append([entry.n for entry in eager.device.queue()])
        return eager.saved()(body)

    eager.script.then("upload", saved, saved, saved)
    eager.device.step()
    assert sent(eager) == [[1], [2]]
    assert waiting == [[1, 2, 3], [1, 2, 3]]
    assert [entry.n for entry in eager.device.queue()] == [2, 3]
    eager.device.step()
    eager.device.step()
    assert sent(eager) == [[1], [2], [3]]
    assert eager.device.queue() == []


def test_nothing_goes_ahead_of_a_refusal(eager: Lab) -> None:
    create_shops(eager, 2)
    eager.script.then("upload", eager.outcome(rejected()), eager.saved())
    eager.device.step()
    assert sent(eager) == [[1]]
    assert [entry.n for entry in eager.device.errors()] == [1]
    assert [(entry.n, entry.state) for entry in eager.device.queue()] == [(2, State.SENDING)], "made ready, not sent"
    eager.device.step()
    assert sent(eager) == [[1], [2]]
    assert eager.device.queue() == []


def test_what_was_made_ready_does_not_leave_in_flight_mode(eager: Lab) -> None:
    create_shops(eager, 2)

    def last_before_flight(body: bytes) -> object:
        eager.device._engine.online = False
        return eager.saved()(body)

    eager.script.then("upload", last_before_flight, eager.saved())
    eager.device.step()
    eager.device.step()
    assert sent(eager) == [[1]]
    eager.device.go_online()
    eager.device.step()
    assert sent(eager) == [[1], [2]]
    assert eager.device.queue() == []


def test_a_batch_that_went_ahead_and_was_lost_goes_again_unchanged(eager: Lab) -> None:
    create_shops(eager, 2)
    eager.script.then("upload", eager.saved(), Unreachable("gone"), eager.saved())
    eager.device.step()
    assert [entry.n for entry in eager.device.queue()] == [2]
    eager.device.step()
    assert sent(eager) == [[1], [2]]
    eager.clock.advance(limits.POLL_SECONDS)
    eager.device.step()
    uploads = eager.script.uploads
    assert sent(eager) == [[1], [2], [2]]
    assert uploads[1].transactions == uploads[2].transactions
    assert eager.device.queue() == []


def test_a_process_that_ends_between_the_two_sends_both_again(eager: Lab) -> None:
    create_shops(eager, 2)

    def dies(body: bytes) -> object:
        raise KeyboardInterrupt

    eager.script.then("upload", eager.saved(), dies)
    with pytest.raises(KeyboardInterrupt):
        eager.device.step()
    eager.reopen()
    eager.script.then("upload", eager.saved(), eager.saved())
    eager.device.step()
    eager.device.step()
    assert sent(eager) == [[1], [2], [1], [2]]
    assert eager.device.queue() == []
