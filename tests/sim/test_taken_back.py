"""Law L7 of what a person took back: the server keeps none of it open, but what an admin runs again (FEATURES J09)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync.sim.ground import REFUSED_PHONE, Databases
from fieldsync.sim.laws import progress
from fieldsync.sim.world import SimWorld


@pytest.fixture
def world(grounds: Databases, tmp_path: Path) -> Iterator[SimWorld]:
    """Sarah's one device, with a new account that was refused and a call on it that waits."""
    made = SimWorld(grounds, tmp_path, seed=4, device_count=1)
    (device,) = made.devices
    with device.engine.edit() as edit:
        account = edit.create("Account", {"Name": "refused", "Phone": REFUSED_PHONE})
    with device.engine.edit() as edit:
        edit.create("Call", {"AccountId": account, "Call_Date": "2026-03-02T08:00:00+00:00", "Notes": "on it"})
    progress.poll(made, device)
    assert [(entry.n, str(entry.state)) for entry in device.engine.errors()] == [(1, "failed"), (2, "held")]
    yield made
    made.close()


def act(world: SimWorld, n: int, act: str) -> str:
    [(chosen,)] = world.query('SELECT "Id" FROM "Sync_Transaction" WHERE "Queue_Number" = %(n)s', n=n)
    body = {"act": act, "reason": "by the test"}
    return str(world.server.ask_admin("POST", f"/admin/v1/transactions/{chosen}/act", body)["status"])


def test_what_an_admin_canceled_and_runs_again_is_no_person_s_to_take_back(world: SimWorld) -> None:
    (device,) = world.devices
    assert act(world, 1, "cancel") == "Canceled"
    progress.poll(world, device)
    assert device.engine.undone() == [1, 2]
    assert act(world, 2, "retry") == "Failed", "there is no such account"
    progress.poll(world, device)
    assert list(progress.let_go(world)) == []


def test_what_a_person_took_back_and_the_server_keeps_open_breaks_the_law(world: SimWorld) -> None:
    (device,) = world.devices
    device.engine.undo(1)
    assert device.taken_back() == [1, 2]
    found = [f"L7: save {n} of device 0 was taken back, and still waits on the server" for n in (1, 2)]
    assert list(progress.let_go(world)) == found, "nothing was sent yet"
    progress.poll(world, device)
    assert list(progress.let_go(world)) == []
