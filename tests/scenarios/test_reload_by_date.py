"""An admin wants every device to load its data anew by a date: told first, put off at will, then done without asking.

Real server, real devices, over HTTP (FEATURES F04). The days are moved on the server's record and seen by the device's
own clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two, wait_for

from fieldsync.base.world import instant
from fieldsync.device import Device, SyncKind, Trigger

PACK = """
name: dated
label: Dated
objects:
  - {name: Clinic, label: Clinic, prefix: s00, fields: [{name: City, type: text}]}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("dated"), PACK) as (stage, *_):
        yield stage
    databases.drop(name)


def _asks(stage: Stage, admin: Device, alert: date, due: date) -> None:
    asked, days = stage.world.clock.now(), {"Alert_Date": alert.isoformat(), "Due_Date": due.isoformat()}
    with admin.edit() as edit:
        edit.create("Data_Reload", {"Name": "one", "Asked_At": instant(asked), "Message": "New fields", **days})
    catch_up(admin)
    # times are kept by the second, and who loads everything in that of the wish is asked once more
    wait_for(lambda: instant(stage.world.clock.now()) != instant(asked))


def _how(device: Device) -> tuple[SyncKind, Trigger]:
    report = device.sync()
    assert report.successful
    return report.kind, report.trigger


def test_it_is_told_from_its_day_put_off_until_it_is_due_and_then_done_once(stage: Stage) -> None:
    ipad = stage.device("sarah@dated.example", "ipad", started=False)
    toms = stage.device("tom@dated.example", "toms", started=False)
    admin = stage.device("admin@dated.example", "desk", started=False)

    yesterday, today, then, due = (stage.world.clock.now().date() + timedelta(days) for days in (-1, 0, 2, 5))
    _asks(stage, admin, then, due)
    assert _how(ipad) == (SyncKind.INCREMENTAL, Trigger.MANUAL)
    assert ipad.updates.reload() is None, "its day has not come"
    _asks(stage, admin, today, due)
    assert _how(ipad) == (SyncKind.INCREMENTAL, Trigger.MANUAL), "nothing is forced before it is due"
    told = ipad.updates.reload()
    assert told is not None
    assert (told.due, told.message) == (due.isoformat(), "New fields")
    assert _how(ipad) == (SyncKind.INCREMENTAL, Trigger.MANUAL)
    ipad.go_offline()
    with ipad.edit() as edit:
        clinic = edit.create("Clinic", {"Name": "Leeds"})
    ipad.go_online()
    assert ipad.sync(SyncKind.FULL).successful, "the person takes it now"
    assert ipad.updates.reload() is None
    assert ipad.get("Clinic", clinic) is not None
    catch_up(ipad)
    assert _how(ipad) == (SyncKind.INCREMENTAL, Trigger.MANUAL)
    assert ipad.updates.reload() is None, "she has done it"

    assert ipad.sync(SyncKind.FULL).successful, "what was loaded just before counts as little as anything earlier"
    catch_up(ipad)
    _asks(stage, admin, yesterday, today)
    for device in (ipad, toms):
        assert _how(device) == (SyncKind.FULL, Trigger.FORCED)
        catch_up(device)
        assert _how(device) == (SyncKind.INCREMENTAL, Trigger.MANUAL), "once"
        assert device.updates.reload() is None
