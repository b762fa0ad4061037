"""Reading exported VMOC rows: names of both generations, codes, quoting, and rows that are refused."""

from __future__ import annotations

import csv
import io

import pytest

from fieldsync.base.problems import Refused
from fieldsync.schema.rules_import import Configuration, Level, of_level, read_vmoc

HEADER = (
    "Name", "Object_Name_vod__c", "Device_vod__c", "Type_vod__c", "Where_Clause_vod__c", "Active_vod__c",
    "Profile_ID_vod__c", "Profile_Name_vod__c", "Enable_Enhanced_Sync_vod__c", "Meta_Data_Only_vod__c",
    "Field_List_vod__c", "Exclude_Field_List_vod__c", "Include_Related_Objects_vod__c", "Parent_Object_Name_vod__c",
    "Relationship_Field_vod__c", "Include_Attachments_vod__c", "Attachment_Fields_vod__c", "Modified_Date_vod__c",
)  # fmt: skip
ROW = {"Name": "VMOC-1", "Object_Name_vod__c": "Account", "Device_vod__c": "iPad_vod", "Type_vod__c": "Top Level Sync"}
ROW |= {"Active_vod__c": "true"}


def text(*rows: dict[str, str], header: tuple[str, ...] = HEADER) -> bytes:
    """The file with these rows, lines ending in CRLF."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def read(*changes: dict[str, str]) -> Configuration:
    return read_vmoc(text(*(ROW | one for one in changes)), "vmoc.csv")


def test_every_column_has_its_attribute() -> None:
    row = {
        "Type_vod__c": "Related_to_Top_Level_Sync_vod",
        "Where_Clause_vod__c": "WHERE Status__c = 'a, \"b\"'\r\nAND Id != null",
        "Profile_ID_vod__c": "00e4100000Ab2Cd",
        "Profile_Name_vod__c": "Rep",
        "Enable_Enhanced_Sync_vod__c": "0",
        "Meta_Data_Only_vod__c": "TRUE",
        "Field_List_vod__c": "Id, Name;City",
        "Exclude_Field_List_vod__c": "Phone",
        "Include_Related_Objects_vod__c": "1",
        "Parent_Object_Name_vod__c": "Account",
        "Relationship_Field_vod__c": "AccountId",
        "Include_Attachments_vod__c": "yes",
        "Attachment_Fields_vod__c": "Photo__c",
    }
    found = read_vmoc(b"\xef\xbb\xbf" + text(ROW | row), "vmoc.csv")
    rule = found.rules[0].rule
    assert (rule.object, rule.device, rule.type, rule.active) == ("Account", "iPad", "related", True)
    assert rule.where == "Status__c = 'a, \"b\"'\r\nAND Id != null"
    assert (rule.profile_id, rule.profile, rule.enhanced) == ("00e4100000Ab2CdAAJ", "Rep", False)
    assert (rule.metadata_only, rule.include_related, rule.include_attachments) == (True, True, True)
    assert (rule.include_fields, rule.exclude_fields) == (("Id", "Name", "City"), ("Phone",))
    assert (rule.parent_object, rule.relationship_field) == ("Account", "AccountId")
    assert rule.attachment_fields == ("Photo__c",)
    assert [one.field for one in of_level(found.findings, Level.IGNORED)] == ["Modified_Date_vod__c"]


@pytest.mark.parametrize(
    "names",
    [
        ("object_name__v", "DEVICE__V", "type__v", "application_profile__v.name__v"),
        ("Object Name", "Device", "Type", "Application Profile"),
        ("OBJECT_NAME_VOD__C", "device_vod__c", "Type_vod__c", "application_profile__vr.name__v"),
    ],
)
def test_columns_are_known_by_both_generations_names_and_by_label(names: tuple[str, ...]) -> None:
    row = dict(zip(names, ("Call", "ipad__v", "full_object_sync__v", "MSL"), strict=True))
    rule = read_vmoc(text(row, header=names), "v.csv").rules[0].rule
    assert (rule.object, rule.device, rule.type, rule.application_profile) == ("Call", "iPad", "full", "MSL")


@pytest.mark.parametrize(
    ("device", "found"),
    [("iPhone_vod", "iPhone"), ("WinModern_vod", "Windows"), ("CRM_Desktop_MacOS_vod", "Mac"), ("Android", "Android")],
)
def test_device_codes_are_ours(device: str, found: str) -> None:
    assert read({"Device_vod__c": device}).rules[0].rule.device == found


@pytest.mark.parametrize(
    ("change", "level", "field"),
    [
        ({"Device_vod__c": "CRM_Engage_vod"}, Level.UNSUPPORTED, "Device_vod__c"),
        ({"Type_vod__c": "Sideways Sync"}, Level.UNSUPPORTED, "Type_vod__c"),
        ({"Device_vod__c": ""}, Level.ERROR, "Device_vod__c"),
        ({"Object_Name_vod__c": " "}, Level.ERROR, "Object_Name_vod__c"),
        ({"Active_vod__c": "perhaps"}, Level.ERROR, "Active_vod__c"),
        ({"Profile_ID_vod__c": "00e4100000Ab2CdXXX"}, Level.ERROR, "Profile_ID_vod__c"),
        ({"Profile_ID_vod__c": "not an id"}, Level.ERROR, "Profile_ID_vod__c"),
        ({"Where_Clause_vod__c": '=HYPERLINK("x")'}, Level.ERROR, "Where_Clause_vod__c"),
        ({"Object_Name_vod__c": "@SUM(1)"}, Level.ERROR, "Object_Name_vod__c"),
        ({"Parent_Object_Name_vod__c": "a\x00b"}, Level.ERROR, "Parent_Object_Name_vod__c"),
    ],
)
def test_a_row_that_is_no_rule_is_told_with_its_line_and_the_others_are_read(
    change: dict[str, str], level: Level, field: str
) -> None:
    found = read({}, change, {"Name": "VMOC-3", "Active_vod__c": ""})
    assert [(one.rule.active, one.place.record) for one in found.rules] == [
        (True, "VMOC-1 (line 2)"),
        (False, "VMOC-3 (line 4)"),
    ]
    assert [(one.level, one.line, one.field) for one in found.findings if one.level is not Level.IGNORED] == [
        (level, 3, field)
    ]


def test_enhanced_sync_of_a_related_object_is_warned_of() -> None:
    related = {"Type_vod__c": "Related_to_Top_Level_Sync_vod", "Parent_Object_Name_vod__c": "Account"}
    on = {"Enable_Enhanced_Sync_vod__c": "true"}
    found = read(related | on, related, on)
    assert len(found.rules) == 3
    [warned] = of_level(found.findings, Level.WARNING)
    assert (warned.line, warned.field) == (2, "Enable_Enhanced_Sync_vod__c")


def test_rows_of_another_length_and_open_quotes_are_told_with_their_line() -> None:
    data = text(ROW | {"Where_Clause_vod__c": "a\nb"}) + b"x,y\r\n\r\n" + text(ROW).splitlines()[1] + b'\r\n"open'
    found = read_vmoc(data, "vmoc.csv")
    errors = of_level(found.findings, Level.ERROR)
    assert [(one.line, one.sentence[:25]) for one in errors] == [
        (4, "it has 2 cells, the heade"),
        (7, "from line 7 on it is no C"),
    ]
    assert [one.place.record for one in found.rules] == ["VMOC-1 (line 2)", "VMOC-1 (line 6)"]


def test_tokens_may_begin_a_condition() -> None:
    assert read({"Where_Clause_vod__c": "@@X@@ = 1"}).rules[0].rule.where == "@@X@@ = 1"


def test_columns_without_a_meaning_are_told_once() -> None:
    found = read_vmoc(text(ROW, ROW, header=(*HEADER, "Account_Lookup_Field_vod__c")), "vmoc.csv")
    assert [one.field for one in of_level(found.findings, Level.UNSUPPORTED)] == ["Account_Lookup_Field_vod__c"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "names no column for object, device, type"),
        (b"Object;Device;Type\r\nAccount;iPad;Full", "cells are separated by commas"),
        (b"Object,Object_Name_vod__c,Device,Type\r\n", "holds what another one holds"),
        ("Object,Device,Type\r\nMüller,iPad,Full".encode("latin-1"), "it is not UTF-8 text: byte"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused_whole(data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        read_vmoc(data, "vmoc.csv")
    assert reason in refused.value.problem.message
