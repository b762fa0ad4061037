"""How much goes with each request."""

from __future__ import annotations

import pytest
from tests.device.lab import Lab

from fieldsync.base import limits
from fieldsync.device import Unreachable
from fieldsync.device.transport import Unconnected


def test_what_a_slow_line_could_not_carry_is_halved_until_it_gets_through(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPLOAD_BATCH_RECORDS_MAX", 8)
    for number in range(24):
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": f"S{number}"})
    for answer in (Unconnected("no network"), Unreachable("late"), Unreachable("late"), *[lab.saved()] * 4):
        lab.upload(answer)
        lab.clock.advance(400)
    assert [len(u.transactions) for u in lab.script.uploads] == [8, 8, 4, 2, 2, 4, 8], "a batch is made behind another"
    assert len(lab.device.queue()) == 24 - 16
