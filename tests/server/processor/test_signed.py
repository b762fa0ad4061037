"""Saves that carry a signature: marked, also while they wait, and run before those of other devices (FEATURES L03)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.server.lab import PASSWORD, START, Lab, create

from fieldsync.base.world import ManualClock, SeededChance, World
from fieldsync.protocol.upload import Accepted, Saved
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import build
from fieldsync.schema.family.declaration import FamilyDeclaration
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser

if TYPE_CHECKING:
    from tests.conftest import Databases


def prepare(uri: str) -> None:
    fields = (Field(name="Signature", type=FieldType.BASE64), Field(name="City", type=FieldType.TEXT))
    receipt = Object(name="Receipt", label="Receipt", prefix="a30", fields=fields, family=FamilyDeclaration())
    part = Field(name="ReceiptId", type=FieldType.MASTER_DETAIL, references="Receipt")
    objects = (receipt, Object(name="Part", label="Part", prefix="a31", fields=(part,)))
    every = (Access.READ, Access.CREATE, Access.EDIT, Access.DELETE)
    rep = Profile(name="Rep", label="Rep", objects={"Receipt": every, "Part": every, "User": (Access.READ,)})
    pack = Pack(name="signed", label="Signed", objects=objects, profiles=(rep,))
    admin = NewUser("admin@small.example", PASSWORD, "System_Administrator", "Admin")
    world = World(ManualClock(START), SeededChance(6))
    create_org(uri, "small", build([*load_packs(("platform",)), pack]), admin=admin, world=world)


@pytest.fixture
def lab(databases: Databases) -> Iterator[Lab]:
    name = databases.create(databases.template("signed", prepare))
    made = Lab(databases.uri(name))
    yield made
    made.close()
    databases.drop(name)


def shown(lab: Lab) -> list[tuple[str | None, str, str | None]]:
    found: list[tuple[str | None, str, str | None]] = lab.query("""SELECT "Root_Object", "Signed", "Processing"
        FROM "Sync_Transaction" WHERE "Channel" = 'device' ORDER BY "Id" """)
    return found


def test_a_save_with_a_signature_is_marked(lab: Lab) -> None:
    lab.person("sarah")
    sarah = lab.phone("sarah")
    assert sarah.outcome(create("Receipt", sarah.new_id("Receipt"), Name="a", Signature="QUJD")) == Saved()
    assert sarah.outcome(create("Receipt", sarah.new_id("Receipt"), Name="b", City="York")) == Saved()
    assert shown(lab) == [("Receipt", "Yes", None), ("Receipt", "No", None)]


def test_while_they_wait_it_is_seen_what_they_are_and_signed_ones_go_before_those_of_other_devices(lab: Lab) -> None:
    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    for name in ("sarah", "tom"):
        lab.person(name)
    sarah, tom = lab.phone("sarah"), lab.phone("tom")
    receipt = sarah.new_id("Receipt")
    items = (
        create("Part", sarah.new_id("Part"), Name="p", ReceiptId=receipt),
        create("Receipt", receipt, Name="a", City="York"),
    )
    assert sarah.outcome(*items) == Accepted(2, 2)
    assert sarah.outcome(create("Nothing", receipt, Name="x", Signature="QUJD")) == Accepted(1, 1)
    assert tom.outcome(create("Receipt", tom.new_id("Receipt"), Name="a", Signature="QUJD")) == Accepted(1, 1)
    assert shown(lab) == [("Receipt", "No", "Batch"), (None, "No", "Batch"), ("Receipt", "Yes", "Batch")]
    jobs = "SELECT args ->> 'device' FROM fieldsync_jobs.procrastinate_jobs WHERE args ? 'device'"
    order = [device for (device,) in lab.query(f"{jobs} ORDER BY priority DESC, id")]
    assert order == [tom.number, sarah.number, sarah.number]
