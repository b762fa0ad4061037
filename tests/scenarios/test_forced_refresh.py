"""An admin wants Sarah's data loaded anew: each of her devices does so once, at its next sync, and loses nothing.

Real server, real devices, over HTTP (FEATURES E11).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two

from fieldsync.base.problems import Code, Refused
from fieldsync.device import PreparationState, SyncKind, SyncReport, Trigger
from fieldsync.server.org.create import seeding_org

PACK = """
name: anew
label: Anew
objects:
  - {name: Clinic, label: Clinic, prefix: s00, fields: [{name: City, type: text}]}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("anew"), PACK) as (stage, *_):
        yield stage
    databases.drop(name)


def test_every_device_of_hers_refreshes_once_and_what_waits_stays(stage: Stage) -> None:
    ipad = stage.device("sarah@anew.example", "ipad", started=False)
    iphone = stage.device("sarah@anew.example", "iphone", started=False)
    admin = stage.device("admin@anew.example", "desk", started=False)
    with admin.edit() as edit:
        edit.update("User", ipad.account.user.id, {"Force_Refresh": True})  # type: ignore[union-attr]
    while admin.queue():
        admin.step()
    ipad.go_offline()
    with ipad.edit() as edit:
        clinic = edit.create("Clinic", {"Name": "Leeds", "City": "Leeds"})
    ipad.go_online()

    for device in (ipad, iphone):
        assert _how(device.sync()) == (SyncKind.FULL, Trigger.FORCED)
        assert _how(device.sync()) == (SyncKind.INCREMENTAL, Trigger.MANUAL), "once"
        assert device.get("Clinic", clinic) is not None
        catch_up(device)
    marks = [row["Force_Refresh"] for row in (*stage.rows("User").values(), *stage.rows("Device").values())]
    assert not any(marks)
    told = [row["Sync_Type"] for row in stage.rows("Sync_Tracking").values() if row["Trigger"] == "Forced"]
    assert told == ["full_refresh"] * 2


def test_one_device_alone_is_marked_and_a_prepared_update_says_why_it_cannot_be(stage: Stage) -> None:
    toms = stage.device("tom@anew.example", "toms", started=False)
    [mark] = [i for i, row in stage.rows("Device").items() if row["Name"] == "toms"]
    with seeding_org(stage.uri, stage.org, stage.world) as seeding:
        device = seeding.metadata.tables["Device"]
        seeding.connection.execute(update(device).where(device.c.Id == mark).values(Force_Refresh=True))
    with pytest.raises(Refused, match="admin"):
        toms.updates.prepare()
    state = toms.updates.state()
    assert state.state is PreparationState.FAILED
    assert state.problem is not None
    assert state.problem.code is Code.REFRESH_REQUIRED
    assert _how(toms.sync()) == (SyncKind.FULL, Trigger.FORCED)
    assert stage.rows("Device")[mark]["Force_Refresh"] is False


def _how(report: SyncReport) -> tuple[SyncKind, Trigger]:
    assert report.successful
    return report.kind, report.trigger
