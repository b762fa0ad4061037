"""A disk that is full, at any write of a database refresh or a save: the person is told, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.device.lab import Lab

from fieldsync.base import faults
from fieldsync.base.problems import Code, Refused
from fieldsync.sim.disk import Disk, simulated_disks
from fieldsync.sim.faults import DiskFull


class Room:
    """How many writes the disk takes; without a number, any."""

    def __init__(self) -> None:
        self.left: int | None = None

    def plan(self, point: str) -> None:
        """For the simulated disk."""
        if self.left is None or point != "disk write":
            return
        if self.left == 0:
            raise DiskFull(point)
        self.left -= 1


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with simulated_disks():
        made = Room()
        Disk(tmp_path, made.plan)
        yield made


@pytest.fixture
def lab(room: Room, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    made.download(made.block("Shop", *(shop(made, n, City="old") for n in range(6))))
    yield made
    room.left = None
    made.device.close()


def shop(lab: Lab, number: int, stamp: int = 5, **values: Any) -> dict[str, Any]:
    return {"Id": lab.server_id("Shop", number), "_stamp": stamp, "Name": f"S{number:03}", **values}


def cities(lab: Lab) -> list[object]:
    return [record.values["City"] for record in lab.device.find("Shop", limit=1_000)]


def refused(act: Callable[[], object], room: Room, writes: int) -> bool:
    """Whether it was refused with room for so many writes; then it says why."""
    room.left = writes
    found: list[Code] = []
    try:
        act()
    except Refused as told:
        found.append(told.problem.code)
    room.left = None
    assert found in ([], [Code.UNUSABLE]), writes
    return bool(found)


def test_wherever_the_disk_is_full_a_refresh_says_so_and_the_old_rows_are_there(lab: Lab, room: Room) -> None:
    fresh = lab.block("Shop", *(shop(lab, n, 9, City="new") for n in range(6)))
    lab.script.always["refresh"] = lab.refresh_lines(fresh)
    lab.script.always["download"] = lab.lines()
    writes = 0
    while refused(lambda: lab.device.sync("full"), room, writes):
        assert cities(lab) == ["old"] * 6, writes
        writes += 1
    assert writes > 20
    assert cities(lab) == ["new"] * 6


def test_a_refresh_that_took_place_is_told_as_done_and_its_report_is_kept_when_there_is_room(
    lab: Lab, room: Room
) -> None:
    """Also where a comparison was made, which is noted before the report."""
    fresh = lab.block("Shop", *(shop(lab, n, 9, City="new") for n in range(6)))
    lab.script.always["refresh"] = lab.refresh_lines(fresh)
    lab.script.always["download"] = lab.lines(digest=lab.digest(fresh))
    faults.install(lambda point: setattr(room, "left", 0) if point == "refresh.switched" else None)
    try:
        report = lab.device.sync("full")
    finally:
        faults.install(None)
    assert report.successful, report.problem
    lab.device.step()
    assert lab.device.syncs()[0].ended_at is None, "there is no room for the report"
    room.left = None
    lab.device.step()
    assert lab.device.syncs()[0] == report
    assert cities(lab) == ["new"] * 6


def test_wherever_the_disk_is_full_a_save_says_so_and_is_not_there(lab: Lab, room: Room) -> None:
    def save() -> None:
        with lab.device.edit() as edit:
            edit.create("Shop", {"Name": "new"})

    writes = 0
    while refused(save, room, writes):
        assert lab.device.queue() == []
        writes += 1
    assert writes > 1
    assert len(lab.device.queue()) == 1
