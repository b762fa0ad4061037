"""More rows than a device takes: a sync ends before anything is replaced, and says how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.stage import PASSWORD, Stage

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@many.example"
CAPPED = """UPDATE org_many."Sync_Rule" SET "Rows_Max" = 2, "_stamp" = "_stamp" + 1 WHERE "Object_Name" = 'Account'"""
PACK = """
name: own
label: Own
objects:
  - {name: Account, label: Account, prefix: '001', fields: [{name: Phone, type: phone, label: Phone}]}
profiles:
  - {name: Rep, label: Rep, objects: {Account: [edit], User: [read]}}
"""


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    admin = NewUser("admin@many.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(database, "many", build([*load_packs(("platform",)), parse_pack(PACK, "own")]), admin=admin, world=world)
    with seeding_org(database, "many", world) as seeding:
        create_user(seeding, NewUser(REP, PASSWORD, "Rep", "Sarah"), world.chance)
        insert_rows(seeding, "Account", [{"Name": "A"}, {"Name": "B"}])
        insert_rows(seeding, "Sync_Setting", [{"Name": "Most", "Setting": "Accounts_Max", "Value": "2"}])
    with ExitStack() as stack:
        yield Stage(stack, database, "many", tmp_path)


def test_what_a_device_holds_stays_and_what_it_saved_goes_up(stage: Stage) -> None:
    device = stage.device(REP, "iphone", Platform.IPHONE)
    device.stop()
    first = device.find("Account", where={"Name": "A"})[0]
    with seeding_org(stage.uri, stage.org, system_world()) as seeding:
        insert_rows(seeding, "Account", [{"Name": "C"}])
    with device.edit() as edit:
        edit.update("Account", first.id, {"Phone": "555-0100"})
    with pytest.raises(Refused, match="3 accounts are selected for this device; 2 are allowed on iPhone") as refused:
        device.sync("full")
    assert refused.value.problem.code is Code.TOO_MANY_ACCOUNTS
    assert sorted(str(found.values["Name"]) for found in device.find("Account")) == ["A", "B"]
    assert stage.rows("Account")[first.id]["Phone"] == "555-0100", "upload comes first"
    assert device.queue() == []

    with psycopg.connect(stage.uri) as connection:
        connection.execute(CAPPED)
    with pytest.raises(Refused, match="3 rows of Account are selected for this device; 2 are allowed"):
        device.sync()
    assert device.count("Account") == 2
