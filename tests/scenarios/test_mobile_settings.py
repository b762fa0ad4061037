"""An admin changes how devices work: nothing changes on a device before its next sync, all of it after
(FEATURES J23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.scenarios.stage import Stage, two_made, wait_for
from tests.scenarios.test_long_saves import PACK, LossyWire

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import SystemClock
from fieldsync.device import Device
from fieldsync.device.edit.session import Edit
from fieldsync.protocol.upload import Transaction
from fieldsync.schema.rules_import.sync_setting import SETTINGS, SettingGroup
from fieldsync.schema.sync_rule import RuleType, SyncRule, record_of
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows


class DaysAhead(SystemClock):
    """A device's clock, so many days later."""

    days = 0

    def now(self) -> datetime:
        return super().now() + timedelta(days=self.days)


@pytest.fixture
def org(made: str, tmp_path: Path) -> Iterator[tuple[Stage, str]]:
    with two_made(made, tmp_path, PACK) as (stage, sarah, _):
        yield stage, sarah


def set_for_reps(stage: Stage, name: str, value: str) -> None:
    """The admin's choice, for one profile; the org's own value is another."""
    profile = next(one for one, row in stage.rows("Profile").items() if row["Name"] == "Rep")
    with seeding_org(stage.uri, stage.org, stage.world) as seeding:
        insert_rows(seeding, "Sync_Setting", [{"Name": name, "Setting": name, "Value": "50"}])
        mine = {"Name": name, "Setting": name, "Value": value, "ProfileId": profile}
        insert_rows(seeding, "Sync_Setting", [mine])


def long_visit(device: Device) -> None:
    with device.edit() as edit:
        root = edit.create("Visit", {"Name": "v"})
        for number in range(11):
            edit.create("Visit_Line", {"Name": f"{number}", "VisitId": root})


def test_long_saves_travel_in_smaller_parts_after_the_next_sync(org: tuple[Stage, str]) -> None:
    stage, sarah = org
    wires: list[LossyWire] = []
    seen: list[int] = []

    def wire(address: str) -> LossyWire:
        wires.append(LossyWire(address))
        return wires[-1]

    def note(one: Transaction) -> bool:
        seen.append(one.parts)
        return True

    ipad = stage.device(sarah, "ipad", started=False, wire=wire)
    wires[0].passes = note
    set_for_reps(stage, "Items_Per_Transaction_Max", "3")
    for _ in range(2):
        long_visit(ipad)
        assert ipad.sync().successful
    assert seen == [2] * 2 + [4] * 4, "12 records, ten a part before and three after"
    assert len(stage.rows("Visit_Line")) == 22


def test_who_was_away_for_longer_than_the_admin_says_begins_anew(org: tuple[Stage, str]) -> None:
    stage, sarah = org
    clock = DaysAhead()
    ipad = stage.device(sarah, "ipad", started=False, clock=clock)
    set_for_reps(stage, "Days_Offline_Max", "2")
    clock.days = 3
    assert ipad.sync().kind == "incremental", "it has not heard of it yet"
    assert ipad.sync().kind == "full"


def test_what_waits_shows_red_after_as_many_days_as_the_admin_says(org: tuple[Stage, str]) -> None:
    stage, sarah = org
    clock = DaysAhead()
    ipad = stage.device(sarah, "ipad", started=False, clock=clock)
    set_for_reps(stage, "Overdue_Days", "1")
    assert ipad.sync().successful
    ipad.go_offline()
    long_visit(ipad)
    assert ipad.widget().state == "pending"
    clock.days = 2
    wait_for(lambda: ipad.widget().state == "overdue")


def test_the_app_asks_off_wifi_and_locks_as_the_admin_says_after_the_next_sync(org: tuple[Stage, str]) -> None:
    stage, sarah = org
    ipad = stage.device(sarah, "ipad", started=False)
    set_for_reps(stage, "Off_Wifi_Megabytes_Max", "5")
    set_for_reps(stage, "Idle_Minutes_Max", "7")
    for megabytes, minutes in ((25, 60), (5, 7)):
        assert ipad.account is not None
        told = ipad.account.settings
        assert (told.off_wifi_megabytes, told.idle_minutes) == (megabytes, minutes)
        assert ipad.sync().successful


def test_a_device_tells_after_as_many_sends_in_vain_as_the_admin_says(org: tuple[Stage, str]) -> None:
    stage, sarah = org
    ipad = stage.device(sarah, "ipad", started=False)
    set_for_reps(stage, "Send_Retries_Max", "1")
    assert ipad.sync().successful
    long_visit(ipad)
    stage.stop_server()
    for told in (False, True):
        ipad.go_online()  # it tries at once
        ipad.step()
        assert ipad.widget().not_getting_through is told
    stage.start_server()
    assert ipad.sync().successful
    assert not ipad.widget().not_getting_through


def test_every_setting_of_devices_is_followed() -> None:
    followed = {
        "Items_Per_Transaction_Max",
        "Days_Offline_Max",
        "Overdue_Days",
        "Off_Wifi_Megabytes_Max",
        "Idle_Minutes_Max",
        "Send_Retries_Max",
        "Accounts_Max",  # tests/scenarios/test_too_many.py
        "Rows_Max",  # tests/scenarios/test_too_many.py
        "Nightly_Sync",  # tests/web/test_nightly.py
        "Related_Record_Names",  # tests/scenarios/test_related_names.py
    }
    assert {name for name, kind in SETTINGS.items() if kind.group is SettingGroup.MOBILE} == followed


@pytest.mark.parametrize("applied", [False, True], ids=["synced", "applied"])
def test_what_goes_one_way_is_read_on_a_device_and_saved_only_online(org: tuple[Stage, str], *, applied: bool) -> None:
    stage, sarah = org
    ipad = stage.device(sarah, "ipad", started=False)
    with ipad.edit() as edit:
        visit = edit.create("Visit", {"Name": "made before"})
    assert ipad.sync().successful
    one_way = record_of(SyncRule(object="Visit", type=RuleType.FULL, profile="Rep", one_way=True))
    with seeding_org(stage.uri, stage.org, stage.world) as seeding:
        insert_rows(seeding, "Sync_Rule", [one_way])
    with ipad.edit() as edit:
        edit.update("Visit", visit, {"Name": "not heard of yet"})
    if applied:
        ipad.updates.prepare()
    assert (ipad.updates.apply() if applied else ipad.sync()).successful
    acts: tuple[Callable[[Edit], object], ...] = (
        lambda edit: edit.create("Visit", {"Name": "x"}),
        lambda edit: edit.update("Visit", visit, {"Name": "x"}),
        lambda edit: edit.delete("Visit", visit),
    )
    for act in acts:
        with pytest.raises(Refused) as refused, ipad.edit() as edit:
            act(edit)
        assert refused.value.problem.code is Code.ONE_WAY
    assert (ipad.queue(), ipad.errors()) == ([], [])
    found = ipad.get("Visit", visit)
    assert found is not None
    assert found.values["Name"] == "not heard of yet", "what was saved before it was known is not lost"
