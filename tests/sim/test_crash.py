"""Power lost at any write of a device: of every state its files can be in nothing saved is missing; controls fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldsync.sim.crash.record import Recording
from fieldsync.sim.crash.states import AS_SHIPPED, CONTROLS, record_all, survive
from fieldsync.sim.ground import Databases

SAVES, CONTROL_SAVES = 21, 6
STATES, CONTROL_STATES = 5_100, 150


@pytest.fixture(scope="module")
def recordings(grounds: Databases, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    return record_all(grounds, tmp_path_factory.mktemp("recorded"), 1, SAVES, CONTROL_SAVES)


def test_no_state_after_a_power_loss_lacks_a_save(recordings: dict[str, Recording], tmp_path: Path) -> None:
    found = survive(AS_SHIPPED, recordings[AS_SHIPPED], tmp_path, STATES)
    assert (found.wrong, found.first) == (0, "")
    assert found.states >= 5_000


@pytest.mark.parametrize("control", [control.name for control in CONTROLS])
def test_settings_that_lose_saves_are_found_out(recordings: dict[str, Recording], tmp_path: Path, control: str) -> None:
    found = survive(control, recordings[control], tmp_path, CONTROL_STATES)
    assert "is gone" in found.first or "does not open" in found.first or "damaged" in found.first, found
