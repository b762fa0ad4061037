"""What needs room beside the database begins only where there is some, and says how much is missing (FEATURES E09)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.device.lab import Lab

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.device import PreparationState


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk never has so much room."""
    monkeypatch.setattr(limits, "ROOM_BYTES", 2**60)


@pytest.mark.parametrize("begin", [lambda lab: lab.device.sync("full"), lambda lab: lab.device.updates.prepare()])
@pytest.mark.usefixtures("lab")
def test_nothing_begins_on_a_full_disk_and_what_is_here_stays(
    lab: Lab, begin: Callable[[Lab], object], request: pytest.FixtureRequest
) -> None:
    lab.download()
    before = lab.device.account
    request.getfixturevalue("full")
    lab.script.then("download", lab.lines())
    with pytest.raises(Refused) as refused:
        begin(lab)
    assert refused.value.problem.code is Code.UNUSABLE
    assert "free" in refused.value.problem.message
    assert lab.device.account == before
    assert lab.device.updates.state().state in (PreparationState.IDLE, PreparationState.FAILED)
