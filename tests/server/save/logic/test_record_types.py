"""Record types: what new records begin with, which values they offer, and values that depend on others."""

from __future__ import annotations

import msgspec
from tests.server.lab import Lab, Phone, create, downloaded, update
from tests.server.save.logic.packs import orders_pack
from tests.server.save.logic.test_roll_ups import seen
from tests.server.save.logic.test_triggers import codes

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Outcome, Saved
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import RecordType
from fieldsync.server.org.create import deploy_catalog


def type_id(lab: Lab, name: str) -> str:
    [(found,)] = lab.query('SELECT "Id" FROM "RecordType" WHERE "DeveloperName" = %(name)s', name=name)
    return str(found)


def buyer(phone: Phone, **values: object) -> tuple[RecordId, Outcome]:
    new = phone.new_id("Buyer")
    return new, phone.outcome(create("Buyer", new, Name="b", **values))


def test_a_new_record_gets_the_default_type_and_what_that_begins_with(lab: Lab, sarah: Phone) -> None:
    new, outcome = buyer(sarah)
    assert isinstance(outcome, Saved)
    row = seen(lab, "Buyer", new)
    assert (row["RecordTypeId"], row["Size"]) == (type_id(lab, "Shop"), "Small")
    named, _ = buyer(sarah, RecordTypeId=type_id(lab, "Clinic"))
    assert seen(lab, "Buyer", named)["Size"] is None


def test_values_the_type_does_not_offer_are_refused(lab: Lab, sarah: Phone) -> None:
    assert codes(buyer(sarah, Size="Huge")[1]) == [(Code.PICKLIST, "Size")]
    clinic, outcome = buyer(sarah, RecordTypeId=type_id(lab, "Clinic"), Size="Large")
    assert isinstance(outcome, Saved)
    assert codes(sarah.outcome(update("Buyer", clinic, Size=("Large", "Small")))) == [(Code.PICKLIST, "Size")]


def test_another_type_is_held_against_the_values_that_are_there(lab: Lab, sarah: Phone) -> None:
    new, _ = buyer(sarah)
    change = update("Buyer", new, RecordTypeId=(type_id(lab, "Shop"), type_id(lab, "Clinic")))
    assert codes(sarah.outcome(change)) == [(Code.PICKLIST, "Size")]


def test_types_that_are_not_in_use_or_no_types_of_the_object_are_refused(lab: Lab, sarah: Phone) -> None:
    assert codes(buyer(sarah, RecordTypeId=type_id(lab, "Closed"))[1]) == [(Code.RECORD_TYPE, "RecordTypeId")]


def test_dependent_values_need_their_controlling_value(lab: Lab, sarah: Phone) -> None:
    assert codes(buyer(sarah, Size="Small", Wards="Many")[1]) == [(Code.PICKLIST, "Wards")]
    new, outcome = buyer(sarah, Size="Large", Wards="Many")
    assert isinstance(outcome, Saved)
    assert codes(sarah.outcome(update("Buyer", new, Size=("Large", "Small")))) == [(Code.PICKLIST, "Wards")]


def test_record_types_follow_the_catalog_and_reach_devices(lab: Lab, sarah: Phone) -> None:
    lab.rows("Buyer", {"Name": "there"})
    pack = orders_pack()
    changed = (RecordType(name="Shop", label="Corner Shop", default=True), RecordType(name="Market"))
    objects = tuple(msgspec.structs.replace(o, record_types=changed) if o.name == "Buyer" else o for o in pack.objects)
    catalog = build([*load_packs(("platform",)), msgspec.structs.replace(pack, objects=objects)])
    deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=False, allow_drop=False)
    lab.reopen()
    rows = lab.query('SELECT "DeveloperName", "Name", "IsActive" FROM "RecordType" ORDER BY 1')
    assert rows == [
        ("Clinic", "A Clinic", False),
        ("Closed", "Closed", False),
        ("Market", "Market", True),
        ("Shop", "Corner Shop", True),
    ]
    lab.clock.advance(1)
    sarah.renew()
    assert {r["DeveloperName"] for r in downloaded(sarah.download(), "RecordType").values()} >= {"Shop", "Market"}
