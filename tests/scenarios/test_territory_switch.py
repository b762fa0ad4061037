"""Sarah works in two territories and picks one on her iPad: what waits goes up first, the other's rows leave.

Real server, real devices, over HTTP (FEATURES A34, E13).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device, SyncKind, Trigger
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids

PACK = """
name: regions
label: Regions
objects:
  - name: Patch
    label: Patch
    prefix: s00
    fields:
      - {name: TerritoryId, type: lookup, label: Territory, references: Territory}
      - {name: Note, type: text}
sync_rules:
  - {object: Patch, where: 'TerritoryId IN @@TERRITORY_IDS@@'}
profiles:
  - name: Rep
    label: Rep
    objects: {'*': [read, create, edit, delete], Territory: [read], User_Territory: [read], User: [read]}
"""


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str]]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("regions"), PACK) as (stage, sarah, _):
        yield stage, sarah
    databases.drop(name)


def test_what_waits_goes_up_first_and_the_rows_are_those_of_the_other_territory(stage: tuple[Stage, str]) -> None:
    scene, sarah = stage
    ids = prepared(scene, sarah)
    ipad, iphone = scene.device(sarah, "ipad", started=False), scene.device(sarah, "iphone", started=False)
    assert [choice.name for choice in ipad.territories.mine()] == ["Leeds", "York"], "the primary one first"
    assert names(ipad) == ["Leeds 1", "York 1"]
    ipad.go_offline()
    edited = ipad.find("Patch", search="Leeds")[0].id
    for note in ("one", "two", "three"):
        with ipad.edit() as edit:
            edit.update("Patch", edited, {"Note": note})
            edit.create("Patch", {"Name": f"New {note}", "TerritoryId": ids["Leeds"]})
    with pytest.raises(Refused) as refused:
        ipad.territories.switch(ids["York"])
    assert refused.value.problem.code is Code.OFFLINE
    assert ipad.territories.picked() is None
    ipad.go_online()

    report = ipad.territories.switch(ids["York"])
    assert (report.kind, report.trigger, report.successful) == (SyncKind.FULL, Trigger.TERRITORY_SWITCH, True)
    assert ipad.queue() == []
    assert names(ipad) == ["York 1"]
    assert scene.rows("Patch")[edited]["Note"] == "three"
    assert len(scene.rows("Patch")) == 6
    iphone.sync()
    assert "Leeds 1" in names(iphone), "another device of hers works where it did"
    with pytest.raises(Refused) as refused:
        ipad.territories.switch(ids["Hull"])
    assert refused.value.problem.code is Code.NOT_FOUND, "only in one of hers"
    assert ipad.territories.picked() == ids["York"]
    ipad.territories.switch(None)
    assert "Leeds 1" in names(ipad)


def prepared(scene: Stage, sarah: str) -> dict[str, RecordId]:
    """Three territories, two of them Sarah's, with a patch each."""
    [person] = [RecordId(i) for i, row in scene.rows("User").items() if row["Username"] == sarah]
    with seeding_org(scene.uri, scene.org, scene.world) as seeding:
        ids = dict(zip(("Leeds", "York", "Hull"), mint_ids(seeding, "Territory", 3), strict=True))
        insert_rows(seeding, "Territory", [{"Id": i, "Name": name} for name, i in ids.items()])
        works = [{"UserId": person, "TerritoryId": ids[name], "Primary": name == "Leeds"} for name in ("Leeds", "York")]
        insert_rows(seeding, "User_Territory", works)
        insert_rows(seeding, "Patch", [{"Name": f"{name} 1", "TerritoryId": i} for name, i in ids.items()])
    return ids


def names(device: Device) -> list[str]:
    return [str(record.values["Name"]) for record in device.find("Patch")]
