"""Edits of what a deploy dropped are refused with METADATA_CHANGED, their content kept; the rest goes on (F07)."""

from __future__ import annotations

import msgspec
import pytest
from tests.server.lab import Lab, create, small_catalog, update

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Item, Operation, Rejected, Saved
from fieldsync.schema.catalog import build
from fieldsync.server.org.create import deploy_catalog


def drop(lab: Lab, object_name: str | None = None, field: str | None = None) -> None:
    """Deploy the data model without an object, and without a field of Shop."""
    *before, pack = small_catalog().packs
    kept = [o for o in pack.objects if o.name != object_name]
    less = [msgspec.structs.replace(o, fields=tuple(f for f in o.fields if f.name != field)) for o in kept]
    rights = {"Rep": {name: given for name, given in pack.profiles[0].objects.items() if name != object_name}}
    profiles = tuple(msgspec.structs.replace(p, objects=rights.get(p.name, p.objects)) for p in pack.profiles)
    catalog = build([*before, msgspec.structs.replace(pack, objects=tuple(less), profiles=profiles)])
    deploy_catalog(lab.uri, "small", catalog, world=lab.world, dry_run=False, allow_drop=True)
    lab.reopen()


@pytest.fixture
def shop(lab: Lab) -> RecordId:
    lab.person("sarah")
    (found,) = lab.rows("Shop", {"Name": "One", "City": "Wien"})
    return found


def test_a_dropped_field_is_named_with_its_values_and_the_rest_goes_on(lab: Lab, shop: RecordId) -> None:
    drop(lab, field="City")
    phone = lab.phone("sarah")
    gone = phone.save(update("Shop", shop, City=("Wien", "Graz"), Code=(None, "x")))
    other = phone.save(create("Shop", phone.new_id("Shop"), Name="Two"))
    first, second = (r.outcome for r in phone.upload(gone, other).results)
    assert isinstance(second, Saved)
    assert isinstance(first, Rejected)
    (found,) = first.problems
    assert (found.code, found.object, found.id, found.field) == (Code.METADATA_CHANGED, "Shop", shop, "City")
    assert (found.details["base"], found.details["mine"]) == ("Wien", "Graz")
    assert found.message == "The field City of Shop is not part of the data model any more."
    journal = 'SELECT "Field_Values" FROM org_small."Sync_Transaction_Record" WHERE "Record_Id" = %(id)s'
    (kept,) = lab.query(journal, id=shop)
    assert msgspec.json.decode(kept[0]) == {"City": {"old": "Wien", "new": "Graz"}, "Code": {"old": None, "new": "x"}}


def test_records_of_a_dropped_object_are_kept_in_the_journal(lab: Lab, shop: RecordId) -> None:
    phone = lab.phone("sarah")
    secret = phone.new_id("Secret")
    drop(lab, object_name="Secret")
    outcome = phone.outcome(Item("Secret", secret, Operation.CREATE, create("Secret", secret, Name="S").changes))
    assert isinstance(outcome, Rejected)
    assert [(p.code, p.message) for p in outcome.problems] == [
        (Code.METADATA_CHANGED, "The object Secret is not part of the data model any more.")
    ]
    rows = lab.query('SELECT "Object_Name", "Field_Values" FROM org_small."Sync_Transaction_Record"')
    assert [(name, msgspec.json.decode(values)) for name, values in rows] == [
        ("Secret", {"Name": {"old": None, "new": "S"}})
    ]


def test_what_never_was_stays_unknown(lab: Lab, shop: RecordId) -> None:
    drop(lab, field="City")
    phone = lab.phone("sarah")
    for item, code in (
        (update("Shop", shop, Never=(None, 1)), Code.UNKNOWN_FIELD),
        (create("Never", phone.new_id("Shop")), Code.UNKNOWN_OBJECT),
        (create("Ne\x00ver", phone.new_id("Shop")), Code.UNKNOWN_OBJECT),
    ):
        outcome = phone.outcome(item)
        assert isinstance(outcome, Rejected)
        assert [p.code for p in outcome.problems] == [code]
