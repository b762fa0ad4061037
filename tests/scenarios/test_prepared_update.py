"""Sarah's first opening of the day: what her manager changed is prepared while she works, and comes when she says so.

Real server, real devices, over HTTP (FEATURES E04 to E07, H11).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.world import system_world
from fieldsync.device import Mark, PreparationState, SyncKind
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

PACK = """
name: clinics
label: Clinics
objects:
  - {name: Clinic, label: Clinic, prefix: s00, fields: [{name: City, type: text}, {name: Phone, type: text}]}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    """An org with two people, who see the same clinics."""
    world = system_world()
    admin = NewUser("admin@clinics.example", PASSWORD, "System_Administrator", "Admin")
    packs = [*load_packs(("platform",)), parse_pack(PACK, "clinics")]
    create_org(database, "clinics", build(packs), admin=admin, world=world)
    with seeding_org(database, "clinics", world) as seeding:
        for name in ("sarah", "grace"):
            create_user(seeding, NewUser(name, PASSWORD, "Rep", name.title()), world.chance)
    with ExitStack() as stack:
        yield Stage(stack, database, "clinics", tmp_path)


def test_an_update_is_prepared_while_sarah_works_and_takes_nothing_of_hers(stage: Stage) -> None:
    sarah, grace = stage.device("sarah", "ipad"), stage.device("grace", "surface")
    with grace.edit() as edit:
        clinics = [edit.create("Clinic", {"Name": f"Clinic {n}", "City": "Leeds"}) for n in range(3)]
    wait_for(lambda: not grace.queue())

    sarah.updates.prepare()
    assert sarah.updates.state().state is PreparationState.READY
    assert sarah.updates.state().rows == 3
    assert sarah.count("Clinic") == 0, "nothing shows before she says so"
    with sarah.edit() as edit:
        hers = edit.create("Clinic", {"Name": "Hers", "City": "York"})
    wait_for(lambda: sarah.mark("Clinic", hers) is Mark.CLEAN)

    sarah.go_offline()
    sarah.updates.apply()
    assert sarah.count("Clinic") == 4
    with sarah.edit() as edit:
        edit.update("Clinic", clinics[0], {"Phone": "1"})
    sarah.go_online()
    wait_for(lambda: not sarah.queue())
    assert sarah.errors() == []
    assert stage.rows("Clinic")[clinics[0]]["Phone"] == "1"

    with grace.edit() as edit:
        edit.update("Clinic", clinics[1], {"City": "Hull"})
        edit.delete("Clinic", clinics[2])
    wait_for(lambda: not grace.queue())
    report = sarah.sync("verify")
    assert report.verified, "what she holds is what the server says she should hold"
    assert report.rows_repaired == 0
    assert [r.kind for r in sarah.syncs()[1:2]] == [SyncKind.NON_BLOCKING]
    assert {r.id: r.values["City"] for r in sarah.find("Clinic")} == {
        clinics[0]: "Leeds",
        clinics[1]: "Hull",
        hers: "York",
    }
