"""A project becomes a pack that fits beside the product's packs, and nothing of it vanishes silently."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.schema.sfdx.project import OBJECT, catalog_of, noted, sentences, thing, write, xml

from fieldsync.base.problems import Refused
from fieldsync.schema.check import check
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import FieldType, Sharing
from fieldsync.schema.sfdx import Level, read

TEXT = "<type>Text</type><length>10</length>"
FIELD = xml("CustomField", TEXT)


def test_an_object_brings_names_sharing_and_its_name_field(tmp_path: Path) -> None:
    name = "<nameField><displayFormat>T-{000}</displayFormat><label>No</label><type>AutoNumber</type></nameField>"
    content = f"<label>Thing</label><pluralLabel>Thingies</pluralLabel><sharingModel>Private</sharingModel>{name}"
    more = {"force-app/objects/Thing__c/Thing__c.object-meta.xml": xml("CustomObject", content)}
    [found] = read(thing(tmp_path, more=more)).pack.objects
    assert (found.label, found.plural, found.sharing) == ("Thing", "Thingies", Sharing.PRIVATE)
    assert (found.name_field.type, found.name_field.display_format) == (FieldType.AUTO_NUMBER, "T-{000}")


def test_rules_and_list_views_are_kept_as_data(tmp_path: Path) -> None:
    rule = "<fullName>R</fullName><active>false</active><errorConditionFormula>Name = 'x'</errorConditionFormula>"
    view = "<fullName>V</fullName><label>View</label><columns>NAME</columns><columns>F__c</columns>"
    view += "<filterScope>Mine</filterScope><booleanFilter>1</booleanFilter>"
    view += "<filters><field>CREATED_DATE</field><operation>equals</operation><value>TODAY</value></filters>"
    base = "force-app/objects/Thing__c"
    more = {
        f"{base}/validationRules/R.validationRule-meta.xml": xml(
            "ValidationRule", rule + "<errorMessage>no</errorMessage>"
        ),
        f"{base}/listViews/V.listView-meta.xml": xml("ListView", view + "<sharedTo><role>x</role></sharedTo>"),
    }
    result = read(thing(tmp_path, {"F__c": TEXT}, more))
    [found] = result.pack.objects
    assert (found.validation_rules[0].condition, found.validation_rules[0].active) == ("Name = 'x'", False)
    [listed] = found.list_views
    assert (listed.columns, listed.scope, listed.filter_logic) == (("Name", "F__c"), "Mine", "1")
    assert listed.filters[0].field == "CreatedDate"
    assert noted(result, Level.UNSUPPORTED) == {"sharedTo"}
    assert (result.report.validation_rules, result.report.list_views) == (1, 1)


def test_the_single_file_form_reads_the_same(tmp_path: Path) -> None:
    inner = f"<fields><fullName>F__c</fullName>{TEXT}</fields><enableSearch>true</enableSearch>"
    inner += "<listViews><fullName>All</fullName><filterScope>Everything</filterScope><label>All</label></listViews>"
    inner += "<recordTypes><fullName>R</fullName></recordTypes>"
    single = write(tmp_path / "single", {"src/objects/Thing__c.object": xml("CustomObject", OBJECT + inner)})
    source = thing(tmp_path / "source", {"F__c": TEXT})
    result = read(single)
    [one], [other] = result.pack.objects, read(source).pack.objects
    assert (one.fields, one.label, len(one.list_views)) == (other.fields, other.label, 1)
    assert [found.name for found in one.record_types] == ["R"]
    assert noted(result, Level.UNSUPPORTED) == set()
    assert noted(result, Level.IGNORED) == {"enableSearch"}


@pytest.mark.parametrize("name", ["S__mdt", "S__e", "S__b", "S__x", "S__kav"])
def test_other_kinds_of_objects_are_listed_file_by_file(tmp_path: Path, name: str) -> None:
    more = {f"force-app/objects/{name}/{name}.object-meta.xml": xml("CustomObject", "<label>S</label>")}
    more[f"force-app/objects/{name}/fields/F__c.field-meta.xml"] = FIELD
    result = read(thing(tmp_path, more=more))
    assert [i.file for i in result.report.of(Level.UNSUPPORTED)] == sorted(more)
    assert [o.name for o in result.pack.objects] == ["Thing__c"]


def test_custom_settings_are_not_objects(tmp_path: Path) -> None:
    content = "<customSettingsType>Hierarchy</customSettingsType><label>S</label>"
    more = {"force-app/objects/S__c/S__c.object-meta.xml": xml("CustomObject", content)}
    result = read(thing(tmp_path, more=more | {"force-app/objects/S__c/fields/F__c.field-meta.xml": FIELD}))
    assert len(result.report.of(Level.UNSUPPORTED)) == 2
    assert [o.name for o in result.pack.objects] == ["Thing__c"]


def test_fields_on_an_object_of_another_pack_extend_it(tmp_path: Path) -> None:
    more = {
        "force-app/objects/Account/fields/VIP__c.field-meta.xml": xml("CustomField", "<type>Checkbox</type>"),
        "force-app/objects/Account/fields/Phone.field-meta.xml": xml(
            "CustomField", "<trackHistory>true</trackHistory>"
        ),
        "force-app/objects/Account/fields/Tier.field-meta.xml": xml("CustomField", "<trackHistory>true</trackHistory>"),
        "force-app/objects/Account/Account.object-meta.xml": xml("CustomObject", "<label>Client</label>"),
    }
    result = read(thing(tmp_path, more=more))
    [extension] = result.pack.extensions
    assert (extension.object, [f.name for f in extension.fields]) == ("Account", ["VIP__c"])
    assert {"Phone", "label"} <= noted(result, Level.IGNORED)
    assert noted(result, Level.UNSUPPORTED) == {"Tier"}
    assert "VIP__c" in catalog_of(result)["Account"].fields


def test_a_well_known_standard_object_is_made_in_short(tmp_path: Path) -> None:
    fields = {"Campaign__c": "<type>Lookup</type><referenceTo>Campaign</referenceTo>"}
    more = {"force-app/objects/Case/fields/F__c.field-meta.xml": FIELD}
    result = read(thing(tmp_path, fields, more))
    catalog = catalog_of(result)
    assert (catalog["Case"].prefix, catalog["Campaign"].prefix) == ("500", "701")
    assert {"ContactId", "ClosedDate", "F__c"} <= catalog["Case"].fields.keys()
    assert {"Case", "Campaign"} <= noted(result, Level.IGNORED)
    assert (result.report.objects, result.report.fields) == (2, 2)


def test_an_object_nobody_knows_is_listed(tmp_path: Path) -> None:
    more = {"force-app/objects/Weird/fields/F__c.field-meta.xml": FIELD}
    more["force-app/objects/Gone__c/fields/F__c.field-meta.xml"] = FIELD
    result = read(thing(tmp_path, more=more))
    assert {i.file for i in result.report.of(Level.UNSUPPORTED)} == set(more)
    catalog_of(result)


def test_global_value_sets_are_shared(tmp_path: Path) -> None:
    values = "<customValue><fullName>Z</fullName><default>false</default><label>A</label></customValue>"
    values += "<customValue><fullName>Y</fullName><default>false</default><isActive>false</isActive></customValue>"
    content = f"<masterLabel>Size</masterLabel><sorted>true</sorted>{values}"
    more = {"force-app/globalValueSets/Size.globalValueSet-meta.xml": xml("GlobalValueSet", content)}
    chosen = "<type>Picklist</type><valueSet><restricted>true</restricted><valueSetName>Size</valueSetName></valueSet>"
    result = read(thing(tmp_path, {"Size__c": chosen}, more))
    values_of_field = catalog_of(result)["Thing__c"].fields["Size__c"].values
    assert [(v.value, v.active) for v in values_of_field] == [("Z", True), ("Y", False)]
    assert result.report.value_sets == 1


def test_only_package_directories_are_read_and_the_rest_is_said(tmp_path: Path) -> None:
    described = {"packageDirectories": [{"path": "app"}, {"path": "missing"}, {"path": "../out"}], "namespace": "ns"}
    files = {
        "sfdx-project.json": msgspec.json.encode(described).decode(),
        "app/a/objects/A__c/A__c.object-meta.xml": xml("CustomObject", OBJECT),
        "app/b/objects/A__c/fields/P__c.field-meta.xml": xml(
            "CustomField", "<type>Lookup</type><referenceTo>ns__A__c</referenceTo>"
        ),
        "app/objects/___NAMESPACE___A__c/fields/Q__c.field-meta.xml": FIELD,
        "extra/objects/B__c/B__c.object-meta.xml": xml("CustomObject", OBJECT),
    }
    result = read(write(tmp_path, files))
    [found] = result.pack.objects
    assert {f.name: f.references for f in found.fields} == {"P__c": "A__c", "Q__c": None}
    assert {i.element for i in result.report.of(Level.ERROR)} == {"missing", "../out"}
    assert "extra/objects/B__c/B__c.object-meta.xml" in {i.file for i in result.report.of(Level.IGNORED)}


def test_every_other_file_is_listed(tmp_path: Path) -> None:
    others = {
        "force-app/classes/A.cls": "class A {}",
        "force-app/classes/A.cls-meta.xml": xml("ApexClass", ""),
        "force-app/layouts/Thing__c-L.layout-meta.xml": xml("Layout", ""),
        "force-app/flows/F.flow-meta.xml": xml("Flow", ""),
        "force-app/permissionsetgroups/G.permissionsetgroup-meta.xml": xml("PermissionSetGroup", ""),
        "force-app/objects/Thing__c/businessProcesses/R.businessProcess-meta.xml": xml("BusinessProcess", ""),
        "force-app/lwc/a/a.js": "",
    }
    result = read(thing(tmp_path, more=others))
    assert {i.file for i in result.report.of(Level.UNSUPPORTED)} == set(others)


@pytest.mark.parametrize(
    "damaged",
    [
        "<broken",
        "",
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><CustomField>&a;</CustomField>',
        '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><CustomField/>',
        '<?xml version="1.0" encoding="klingon"?><CustomField/>',
        "<a>" * 60 + "</a>" * 60,
    ],
)
def test_a_damaged_file_is_an_error_and_the_rest_is_read(tmp_path: Path, damaged: str) -> None:
    more = {"force-app/objects/Thing__c/fields/Bad__c.field-meta.xml": damaged}
    result = read(thing(tmp_path, {"F__c": TEXT}, more))
    assert result.report.fields == 1
    [issue] = result.report.of(Level.ERROR, Level.UNSUPPORTED)
    assert issue.file.endswith("Bad__c.field-meta.xml")


def test_links_are_not_followed(tmp_path: Path) -> None:
    project = thing(tmp_path / "project")
    outside = write(tmp_path, {"secret.xml": FIELD}) / "secret.xml"
    fields = project / "force-app/objects/Thing__c/fields"
    fields.mkdir()
    (fields / "F__c.field-meta.xml").symlink_to(outside)
    (project / "force-app/more").symlink_to(tmp_path)
    result = read(project)
    assert result.report.fields == 0
    assert {i.element for i in result.report.of(Level.ERROR)} == {"link"}
    assert len(result.report.of(Level.ERROR)) == 2


def test_importing_again_beside_the_former_import_gives_the_same(tmp_path: Path) -> None:
    project = thing(tmp_path / "once", {"F__c": TEXT})
    first = read(project).pack
    assert read(project, [*load_packs(), first]).pack == first


def test_an_object_of_another_import_is_not_taken_over_twice(tmp_path: Path) -> None:
    first = read(thing(tmp_path / "one")).pack
    result = read(thing(tmp_path / "two", {"F__c": TEXT}), [*load_packs(), first])
    assert "another pack has the object Thing__c" in sentences(result.report.of(Level.ERROR))
    assert check([*load_packs(), first, result.pack]) == ()


def test_the_report_has_the_keys_that_tools_read(tmp_path: Path) -> None:
    found = read(thing(tmp_path, {"F__c": TEXT + "<trackHistory>true</trackHistory><x>1</x>"})).report.as_json()
    assert list(found) == [
        "objects",
        "fields",
        "rules",
        "roll_ups",
        "list_views",
        "value_sets",
        "profiles",
        "permission_sets",
        "not_supported",
        "ignored",
    ]
    assert found["objects"] == found["fields"] == 1
    [issue] = found["not_supported"]
    assert set(issue) == {"file", "element", "reason"}
    assert msgspec.json.encode(found)


@pytest.mark.parametrize("prepare", ["missing", "empty", "broken"])
def test_a_folder_without_a_project_is_refused(tmp_path: Path, prepare: str) -> None:
    folder = tmp_path / "project"
    if prepare != "missing":
        write(folder, {"README.txt": "x"})
    if prepare == "broken":
        write(folder, {"sfdx-project.json": "{"})
    with pytest.raises(Refused):
        read(folder)


def test_a_project_never_takes_the_name_of_a_pack_of_the_product(tmp_path: Path) -> None:
    assert read(thing(tmp_path / "Platform")).pack.name == "platform_project"


def test_dependent_picklists_come_with_their_controlling_values(tmp_path: Path) -> None:
    def picklist(more: str, *values: str) -> str:
        given = "".join(f"<value><fullName>{v}</fullName><default>false</default></value>" for v in values)
        inner = f"{more}<valueSetDefinition>{given}</valueSetDefinition>"
        return f"<type>Picklist</type><label>x</label><valueSet>{inner}</valueSet>"

    settings = (
        "<controllingField>Land__c</controllingField><valueSettings><controllingFieldValue>AT</controllingFieldValue>"
    )
    settings += "<controllingFieldValue>DE</controllingFieldValue><valueName>Graz</valueName></valueSettings>"
    fields = {"Land__c": picklist("", "AT", "DE"), "City__c": picklist(settings, "Graz", "Oslo")}
    result = read(thing(tmp_path, fields))
    city = next(f for f in result.pack.objects[0].fields if f.name == "City__c")
    assert city.controlled_by == "Land__c"
    assert [v.valid_for for v in city.values] == [("AT", "DE"), ()]
    assert noted(result, Level.UNSUPPORTED) == set()


def test_a_project_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    more = {"sfdx-project.json": '\ufeff{"packageDirectories": [{"path": "force-app"}], "name": "Marked"}'}
    assert read(thing(tmp_path, more=more)).pack.name == "marked"
