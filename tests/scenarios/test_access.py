"""What a person may not read never reaches the device, and who may change metadata is not synchronised on an iPad."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.stage import PASSWORD, Stage

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.rights import assign
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@access.example"
ENDED = """UPDATE org_access."Permission_Set_Assignment" SET "Expiration_Date" = now() - interval '1 day'"""
PACK = """
name: own
label: Own
profiles:
  - {name: Rep, label: Rep, objects: {Account: [edit], User: [read]}, fields: {Account: {Phone: none}}}
permission_sets:
  - {name: Phones, label: Phones, fields: {Account: {Phone: edit}}}
  - {name: Coder, label: Coder, system: [modify_metadata]}
"""


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    admin = NewUser("admin@access.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    catalog = build([*load_packs(), parse_pack(PACK, "own")])
    create_org(database, "access", catalog, admin=admin, world=world)
    with seeding_org(database, "access", world) as seeding:
        sarah = create_user(seeding, NewUser(REP, PASSWORD, "Rep", "Sarah"), world.chance)
        insert_rows(seeding, "Account", [{"Name": "Dr. Quiet", "Phone": "555-0100", "OwnerId": sarah}])
        insert_rows(seeding, "Sync_Setting", [{"Name": "G", "Setting": "Metadata_Api_Guard", "Value": "refuse"}])
    with ExitStack() as stack:
        yield Stage(stack, database, "access", tmp_path)


def give(stage: Stage, permission_set: str) -> None:
    with seeding_org(stage.uri, stage.org, system_world()) as seeding:
        assign(seeding, REP, permission_set, None)


def test_a_device_holds_what_its_person_may_read_and_keeps_what_it_may_not_send(stage: Stage) -> None:
    device = stage.device(REP, "ipad")
    [account] = device.find("Account")
    assert account.values.get("Phone") is None
    give(stage, "Phones")
    device.sync()
    assert device.find("Account")[0].values["Phone"] == "555-0100"

    device.stop()
    give(stage, "Coder")
    with device.edit() as edit:
        edit.update("Account", account.id, {"Phone": "555-0199"})
    with pytest.raises(Refused) as refused:
        device.sync()
    assert refused.value.problem.code is Code.METADATA_API
    assert len(device.queue()) == 1, "nothing is lost"
    with psycopg.connect(stage.uri) as connection:
        connection.execute(ENDED)
    give(stage, "Phones")
    device.sync()
    assert device.queue() == []
    assert stage.rows("Account")[account.id]["Phone"] == "555-0199"
