"""The merged catalog: families, extensions, round trip."""

from __future__ import annotations

from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import RightsTable
from fieldsync.schema.catalog import build, columns_of, decode, encode, relationship_name
from fieldsync.schema.family.declaration import EditedElsewhere
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.schema.model import Field, FieldType

OWN = build(load_packs())
REP = RightsTable(OWN, {}).of("Field_Representative")
ADMIN = RightsTable(OWN, {}).of("System_Administrator")


def test_the_six_families_are_data() -> None:
    assert {root: family.members[1:] for root, family in OWN.families.items()} == {
        "Call": (
            "Call_Detail",
            "Call_Sample",
            "Call_Discussion",
            "Medical_Discussion",
            "Call_Key_Message",
            "Call_Expense",
            "Call_Clickstream",
            "Task",
        ),
        "Order": ("Delivery_Order", "Order_Line"),
        "Inventory_Monitoring": ("Inventory_Monitoring_Line",),
        "Content_Acknowledgment": ("Content_Acknowledgment_Item",),
        "Medical_Inquiry_Fulfillment": ("Medical_Inquiry_Fulfillment_Response",),
        "Data_Change_Request": ("Data_Change_Request_Line",),
    }


def test_three_families_are_submitted() -> None:
    submits = {root: f.declaration.submit for root, f in OWN.families.items() if f.declaration.submit is not None}
    assert {root: s.when_edited_elsewhere for root, s in submits.items()} == {
        "Call": EditedElsewhere.DUPLICATE,
        "Order": EditedElsewhere.DISCARD,
        "Inventory_Monitoring": EditedElsewhere.DISCARD,
    }
    assert all((s.field, s.value) == ("Status", "Submitted") for s in submits.values())


def test_an_attendee_belongs_to_its_event_without_a_family() -> None:
    master = OWN["Event_Attendee"].master
    assert master is not None
    assert master.references == "Medical_Event"
    assert OWN.family_of("Event_Attendee") is None


def test_a_task_may_stand_alone() -> None:
    master = OWN["Task"].master
    assert master is not None
    assert (master.name, master.type, master.required) == ("CallId", FieldType.LOOKUP, False)


def test_masters_come_before_their_details() -> None:
    order = list(OWN.objects)
    for object_type in OWN:
        if object_type.master is not None and object_type.master.references != object_type.name:
            assert order.index(object_type.master.references or "") < order.index(object_type.name)


def test_encoding_and_decoding_gives_an_equal_catalog() -> None:
    again = decode(encode(OWN))
    assert again.version == OWN.version
    assert again.packs == OWN.packs
    assert encode(again) == encode(OWN)
    assert {o.name: o.columns for o in again} == {o.name: o.columns for o in OWN}


def test_any_change_gives_another_version() -> None:
    more = parse_pack(
        "name: x\nlabel: X\nextensions: [{object: Account, fields: [{name: VIP__c, type: checkbox}]}]", "x"
    )
    catalog = build([*load_packs(), more])
    assert catalog.version != OWN.version
    assert catalog["Account"].columns == (*OWN["Account"].columns, "VIP__c")
    assert decode(encode(catalog))["Account"].fields["VIP__c"].type is FieldType.CHECKBOX


def test_representatives_do_not_see_what_the_platform_keeps() -> None:
    for name in ("Sync_Transaction", "Sync_Rule", "Sync_Setting", "Sync_Tracking", "Device", "Profile"):
        assert not REP.may(name, Access.READ)
    for name in ("User", "Territory", "User_Territory", "Product", "Content"):
        assert REP.may(name, Access.READ)
        assert not REP.may(name, Access.EDIT)
    assert REP.may("Call_Sample", Access.CREATE)
    assert not REP.may("Account", Access.DELETE)
    assert ADMIN.may("Sync_Transaction", Access.EDIT)


def test_fields_of_a_value_set_get_its_values() -> None:
    assert "Cardiology" in {v.value for v in OWN["Account"].fields["Specialty"].values}


def test_names_follow_the_platforms_conventions() -> None:
    assert relationship_name(OWN["Call"].fields["AccountId"]) == "Account"
    assert relationship_name(Field(name="Broker__c", type=FieldType.LOOKUP)) == "Broker__r"
    assert columns_of(Field(name="Location__c", type=FieldType.GEOLOCATION)) == (
        "Location__Latitude__s",
        "Location__Longitude__s",
    )
    prefixes = {name: OWN[name].prefix for name in ("Account", "Contact", "User", "Profile")}
    assert prefixes == {"Account": "001", "Contact": "003", "User": "005", "Profile": "00e"}
