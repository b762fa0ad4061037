"""Rights by profile and permission sets: what is implied, what sets add, what hides with a hidden field (T19)."""

from __future__ import annotations

import pytest

from fieldsync.formula.catalog import CatalogFormulas
from fieldsync.formula.catalog.sources import sources
from fieldsync.schema.access import metadata_api
from fieldsync.schema.access.permissions import Access, SystemPermission
from fieldsync.schema.access.rights import Rights, RightsTable
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs, parse_pack

PACK = """
name: farms
label: Farms
objects:
  - name: Farm
    label: Farm
    prefix: f00
    record_types: [{name: Small}, {name: Large}, {name: Odd}]
    fields:
      - {name: City, type: text, length: 40, required: true}
      - {name: Debt, type: number}
      - {name: Place, type: geolocation}
      - {name: Owes, type: formula, formula: 'Debt > 0', formula_returns: checkbox}
      - {name: Worry, type: formula, formula: 'IF(Owes, "yes", City)', formula_returns: text}
      - {name: Plain, type: formula, formula: 'City', formula_returns: text}
      - name: Milk
        type: roll_up
        roll_up: {operation: SUM, child_object: Cow, child_reference: FarmId, field: Litres}
      - {name: Cows, type: roll_up, roll_up: {operation: COUNT, child_object: Cow, child_reference: FarmId}}
  - name: Cow
    label: Cow
    prefix: f01
    fields:
      - {name: FarmId, type: master_detail, references: Farm}
      - {name: VetId, type: lookup, references: Vet}
      - {name: Litres, type: number}
      - {name: Debt_Above, type: formula, formula: 'Farm.Debt', formula_returns: number}
      - {name: Vet_Phone, type: formula, formula: 'Vet.Phone', formula_returns: text}
  - name: Vet
    label: Vet
    prefix: f02
    fields: [{name: Phone, type: text, length: 40}]
profiles:
  - {name: All, label: All, objects: {'*': [create, delete]}}
  - name: Some
    label: Some
    objects: {Farm: [edit], Cow: [read], Vet: [read]}
    fields: {Farm: {Debt: none, Place: read}, Cow: {VetId: none}}
    record_types: {Farm: [Large, Small]}
  - {name: Blind, label: Blind, objects: {Farm: [delete]}}
  - {name: Closed, label: Closed, objects: {Farm: [edit]}, fields: {Farm: {'*': none, Place: edit}}}
  - {name: Robot, label: Robot, integration: true, system: [modify_all_data]}
permission_sets:
  - {name: Debts, label: Debts, fields: {Farm: {Debt: read}}, record_types: {Farm: [Odd]}}
  - {name: Owner, label: Owner, objects: {Farm: [modify_all]}, fields: {Farm: {'*': edit}}}
  - {name: Coder, label: Coder, system: [modify_metadata]}
  - {name: Everything, label: Everything, system: [modify_all_data]}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    packs = [*load_packs(("platform",)), parse_pack(PACK, "farms")]
    assert check(packs) == ()
    return build(packs)


@pytest.fixture(scope="module")
def table(catalog: Catalog) -> RightsTable:
    return RightsTable(catalog, sources(CatalogFormulas(catalog)))


def access(rights: Rights, name: str) -> set[str]:
    return {one.value for one in Access if rights.may(name, one)}


def test_what_a_permission_cannot_be_without_comes_with_it(table: RightsTable) -> None:
    assert access(table.of("All"), "Vet") == {"create", "delete", "edit", "read"}
    assert access(table.of("Some"), "Farm") == {"edit", "read"}
    assert access(table.of("Some", ["Owner"]), "Farm") == {"read", "edit", "delete", "view_all", "modify_all"}
    assert access(table.of("All"), "User") == set(), "what is the platform's own has to be named"
    assert access(table.of("nobody"), "Farm") == access(table.of("All"), "Nothing") == set()
    assert access(table.of("System_Administrator"), "User") == set(Access)


def test_a_profile_that_says_nothing_of_a_field_leaves_it_as_open_as_its_object(table: RightsTable) -> None:
    rights = table.of("All")
    assert rights.columns("Farm") == table.of("System_Administrator").columns("Farm")
    assert rights.edits("Farm", "Debt")
    assert not rights.edits("Farm", "Owes"), "what is computed is never written"
    assert not table.of("Some").edits("Vet", "Phone"), "nobody edits fields of what he may only read"
    assert table.of("Some").sees("Vet", "Phone")


def test_a_hidden_field_takes_what_is_made_of_it_along(table: RightsTable) -> None:
    rights = table.of("Some")
    assert rights.formulas("Farm") == ("Plain",), "Owes reads Debt, and Worry reads Owes"
    assert not rights.sees("Farm", "Debt")
    assert rights.formulas("Cow") == (), "one reads Farm.Debt, the other follows VetId"
    assert "VetId" not in rights.columns("Cow")
    blind = table.of("Blind")
    assert not blind.sees("Farm", "Milk"), "its cows are not open to them"
    assert not blind.sees("Farm", "Cows")
    assert blind.formulas("Farm") == ("Owes", "Worry", "Plain")


def test_columns_come_in_the_order_of_the_wire(table: RightsTable, catalog: Catalog) -> None:
    columns = table.of("Some").columns("Farm")
    assert columns == tuple(c for c in catalog["Farm"].columns if c != "Debt")
    assert {"Place__Latitude__s", "Place__Longitude__s"} < set(columns)
    assert table.of("Some").columns("User") == ()


def test_without_name_owner_required_and_master_a_record_is_none(table: RightsTable) -> None:
    rights = table.of("Closed")
    assert {"Id", "Name", "OwnerId", "City", "RecordTypeId", "IsDeleted"} <= set(rights.columns("Farm"))
    assert not rights.sees("Farm", "Debt")
    assert rights.edits("Farm", "Place__Latitude__s")
    assert rights.edits("Farm", "City")


def test_permission_sets_only_add(table: RightsTable) -> None:
    before, after = table.of("Some"), table.of("Some", ["Debts"])
    assert after.sees("Farm", "Debt")
    assert not after.edits("Farm", "Debt")
    assert after.formulas("Farm") == ("Owes", "Worry", "Plain")
    assert set(before.columns("Farm")) < set(after.columns("Farm"))
    assert before.record_types("Farm") == ("Large", "Small")
    assert after.record_types("Farm") == ("Large", "Small", "Odd")
    assert table.of("All", ["Debts"]).record_types("Farm") is None, "whose profile names none may use every one"
    assert table.of("Some", ["Owner"]).edits("Farm", "Debt")


def test_what_is_only_read_on_a_device_is_read_like_before_whatever_was_given(table: RightsTable) -> None:
    every, cut = table.of("All"), table.of("All").reading(("Farm", "Nowhere"))
    writing = (Access.CREATE, Access.EDIT, Access.DELETE)
    assert [cut.may("Farm", access) for access in (Access.READ, *writing)] == [True, False, False, False]
    assert not cut.edits("Farm", "City")
    assert cut.columns("Farm") == every.columns("Farm")
    assert all(cut.may("Cow", access) for access in writing)
    assert every.reading(()) is every


def test_equal_rights_have_equal_versions(table: RightsTable) -> None:
    assert table.of("All", ["Debts"]).version == table.of("All").version
    assert table.of("Some", ["Gone"]).version == table.of("Some").version
    assert table.of("Some", ["Debts"]).version != table.of("Some").version
    assert table.of("Some", ["Debts", "Owner"]) is table.of("Some", ["Owner", "Debts"])


def test_system_permissions_reach_all_but_what_is_the_platforms_own(table: RightsTable) -> None:
    rights = table.of("Some", ["Everything"])
    assert access(rights, "Vet") == set(Access)
    assert access(rights, "Sync_Transaction") == set()
    assert SystemPermission.MODIFY_METADATA in rights.system
    assert not rights.sees("Farm", "Debt"), "fields stay the profile's to open"


def test_the_guard_means_people_in_the_field(table: RightsTable, catalog: Catalog) -> None:
    holders = [
        ("Some", ["Coder"]),
        ("Some", ["Everything"]),
        ("Robot", []),
        ("System_Administrator", ["Coder"]),
        ("Some", []),
    ]
    assert [metadata_api.holds(table.of(*who)) for who in holders] == [True, True, False, False, False]
    rights = table.of("Some", ["Coder"])
    told = [
        metadata_api.refuses(rights, platform, setting)
        for platform, setting in (
            ("iPad", "refuse"),
            ("iPhone", " Refuse"),
            ("Windows", "refuse"),
            ("iPad", "warn"),
            ("iPad", None),
        )
    ]
    assert told == [True, True, False, False, False]
    assert [w.split(" lets")[0] for w in metadata_api.warnings(catalog.packs)] == [
        "the permission set Coder",
        "the permission set Everything",
    ]
