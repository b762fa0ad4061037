"""A server that was restored from a backup: what devices had read of the feed is not what is on it now (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault
from fieldsync.sim.ground import Databases
from fieldsync.sim.laws import open_record
from fieldsync.sim.run import settle
from fieldsync.sim.world import SimWorld


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's two devices."""
    made = SimWorld(grounds, tmp_path, seed=3, device_count=2)
    yield made
    made.close()


def save(world: SimWorld, device: SimDevice, place: int, city: str) -> RecordId:
    """A save that the server has when this returns, or takes."""
    with device.engine.edit() as edit:
        edit.update("Account", world.accounts[place], {"BillingCity": city})
    poll(device)
    assert all(entry.state == "accepted" for entry in device.engine.queue())
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
    assert iphone.engine.widget().sync_required
    world.clock.advance(limits.RECOVERY_WINDOW_MINUTES * 60.0)
    world.server.do_jobs()
    for device in (ipad, iphone):
        assert device.engine.sync().successful
        cities = [record.values["BillingCity"] for record in device.engine.find("Account")]
        assert (cities.count("before"), cities.count("after")) == (3, 5)
        assert device.engine.queue() == []


def test_law_no_save_is_lost_with_the_server_s_last_days(world: SimWorld) -> None:
    world.server.back_up()
    for place, device in enumerate((*world.devices, *world.devices)):
        save(world, device, place, "said to be safe")
    world.faults.struck[Fault.RESTORED] += 1
    world.server.restore()
    assert list(settle(world)) == []
    assert len(world.note_success()) == 4
    assert [row["BillingCity"] for row in world.rows("Account").values()].count("said to be safe") == 4


def test_what_left_a_device_before_the_restore_is_offered_again_and_stays_away(world: SimWorld) -> None:
    [ipad, _] = world.devices
    world.server.back_up()
    with ipad.engine.edit() as edit:
        day = {"Call_Date": "2026-03-02T08:00:00+00:00", "Notes": "mark-0-1"}
        call = edit.create("Call", {"AccountId": world.accounts[0], **day})
    poll(ipad)
    for rule, row in world.rows("Sync_Rule").items():
        if row["Object_Name"] == "Call":
            narrower = f"({row['Where_Clause']}) AND Status != 'Planned'"
            world.server.update(world.server.admin, "Sync_Rule", rule, {"Where_Clause": narrower})
    ipad.engine.sync()
    assert ipad.engine.get("Call", call) is None
    world.server.restore()
    ipad.sign_in()  # and is told of the restore; nothing is sent yet
    assert [entry.record_id for entry in ipad.engine.queue()] == [call]
    assert list(open_record.pending(world)) == []
    with ipad.engine._store.write() as work:
        work.run("UPDATE _acknowledged SET offered = 0")
    assert len(list(open_record.pending(world))) == 1, "an edit of his own that nobody decided is another matter"
