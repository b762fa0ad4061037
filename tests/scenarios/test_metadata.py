"""The data model changes under a device with a full queue: what is left goes through, what is gone says so (F07)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.problems import Code, Refused
from fieldsync.base.version import VERSION
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.org.create import create_org, deploy_catalog, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

SARAH = "sarah@meta.example"


def model(*fields: Field, notes: bool) -> Catalog:
    """A shop with these fields, and perhaps notes on it."""
    every = tuple(Access)
    objects = [Object(name="Shop", label="Shop", prefix="a00", fields=fields)]
    if notes:
        text = Field(name="Text", type=FieldType.TEXT)
        objects.append(Object(name="Note", label="Note", prefix="a01", fields=(text,)))
    rep = Profile(name="Rep", label="Rep", objects={o.name: every for o in objects} | {"User": (Access.READ,)})
    return build([*load_packs(("platform",)), Pack(name="meta", label="Meta", objects=tuple(objects), profiles=(rep,))])


CITY, PHONE = Field(name="City", type=FieldType.TEXT), Field(name="Phone", type=FieldType.TEXT)
COUNTRY = Field(name="Country", type=FieldType.CHECKBOX)


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    world = system_world()
    admin = NewUser("admin@meta.example", PASSWORD, "System_Administrator", "Admin")
    create_org(database, "meta", model(CITY, PHONE, notes=True), admin=admin, world=world)
    with seeding_org(database, "meta", world) as seeding:
        create_user(seeding, NewUser(SARAH, PASSWORD, "Rep", "Sarah"), world.chance)
        insert_rows(seeding, "Shop", [{"Name": f"S{n}", "City": "Wien", "Phone": "1"} for n in range(3)])
    with ExitStack() as stack:
        yield Stage(stack, database, "meta", tmp_path)


def test_a_dropped_field_and_object_stop_nobody(stage: Stage) -> None:
    device = stage.device(SARAH, "ipad")
    one, two, three = (r.id for r in device.find("Shop"))
    device.go_offline()
    with device.edit() as edit:
        edit.update("Shop", one, {"City": "Graz", "Phone": "2"})
    with device.edit() as edit:
        edit.create("Note", {"Name": "N", "Text": "kept"})
    with device.edit() as edit:
        edit.update("Shop", two, {"Phone": "3"})
    new = model(PHONE, COUNTRY, notes=False)
    deploy_catalog(stage.uri, "meta", new, world=stage.world, dry_run=False, allow_drop=True)
    device.go_online()
    wait_for(lambda: not device.queue())
    device.sync()
    assert [(p.code, p.field) for e in device.errors() for p in e.problems] == [
        (Code.METADATA_CHANGED, "City"),
        (Code.METADATA_CHANGED, None),
    ]
    assert [[(c.column, c.new) for c in e.content] for e in device.errors()] == [
        [("City", "Graz"), ("Phone", "2")],
        [("Name", "N"), ("Text", "kept")],
    ]
    assert stage.rows("Shop")[two]["Phone"] == "3"
    assert [(r.values["Phone"], r.values["Country"]) for r in device.find("Shop")][1:] == [("3", False), ("1", False)]
    failed, gone = device.errors()
    device.resend(failed.n)
    device.undo(gone.n)
    wait_for(lambda: not device.queue())
    device.sync()
    assert device.errors() == []
    assert {r: row["Phone"] for r, row in stage.rows("Shop").items()} == {one: "2", two: "3", three: "1"}
    assert {r.id: r.values["Phone"] for r in device.find("Shop")} == {one: "2", two: "3", three: "1"}
    assert [r.values["Country"] for r in device.find("Shop")] == [False, False, False]


def synced(device: Device) -> bool:
    """Whether it went through; a server that has not taken up the deploy yet says that it is busy."""
    with suppress(Refused):
        return device.sync().successful
    return False


def test_the_console_knows_with_which_app_and_data_model_each_save_was_sent(stage: Stage) -> None:
    """A save of before the deploy and one of after it tell apart by it (FEATURES J01)."""
    device = stage.device(SARAH, "ipad")
    before = device.catalog.version
    [one, *_] = (r.id for r in device.find("Shop"))
    for phone in ("2", "3"):
        with device.edit() as edit:
            edit.update("Shop", one, {"Phone": phone})
        wait_for(lambda: not device.queue())
        if phone == "2":
            new = model(CITY, PHONE, COUNTRY, notes=True)
            deploy_catalog(stage.uri, "meta", new, world=stage.world, dry_run=False, allow_drop=False)
            wait_for(lambda: device.catalog.version != before or synced(device))
    noted = sorted(stage.rows("Sync_Transaction").values(), key=lambda row: str(row["Queue_Number"]))
    assert [row["Metadata_Version"] for row in noted] == [before, device.catalog.version]
    assert before != device.catalog.version
    assert {(row["Platform"], row["App_Version"]) for row in noted} == {("iPad", VERSION)}
