"""Devices whose clocks are wrong: their saves count like any other, and no date the server sets comes from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.world import system_world
from fieldsync.device import Record
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@skew.example"
AHEAD, BEHIND = timedelta(days=400), timedelta(days=-400)


class Skewed:
    """The machine's clock, set wrong."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by

    def steady(self) -> float:
        return datetime.now(UTC).timestamp()


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    admin = NewUser("admin@skew.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(database, "skew", build(load_packs()), admin=admin, world=world)
    with seeding_org(database, "skew", world) as seeding:
        create_user(seeding, NewUser(REP, PASSWORD, "Field_Representative", "Sarah"), world.chance)
    with ExitStack() as stack:
        yield Stage(stack, database, "skew", tmp_path)


def is_of_now(record: Record | None, field: str) -> bool:
    assert record is not None
    written = datetime.fromisoformat(str(record.values[field]))
    return abs(written - datetime.now(UTC)) < timedelta(minutes=2)


def test_saves_of_devices_with_wrong_clocks_arrive_in_order_with_the_servers_dates(stage: Stage) -> None:
    fast = stage.device(REP, "fast", clock=Skewed(AHEAD))
    slow = stage.device(REP, "slow", Platform.IPHONE, clock=Skewed(BEHIND))
    with fast.edit() as edit:
        account = edit.create("Account", {"Name": "Dr. Early", "Phone": "1"})
    wait_for(lambda: slow.get("Account", account) is not None)
    with slow.edit() as edit:
        edit.update("Account", account, {"Phone": "2"})
    wait_for(lambda: fast.get("Account", account).values["Phone"] == "2")  # type: ignore[union-attr]
    for device in (fast, slow):
        assert device.sync().successful
        assert device.errors() == []
        assert is_of_now(device.get("Account", account), "CreatedDate")
        assert is_of_now(device.get("Account", account), "LastModifiedDate")
    assert stage.rows("Account")[account]["Phone"] == "2"
    with psycopg.connect(stage.uri) as connection:
        said = connection.execute(
            'SELECT "Saved_At", "Received_At" FROM org_skew."Sync_Transaction" ORDER BY 2'
        ).fetchall()
    assert [round((saved - received) / timedelta(days=400)) for saved, received in said] == [1, -1]


def test_a_clock_that_is_set_right_holds_nothing_back(stage: Stage) -> None:
    clock = Skewed(AHEAD)
    device = stage.device(REP, "wandering", clock=clock)
    device.go_offline()
    with device.edit() as edit:
        account = edit.create("Account", {"Name": "Dr. Late"})
    clock.by = BEHIND
    with device.edit() as edit:
        edit.update("Account", account, {"Phone": "3"})
    device.go_online()
    wait_for(lambda: not device.queue())
    assert stage.rows("Account")[account]["Phone"] == "3"
