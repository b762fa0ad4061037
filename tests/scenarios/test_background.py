"""Sarah puts the app behind another: what is in flight finishes, then nothing is sent or asked until she comes back.

Real server, real devices, over HTTP (FEATURES B06, E34).
"""

from __future__ import annotations

from threading import Event, Thread
from time import sleep

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import org_with_two, wait_for
from tests.scenarios.test_forced_refresh import PACK

from fieldsync.base.world import SystemClock
from fieldsync.device import Device, Mark, SyncReport
from fieldsync.web.field.presence import Presence


def waiting(device: Device, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set when a sync of this device begins to wait for the app to be in front."""
    begun, wait = Event(), device.foreground.wait

    def seen(canceled: Event) -> float:
        begun.set()
        return wait(canceled)

    monkeypatch.setattr(device.foreground, "wait", seen)
    return begun


def test_hidden_nothing_goes_and_visible_everything_at_once(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("back"), PACK) as (stage, sarah, _):
        ipad, iphone = stage.device(sarah, "ipad"), stage.device(sarah, "iphone")
        app = Presence(ipad, SystemClock(), grace_seconds=0.05)
        app.tell("home", visible=True)
        app.tell("home", visible=False)
        app.tell("account", visible=True)
        sleep(0.2)
        assert not app.resting, "from one page to the next is no pause"
        app.tell("account", visible=False)
        wait_for(lambda: app.resting)
        with iphone.edit() as edit:
            theirs = edit.create("Clinic", {"Name": "On the phone"})
        wait_for(lambda: iphone.mark("Clinic", theirs) is Mark.CLEAN)
        with ipad.edit() as edit:
            mine = edit.create("Clinic", {"Name": "On the pad"})
        sleep(0.3)
        assert ipad.mark("Clinic", mine) is Mark.PENDING
        assert ipad.get("Clinic", theirs) is None
        reports: list[SyncReport] = []
        waits = waiting(ipad, monkeypatch)
        syncing = Thread(target=lambda: reports.append(ipad.sync()))
        syncing.start()
        assert waits.wait(60)
        syncing.join(0.1)
        assert syncing.is_alive()
        assert ipad.mark("Clinic", mine) is Mark.PENDING
        app.tell("account", visible=True)
        syncing.join(60)
        assert reports[0].successful
        assert 0 < reports[0].freeze_seconds <= reports[0].seconds
        wait_for(lambda: ipad.mark("Clinic", mine) is Mark.CLEAN and ipad.get("Clinic", theirs) is not None)
        app.close()
    databases.drop(name)
