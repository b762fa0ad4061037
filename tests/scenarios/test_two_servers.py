"""Sarah's iPad talks to one server process and her iPhone to another: neither notices (DESIGN 8, 12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.world import system_world
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@two.example"


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    admin = NewUser("admin@two.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(database, "two", build(load_packs()), admin=admin, world=world)
    with seeding_org(database, "two", world) as seeding:
        create_user(seeding, NewUser(REP, PASSWORD, "Field_Representative", "Sarah"), world.chance)
        insert_rows(seeding, "Sync_Setting", [{"Name": "p", "Setting": "Poll_Seconds", "Value": "600"}])
    with ExitStack() as stack:
        yield Stage(stack, database, "two", tmp_path)


def test_a_save_at_one_server_wakes_the_device_whose_stream_is_at_the_other(stage: Stage) -> None:
    """It is told: by itself it would ask minutes later."""
    ipad = stage.device(REP, "ipad")
    iphone = stage.device(REP, "iphone", Platform.IPHONE, at=stage.another_server())
    for number in range(3):
        for writer, reader in ((ipad, iphone), (iphone, ipad)):
            with writer.edit() as edit:
                account = edit.create("Account", {"Name": f"Clinic {number}"})
            wait_for(lambda reader=reader, account=account: reader.get("Account", account))  # type: ignore[misc]
