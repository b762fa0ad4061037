"""The data model changes under a device with a full queue: what is left goes through, what is gone says so (F07)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.problems import Code, Refused
from fieldsync.base.version import VERSION
from fieldsync.base.world import SeededChance, system_world
from fieldsync.device import Device
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.transport import HttpTransport, Reply
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build, encode
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


class Counting(HttpTransport):
    """The way to the server, and how many bytes each answer with a data model had."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.models: list[tuple[str, int]] = []

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        reply = super().request(method, path, body, headers)
        if path.startswith("/sync/v1/catalog"):
            self.models.append((path.partition("?")[2], len(reply.body)))
        return reply


def test_of_a_newer_data_model_a_device_with_a_full_queue_gets_what_changed(stage: Stage) -> None:
    """Two deploys later; one that names a version nobody knows gets the whole, and both have the same (F01)."""
    ways: list[Counting] = []

    def wire(address: str) -> Counting:
        ways.append(Counting(address))
        return ways[-1]

    device = stage.device(SARAH, "ipad", started=False, wire=wire)
    first, shops = device.catalog.version, [r.id for r in device.find("Shop")]
    for n in range(60):
        with device.edit() as edit:
            edit.update("Shop", shops[n % 3], {"Phone": str(n)})
    for new in (model(CITY, PHONE, COUNTRY, notes=True), model(PHONE, COUNTRY, notes=True)):
        deploy_catalog(stage.uri, "meta", new, world=stage.world, dry_run=False, allow_drop=True)
    wait_for(lambda: synced(device) and device.catalog.version == new.version)
    [(whole_of, whole), (since, changed)] = ways[0].models
    assert (whole_of, since) == ("since=", f"since={first}&profile=Rep")
    assert changed < whole / 50
    assert device.queue() == device.errors() == []
    assert {row["Phone"] for row in stage.rows("Shop").values()} == {"57", "58", "59"}
    other = stage.device(SARAH, "iphone", started=False, wire=wire)
    assert (list(device.catalog.profiles), list(other.catalog.profiles)) == (["Rep"], ["Rep"])
    assert encode(device.catalog) == encode(other.catalog)
    device.close()
    again = Device.open(stage.folder / "ipad", SeededChance("ipad").bytes(32), world=stage.world, transport=ways[0])
    assert again.catalog.version == new.version
    again.close()


def test_what_changed_against_something_else_than_the_device_has_is_not_taken(stage: Stage) -> None:
    """The device has another content by the same name: the checksum says so, and the whole comes."""
    way = Counting(stage.address)
    device = stage.device(SARAH, "ipad", started=False, wire=lambda _: way)
    with device._store.write() as work:
        meta.put(work, Key.CATALOG, meta.get(work, Key.CATALOG).replace(b'"Shop"', b'"Shed"'))
    new = model(CITY, PHONE, COUNTRY, notes=True)
    deploy_catalog(stage.uri, "meta", new, world=stage.world, dry_run=False, allow_drop=True)
    wait_for(lambda: synced(device) and device.catalog.version == new.version)
    assert [path.partition("&")[0] == "since=" for path, _ in way.models] == [True, False, True]
    assert "Country" in device.catalog["Shop"].fields


def test_who_has_another_profile_by_now_gets_it_with_the_data_model(stage: Stage) -> None:
    device = stage.device(SARAH, "ipad", started=False)
    profiles = {row["Name"]: key for key, row in stage.rows("Profile").items()}
    with psycopg.connect(stage.uri, autocommit=True) as direct:
        direct.execute(
            'UPDATE org_meta."User" SET "ProfileId" = %s WHERE "Username" = %s',
            (profiles["System_Administrator"], SARAH),
        )
    stage.sign_in(device, SARAH, "ipad")
    account = device.account
    assert account is not None
    assert account.user.profile == "System_Administrator"
    assert list(device.catalog.profiles) == ["System_Administrator"]


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
