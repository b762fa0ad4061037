"""A server that was restored from a backup: what devices had read of the feed is not what is on it now (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.base.ids import RecordId
from fieldsync.sim.device import SimDevice
from fieldsync.sim.ground import Databases
from fieldsync.sim.world import SimWorld


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's two devices."""
    made = SimWorld(grounds, tmp_path, seed=3, device_count=2)
    yield made
    made.close()


def save(world: SimWorld, device: SimDevice, place: int, city: str) -> RecordId:
    """A save that is on the server when this returns."""
    with device.engine.edit() as edit:
        edit.update("Account", world.accounts[place], {"BillingCity": city})
    poll(device)
    assert device.engine.queue() == []
    return world.accounts[place]


def poll(device: SimDevice) -> None:
    device.engine.wake()
    for _ in range(6):
        device.engine.step()


def test_after_a_restore_a_device_gets_what_is_on_the_feed_or_says_that_it_needs_a_sync(world: SimWorld) -> None:
    ipad, iphone = world.devices
    world.server.back_up()
    for place in range(3):
        save(world, ipad, place, "before")
    poll(iphone)
    assert [record.values["BillingCity"] for record in iphone.engine.find("Account")].count("before") == 3
    world.server.restore()
    for place in range(3, 8):
        save(world, ipad, place, "after")
    poll(iphone)
    cities = [record.values["BillingCity"] for record in iphone.engine.find("Account")]
    assert cities.count("after") == 5 or iphone.engine.widget().sync_required
