"""A device that is away for days, on real parts under a moved clock (FEATURES C07, C10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.base.ids import RecordId
from fieldsync.sim.device import SimDevice
from fieldsync.sim.ground import Databases
from fieldsync.sim.world import SimWorld

DAY = 86_400


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's two devices; everybody has everything."""
    made = SimWorld(grounds, tmp_path, seed=9, device_count=2)
    yield made
    made.close()


def work(device: SimDevice) -> None:
    """What the device does by itself when it wakes up."""
    device.engine.wake()
    for _ in range(20):
        device.engine.step()


def pass_days(world: SimWorld, days: float) -> None:
    world.clock.advance(days * DAY)
    world.server.keep_up()


def noted(device: SimDevice, account: RecordId) -> object:
    record = device.engine.get("Account", account)
    assert record is not None
    return record.values["Description"]


def test_a_device_that_was_away_for_seven_days_gets_the_save_without_a_sync(world: SimWorld) -> None:
    ipad, iphone = world.devices
    with ipad.engine.edit() as edit:
        edit.update("Account", world.accounts[0], {"Description": "seen"})
    work(ipad)
    pass_days(world, 7)
    work(iphone)
    assert noted(iphone, world.accounts[0]) == "seen"
    assert not iphone.engine.widget().sync_required


def test_a_device_that_was_away_for_eight_days_says_that_it_needs_a_sync_and_gets_it_then(world: SimWorld) -> None:
    ipad, iphone = world.devices
    with ipad.engine.edit() as edit:
        edit.update("Account", world.accounts[0], {"Description": "seen"})
    work(ipad)
    with iphone.engine.edit() as edit:
        edit.update("Account", world.accounts[1], {"Description": "made while away"})
    pass_days(world, 8)
    work(iphone)
    assert noted(iphone, world.accounts[0]) is None
    assert iphone.engine.widget().sync_required
    iphone.engine.sync()
    assert noted(iphone, world.accounts[0]) == "seen"
    assert not iphone.engine.widget().sync_required
    work(ipad)
    ipad.engine.sync()
    assert noted(ipad, world.accounts[1]) == "made while away", "its own save was not held up"
