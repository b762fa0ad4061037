"""Law L5 where an older image gives the id of one call to another: each is whole as it was made itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fieldsync.base import faults as points
from fieldsync.sim.actions.saving import create_account, save_call
from fieldsync.sim.device import SimDevice
from fieldsync.sim.faults import Fault, Killed
from fieldsync.sim.ground import Databases
from fieldsync.sim.laws import whole_families
from fieldsync.sim.run import settle
from fieldsync.sim.world import SimWorld

First = Callable[[SimWorld, SimDevice], int]


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's one device."""
    made = SimWorld(grounds, tmp_path, seed=5, device_count=1)
    yield made
    made.close()


def new_account(world: SimWorld, device: SimDevice) -> int:
    """Returns how many ids were given before that of the call: of the account and its address."""
    create_account(world, device)
    return 2


def killed_call(world: SimWorld, device: SimDevice) -> int:
    """A call whose save never returned, and which is there all the same."""

    def strike(point: str) -> None:
        if point == "save.after_commit":
            points.install(world.faults.plan)
            raise Killed(point, Fault.DEVICE_KILLED)

    points.install(strike)
    save_call(world, device, world.accounts[0], lines=0)
    assert device.saves == []
    return 0


@pytest.mark.parametrize("first", [new_account, killed_call])
def test_two_calls_of_one_id_are_both_whole_and_neither_may_look_like_the_other(world: SimWorld, first: First) -> None:
    (device,), there = world.devices, set(world.rows("Call"))
    image = world.folder / "image"
    device.image(image)
    before = first(world, device)
    assert list(settle(world)) == []
    (known,) = set(world.rows("Call")) - there
    device.restore(image)
    device.sign_in()
    for lines in (*[0] * before, 3):
        save_call(world, device, world.accounts[0], lines)
    assert device.saves[-1].record == known, "the image gave the id once more"
    assert list(whole_families.check(world)) == []
    assert list(settle(world)) == []
    assert len(world.rows("Call")) == len(there) + before + 2
    assert list(whole_families.check(world)) == []
    for _ in range(3):
        world.server.create(world.server.admin, "Call_Discussion", {"CallId": known, "Discussion": "of nobody"})
    (found,) = whole_families.check(world)
    assert found.endswith("has 3 of 0 details on the server")
