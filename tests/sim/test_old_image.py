"""Law L2 where an older image of a device is put back that holds a save as unsent which was sent since (ADR 17)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.base import limits
from fieldsync.sim.actions.acting import new_mark
from fieldsync.sim.actions.saving import edit_account
from fieldsync.sim.ground import Databases
from fieldsync.sim.laws import no_double_effect
from fieldsync.sim.run import settle
from fieldsync.sim.world import SimWorld

DAY = 86_400


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's one device."""
    made = SimWorld(grounds, tmp_path, seed=6, device_count=1)
    yield made
    made.close()


def sent_by_an_image(world: SimWorld, days: int) -> str:
    """A new depot is sent, and again so many days later by an image that was taken before. Returns its mark."""
    (device,) = world.devices
    mark = new_mark(world, device)
    with device.engine.edit() as edit:
        edit.create("Depot", {"Name": mark, "City": mark})
    device.image(world.folder / "image")
    assert list(settle(world)) == []
    edit_account(world, device)  # what goes next confirms the outcome
    assert list(settle(world)) == []
    world.clock.advance(days * DAY)
    world.server.keep_up()
    device.restore(world.folder / "image")
    device.images_restored += 1
    device.sign_in()
    assert list(settle(world)) == []
    return mark


def depots(world: SimWorld, mark: str) -> int:
    return sum(row["Name"] == mark for row in world.rows("Depot").values())


def test_what_has_its_receipt_is_known_and_any_second_record_breaks_the_law(world: SimWorld) -> None:
    mark = sent_by_an_image(world, limits.RECEIPT_KEEP_DAYS - 1)
    assert (depots(world, mark), list(no_double_effect.check(world))) == (1, [])
    world.server.create(world.server.admin, "Depot", {"Name": mark, "City": mark})
    assert list(no_double_effect.check(world)) == [f"L2: depot {mark} is there 2 times"]


def test_what_has_no_receipt_any_more_is_there_twice_once_for_each_image(world: SimWorld) -> None:
    mark = sent_by_an_image(world, limits.RECEIPT_KEEP_DAYS + 1)
    assert (depots(world, mark), list(no_double_effect.check(world))) == (2, [])
    world.devices[0].images_restored = 0
    assert f"L2: depot {mark} is there 2 times" in no_double_effect.check(world)
