"""Asking what an admin wants of a device, while the server is away or will not say (FEATURES M05)."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab, error

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.clearing import Orders

PATH = "/sync/v1/device/orders"


@pytest.mark.parametrize("answer", [None, error(401, problem(Code.AUTH)), error(503, problem(Code.BUSY))])
def test_who_gets_no_answer_asks_again_later_and_later_and_never_at_once(lab: Lab, answer: object) -> None:
    ended = _signed_out(lab)
    waits = [wait for _ in range(4) if (wait := _asked_again(lab, answer)) is not None]
    assert len(waits) == 4, "a device without a session goes on asking by itself"
    assert min(waits) > 0
    assert waits[-1] > waits[0]
    assert _times_asked(lab) == ended + 4
    lab.script.answers.clear()
    lab.script.then("device/orders", Orders())
    lab.clock.advance(waits[-1])
    assert lab.device.step() is None, "nothing is wanted of it"


def _signed_out(lab: Lab) -> int:
    """The session has ended; how often the device asked until it rests."""
    lab.download()
    for path in ("download", "session/renew", "feed/outcomes"):
        lab.script.then(path, error(401, problem(Code.AUTH)))
    with pytest.raises(Refused) as refused:
        lab.device.sync()
    assert refused.value.problem.code is Code.AUTH
    return _times_asked(lab)


def _asked_again(lab: Lab, answer: object) -> float | None:
    """Wait for the next question, and what is waited behind it."""
    if answer is not None:
        lab.script.then("device/orders", answer)
    before, wait = _times_asked(lab), lab.device.step()
    for _ in range(5):
        if _times_asked(lab) > before or wait is None:
            return wait
        lab.clock.advance(wait)
        wait = lab.device.step()
    raise AssertionError("it does not ask")


def _times_asked(lab: Lab) -> int:
    return sum(path == PATH for _, path, _ in lab.script.asked)
