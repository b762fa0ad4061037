"""PostgreSQL fails over to a standby that lacks the last saves. Devices that were told they are safe bring them again,
also one that was in progress when the standby heard something for the last time (DESIGN 5)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from tests.scenarios.shops import change, shops_pack
from tests.scenarios.stage import Stage, org_with_two, wait_for
from tests.server.postgres.standby import Pair, pair

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device import Device, Unreachable
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

PACK = shops_pack("standby")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and signals")
WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def two(short_dir: Path) -> Iterator[Pair]:
    with pair(short_dir / "failover") as made:
        yield made


def synced(device: Device) -> bool:
    """Whether it could sync now: the server may not have found its way to the other PostgreSQL yet."""
    with suppress(Refused, Unreachable):
        return device.sync().successful
    return False


def test_what_the_standby_never_heard_of_comes_back_and_nothing_is_there_twice(two: Pair, tmp_path: Path) -> None:
    patient = {"PATIENT": "yes"}  # the save that is held waits, however long the standby needs
    with org_with_two(two.uri, tmp_path, PACK, patient) as (stage, sarah, tom):
        with seeding_org(stage.uri, stage.org, stage.world) as seeding:
            [shop] = insert_rows(seeding, "Shop", [{"Name": "Corner", "City": "Oslo"}])
            insert_rows(seeding, "Sync_Setting", [{"Name": "w", "Setting": "Recovery_Window_Minutes", "Value": "0"}])
        ipad, laptop = (stage.device(who, who[:3], started=False) for who in (sarah, tom))
        change(ipad, RecordId(shop), City="Bergen")
        the_standby_hears_of_later_ones(two, stage, ipad, RecordId(shop))
        with laptop.edit() as edit:
            edit.create("Shop", {"Name": "Lost"})
        assert laptop.sync().successful
        two.fail_over()
        for device in (ipad, laptop):
            wait_for(lambda device=device: synced(device))  # type: ignore[misc]
        stage.forget_connection()
        wait_for(lambda: stage.rows("Shop")[shop]["Phone"] == "12")
        wait_for(lambda: len(stage.rows("Shop")) == 2)
        for device in (ipad, laptop):
            assert device.sync("verify").successful
            held = {record.id: record.values["Phone"] for record in device.find("Shop")}
            assert held == {i: row["Phone"] for i, row in stage.rows("Shop").items()}
            assert device.queue() == device.errors() == []


def the_standby_hears_of_later_ones(two: Pair, stage: Stage, ipad: Device, shop: RecordId) -> None:
    """A save begins, another transaction comes behind it, and that is the last the standby hears. Then it commits."""
    saving = Thread(target=change, args=(ipad, shop), kwargs={"Phone": "12"})
    with psycopg.connect(two.uri) as holder, psycopg.connect(two.uri, autocommit=True) as other:
        holder.execute(f'SELECT 1 FROM "org_{stage.org}"."Shop" FOR UPDATE'.encode())
        saving.start()
        wait_for(lambda: other.execute(WAITS).fetchone())
        other.execute("CREATE TABLE later ()")
        two.catch_up()
        two.cut()
    saving.join()
    assert stage.rows("Shop")[shop]["Phone"] == "12"
