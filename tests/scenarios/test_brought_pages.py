"""Pages that a request waited for come when they come: late, twice, behind a sync. The end is that of asking for each.

Real server, real devices, over HTTP (DESIGN 8).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two
from tests.scenarios.test_forced_refresh import PACK

from fieldsync.device import Device
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.sync.calls import with_query
from fieldsync.device.sync.feed import Brought

SEEDS, TURNS = 3, 60
SARAH = "sarah@anew.example"


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("brought"), PACK) as (stage, *_):
        yield stage
    databases.drop(name)


def answered(device: Device) -> Brought | None:
    """What a request that waited is answered with now."""
    engine = device._engine
    with engine.store.read() as work:
        cursor = meta.get(work, Key.FEED_CURSOR)
    if cursor is None:
        return None
    reply = engine.calls.transport.request(
        "GET", with_query("/sync/v1/feed", {"cursor": cursor}), None, engine.calls.headers()
    )
    return Brought(cursor, reply.body) if reply.status == 200 else None


def rows(device: Device) -> dict[str, tuple[object, object]]:
    return {found.id: (found.values["Name"], found.values["City"]) for found in device.find("Clinic")}


class Day:
    """Two devices of hers, and pages that are under way to the first."""

    def __init__(self, pad: Device, phone: Device, seed: int) -> None:
        self.pad, self.phone, self.chance = pad, phone, random.Random(seed)
        self.underway: list[Brought] = []
        self.saves = self.brought = 0

    def save(self, device: Device) -> None:
        self.saves += 1
        known = sorted(rows(device))
        with device.edit() as edit:
            if known and self.chance.random() < 0.5:
                field = "City" if device is self.phone else "Name"  # they do not conflict
                edit.update("Clinic", self.chance.choice(known), {field: str(self.saves)})  # type: ignore[arg-type]
            else:
                edit.create("Clinic", {"Name": str(self.saves)})
        device.step()

    def hear(self) -> None:
        found = answered(self.pad)
        self.underway += [found] if found else []

    def comes(self, *, once: bool) -> None:
        """One of them arrives; perhaps it does so again later."""
        if not self.underway:
            return
        page, before = self.chance.choice(self.underway), len(rows(self.pad))
        if once:
            self.underway.remove(page)
        self.pad._engine.brings(page)
        self.pad.step()
        self.brought += len(rows(self.pad)) > before

    def turn(self) -> None:
        acts: list[tuple[Callable[[], object], int]] = [
            (lambda: self.save(self.phone), 2),
            (lambda: self.save(self.pad), 1),
            (self.hear, 2),
            (lambda: self.comes(once=True), 2),
            (lambda: self.comes(once=False), 1),
            (self.pad.sync, 1),
        ]
        self.chance.choices([act for act, _ in acts], [often for _, often in acts])[0]()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_pages_that_come_at_any_time_leave_what_asking_leaves(stage: Stage, seed: int) -> None:
    pad, phone = (stage.device(SARAH, f"{each} {seed}", started=False) for each in ("ipad", "iphone"))
    day = Day(pad, phone, seed)
    for _ in range(TURNS):
        day.turn()
    for device in (pad, phone, pad, phone):
        catch_up(device)
        device.sync()
    there = {i: (row["Name"], row["City"]) for i, row in stage.rows("Clinic").items()}
    assert rows(pad) == rows(phone) == there
    assert day.brought, "pages did bring rows"
