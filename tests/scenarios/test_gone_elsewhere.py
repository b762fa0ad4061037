"""A record is deleted online while Sarah deletes or changes it offline: two rules, each on or off, four outcomes
(FEATURES G24, J08)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.stage import Stage, org_with_two, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows

if TYPE_CHECKING:
    from tests.conftest import Databases

PACK = """
name: gone
label: Gone
objects:
  - {name: Doctor, label: Doctor, prefix: g00, fields: [{name: City, type: text}]}
profiles:
  - {name: Rep, label: Rep, objects: {Doctor: [read, create, edit, delete], User: [read]}}
"""


class Practice:
    """Sarah and Tom, and what an admin set."""

    def __init__(self, stage: Stage, sarah: str, tom: str) -> None:
        self.stage = stage
        self.sarah, self.tom = stage.device(sarah, "ipad", started=False), stage.device(tom, "windows", started=False)

    def set(self, *rules: str) -> None:
        with seeding_org(self.stage.uri, self.stage.org, self.stage.world) as seeding:
            insert_rows(seeding, "Sync_Setting", [{"Name": one, "Setting": one, "Value": "true"} for one in rules])

    def gone(self) -> RecordId:
        """A doctor that Sarah's device still has."""
        with self.sarah.edit() as edit:
            doctor = edit.create("Doctor", {"Name": "Weber", "City": "Bonn"})
        assert self.sarah.sync("upload_only").successful
        assert self.tom.sync().successful
        delete(self.tom, doctor)
        assert self.tom.sync("upload_only").successful
        return doctor

    def outcome(self, doctor: RecordId) -> tuple[str, str | None, list[Code]]:
        """Status and comment in the console, and what is in Sarah's error list."""
        self.sarah.sync("upload_only")
        number = self.sarah.account.device_number  # type: ignore[union-attr]
        found = [row for row in self.stage.rows("Sync_Transaction").values() if row["Device_Number"] == number]
        last = max(found, key=lambda row: int(row["Queue_Number"]))
        told = [one.code for entry in self.sarah.errors() if doctor in entry.records for one in entry.problems]
        return last["Status"], last["Comments"], told


def delete(device: Device, doctor: RecordId) -> None:
    with device.edit() as edit:
        edit.delete("Doctor", doctor)


def change(device: Device, doctor: RecordId) -> None:
    with device.edit() as edit:
        edit.update("Doctor", doctor, {"City": "Mainz"})


@pytest.fixture
def practice(databases: Databases, tmp_path: Path) -> Iterator[Practice]:
    database = databases.create()
    with org_with_two(databases.uri(database), tmp_path, PACK) as (stage, sarah, tom):
        yield Practice(stage, sarah, tom)
    databases.drop(database)


def test_without_the_rules_a_delete_counts_as_done_and_a_change_is_an_error(practice: Practice) -> None:
    deleted, changed = practice.gone(), practice.gone()
    delete(practice.sarah, deleted)
    assert practice.outcome(deleted) == ("Success", None, [])
    change(practice.sarah, changed)
    assert practice.outcome(changed) == ("Failed", None, [Code.ENTITY_DELETED])


def test_with_the_rules_both_are_canceled_with_a_comment_and_nothing_is_asked_of_her(practice: Practice) -> None:
    deleted, changed = practice.gone(), practice.gone()
    practice.set("Cancel_Deletes_Of_Deleted", "Cancel_Updates_Of_Missing")
    delete(practice.sarah, deleted)
    status, comment, told = practice.outcome(deleted)
    assert (status, told) == ("Canceled", [])
    assert "What it deletes was deleted already" in str(comment)
    change(practice.sarah, changed)
    status, comment, told = practice.outcome(changed)
    assert (status, told) == ("Canceled", [])
    assert "What it changes is not there any more" in str(comment)
    wait_for(lambda: practice.sarah.get("Doctor", changed) is None)
    assert practice.sarah.queue() == []
