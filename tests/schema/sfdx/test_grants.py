"""Profiles and permission sets of a project: what they open, and everything that is not taken over."""

from __future__ import annotations

from pathlib import Path

from tests.schema.sfdx.project import OBJECT, catalog_of, noted, thing, xml

from fieldsync.schema.access.permissions import Access, FieldAccess, SystemPermission
from fieldsync.schema.sfdx import Level, read

TEXT = "<label>F</label><type>Text</type><length>20</length>"
OPENED = """<custom>true</custom><userLicense>Salesforce</userLicense>
<objectPermissions><allowCreate>true</allowCreate><allowDelete>false</allowDelete><allowEdit>true</allowEdit>
<allowRead>true</allowRead><modifyAllRecords>false</modifyAllRecords><object>Thing__c</object>
<viewAllFields>false</viewAllFields><viewAllRecords>true</viewAllRecords></objectPermissions>
<objectPermissions><allowRead>true</allowRead><object>Widget__c</object></objectPermissions>
<fieldPermissions><editable>false</editable><field>Thing__c.F__c</field><readable>true</readable></fieldPermissions>
<fieldPermissions><editable>false</editable><field>Thing__c.G__c</field><readable>false</readable></fieldPermissions>
<fieldPermissions><editable>true</editable><field>Thing__c.Lost__c</field><readable>true</readable></fieldPermissions>
<fieldPermissions><editable>false</editable><field>Thing__c.Name</field><readable>true</readable></fieldPermissions>
<recordTypeVisibilities><default>false</default><recordType>Thing__c.Small</recordType><visible>true</visible></recordTypeVisibilities>
<recordTypeVisibilities><default>true</default><recordType>Thing__c.Large</recordType><visible>true</visible></recordTypeVisibilities>
<recordTypeVisibilities><default>false</default><recordType>Thing__c.Odd</recordType><visible>false</visible></recordTypeVisibilities>
<userPermissions><enabled>true</enabled><name>ModifyMetadata</name></userPermissions>
<userPermissions><enabled>true</enabled><name>RunFlow</name></userPermissions>
<userPermissions><enabled>false</enabled><name>ApiEnabled</name></userPermissions>
<tabVisibilities><tab>Thing__c</tab><visibility>DefaultOn</visibility></tabVisibilities>
<classAccesses><apexClass>Robot</apexClass><enabled>true</enabled></classAccesses>
<loginHours><mondayStart>480</mondayStart></loginHours><oddity/>"""  # fmt: skip


def record_type(name: str) -> tuple[str, str]:
    """A record type of Thing__c."""
    path = f"force-app/objects/Thing__c/recordTypes/{name}.recordType-meta.xml"
    return path, xml("RecordType", f"<fullName>{name}</fullName><active>true</active><label>{name}</label>")


def test_a_profile_is_read_and_the_rest_of_it_listed(tmp_path: Path) -> None:
    more = dict(record_type(name) for name in ("Small", "Large", "Odd"))
    more["force-app/profiles/Field %28EU%29.profile-meta.xml"] = xml("Profile", OPENED)
    result = read(thing(tmp_path, {"F__c": TEXT, "G__c": TEXT}, more))
    [profile] = result.pack.profiles
    assert profile.name == "Field (EU)"
    assert profile.objects == {"Thing__c": (Access.READ, Access.CREATE, Access.EDIT, Access.VIEW_ALL)}
    assert profile.fields == {"Thing__c": {"F__c": FieldAccess.READ, "G__c": FieldAccess.NONE}}
    assert profile.record_types == {"Thing__c": ("Large", "Small")}
    assert profile.system == (SystemPermission.MODIFY_METADATA,)
    assert noted(result, Level.UNSUPPORTED) == {
        "objectPermissions[Widget__c]",
        "fieldPermissions[Thing__c.Lost__c]",
        "fieldPermissions[Thing__c.Name]",
        "userPermissions[RunFlow]",
        "tabVisibilities[Thing__c]",
        "classAccesses[Robot]",
        "loginHours",
        "oddity",
    }
    assert {"userPermissions[ApiEnabled]", "userLicense", "custom"} <= noted(result, Level.IGNORED)
    assert result.report.as_json()["profiles"] == 1
    assert catalog_of(result).profiles["Field (EU)"] == profile


def test_permission_sets_only_add_and_names_are_taken_once(tmp_path: Path) -> None:
    more = {
        "p/permissionsets/Editors.permissionset": xml("PermissionSet", f"<label>Can edit</label>{OPENED}"),
        "p/profiles/Integration.profile": xml("Profile", OPENED),
        "p/objects/Other__c.object": xml("CustomObject", OBJECT),
    }
    result = read(thing(tmp_path, {"F__c": TEXT, "G__c": TEXT}, more))
    [found] = result.pack.permission_sets
    assert (found.name, found.label) == ("Editors", "Can edit")
    assert found.fields == {"Thing__c": {"F__c": FieldAccess.READ}}
    assert result.pack.profiles == (), "the platform's own stays"
    assert [issue.file for issue in result.report.of(Level.ERROR)] == ["p/profiles/Integration.profile"]
    assert (result.report.profiles, result.report.permission_sets) == (0, 1)
    catalog_of(result)


def test_a_project_may_hold_permission_sets_alone(tmp_path: Path) -> None:
    file = tmp_path / "permissionsets" / "Readers.permissionset-meta.xml"
    file.parent.mkdir()
    rows = "<objectPermissions><allowRead>true</allowRead><object>Account</object></objectPermissions>"
    file.write_text(xml("PermissionSet", rows))
    [found] = read(tmp_path).pack.permission_sets
    assert found.objects == {"Account": (Access.READ,)}
