"""Reading configuration of Life Sciences Cloud: metadata files as they are published, JSON, and what is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldsync.base.problems import Refused
from fieldsync.schema.rules_import import Configuration, Level, of_level, read_lsc

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<LifeSciConfigRecord xmlns="http://soap.sforce.com/2006/04/metadata">'


def value(kind: str, name: str, held: str = "", *, yes: bool = False) -> str:
    flag = f"<hasBooleanValue>{str(yes).lower()}</hasBooleanValue>"
    return f"<fieldValues><dataType>{kind}</dataType><fieldName>{name}</fieldName>{flag}{held}</fieldValues>"


def schema_record(*more: str, active: bool = True, to: str = "Custom-Field Rep") -> str:
    """A DbSchema record for Account, as a retrieved file has it."""
    values = (
        value("OBJECT", "SObject", "<objectValue>Account</objectValue>"),
        value("PICKLIST", "Type", "<picklistValue>DATA</picklistValue>"),
        value("PICKLIST", "Status", "<picklistValue>VALID</picklistValue>"),
        value("LONGTEXT", "Errors"),
        value("FIELD", "DeltaDateField", "<fieldValue>LastModifiedDate</fieldValue>"),
        value("LONGTEXT", "WhereSoql", "<longTextValue>OwnerId = &apos;{USER.ID}&apos;</longTextValue>"),
        *more,
    )
    assigned = f"<assignments><assignedTo>{to}</assignedTo><assignmentLevel>Profile</assignmentLevel></assignments>"
    tail = f"<isActive>{str(active).lower()}</isActive><isOrgLevel>false</isOrgLevel>"
    tail += "<lifeSciConfigCategory>DbSchema</lifeSciConfigCategory><masterLabel>X</masterLabel><type>DATA</type>"
    return f"{HEAD}{assigned if to else ''}{''.join(values)}{tail}</LifeSciConfigRecord>"


def settings_record(category: str, *values: str, text: str = "") -> str:
    tail = "<isActive>true</isActive><isOrgLevel>true</isOrgLevel>"
    tail += f"<lifeSciConfigCategory>{category}</lifeSciConfigCategory><masterLabel>X</masterLabel>"
    return f"{HEAD}{text}{''.join(values)}{tail}</LifeSciConfigRecord>"


def read(folder: Path, **files: str) -> Configuration:
    """What a folder with these records gives; a name's last part says which of the two suffixes its file has."""
    records = folder / "main" / "default" / "lifeSciConfigRecords"
    records.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        suffix = ".lifeSciConfigRecord-meta.xml" if name.endswith("_source") else ".lifeSciConfigRecord"
        (records / f"{name}{suffix}").write_text(content)
    return read_lsc(folder)


def told(found: Configuration, level: Level) -> list[tuple[str, str]]:
    return [(one.field, one.sentence) for one in of_level(found.findings, level)]


def test_both_forms_of_files_are_read_and_fields_become_attributes(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        DbSchema_A=schema_record(value("BOOLEAN", "OneWaySync", yes=True)),
        DbSchema_B_source=schema_record(
            value("PICKLIST", "AttachmentsSupport", "<picklistValue>Cache</picklistValue>"),
            value("LONGTEXT", "MandatoryFields", "<longTextValue>Id, Name,\n  Owner.Name</longTextValue>"),
            active=False,
            to="Admin",
        ),
    )
    one, two = (read.rule for read in found.rules)
    assert (one.object, one.where, one.profile, one.one_way) == ("Account", "OwnerId = '{USER.ID}'", "Field Rep", True)
    assert (one.type, one.delta_date_field, one.active, one.device) == ("top_level", "LastModifiedDate", True, "all")
    assert (two.profile, two.active, two.include_attachments) == ("Admin", False, True)
    assert found.rules[1].wanted == ("Id", "Name")
    assert told(found, Level.UNSUPPORTED) == [
        ("MandatoryFields", "fields of other records do not travel with a rule: Owner.Name")
    ]
    assert found.rules[1].place.file.endswith("DbSchema_B_source.lifeSciConfigRecord-meta.xml")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (value("LONGTEXT", "PermissionSets", "<longTextValue>Samples</longTextValue>"), "PermissionSets"),
        (value("PICKLIST", "Type", "<picklistValue>EVENT</picklistValue>"), "Type"),
    ],
)
def test_a_record_that_would_mean_something_else_here_is_left_out(tmp_path: Path, more: str, field: str) -> None:
    content = schema_record(more)
    if field == "Type":
        content = content.replace(value("PICKLIST", "Type", "<picklistValue>DATA</picklistValue>"), "")
    found = read(tmp_path, DbSchema_A=content)
    assert found.rules == ()
    assert [name for name, _ in told(found, Level.UNSUPPORTED)] == [field]


def test_what_nobody_knows_is_told_and_what_is_damaged_is_an_error(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        DbSchema_A=schema_record(value("TEXT", "Colour", "<textValue>red</textValue>")).replace(
            "<masterLabel>", "<parentConfigRecord>Y</parentConfigRecord><masterLabel>"
        ),
        DbSchema_B=schema_record(to=""),
        DbSchema_C="<LifeSciConfigRecord",
        DbSchema_D='<!DOCTYPE x [<!ENTITY a "b">]><LifeSciConfigRecord/>',
        Address_OrgLevel=settings_record("AddressSettings"),
    )
    assert len(found.rules) == 1
    assert {name for name, _ in told(found, Level.UNSUPPORTED)} == {
        "Colour", "parentConfigRecord", "assignments", "lifeSciConfigCategory",
    }  # fmt: skip
    assert [one.record for one in of_level(found.findings, Level.ERROR)] == ["DbSchema_C", "DbSchema_D"]


def test_mobile_settings_become_ours_and_stray_text_does_no_harm(tmp_path: Path) -> None:
    record = settings_record(
        "SyncTransactionConfig",
        value("INTEGER", "MobileOfflineDaysLimit", "<integerValue>20</integerValue>"),
        value("BOOLEAN", "IsRelatedRecordRetrieve", yes=True),
        value("BOOLEAN", "EnableMDOnInactiveApp"),
        value("INTEGER", "MobileTimeoutPeriodInMinutes", "<integerValue>-5</integerValue>"),
        value("INTEGER", "Moons", "<integerValue>2</integerValue>"),
        text="\\",
    )
    retries = value("INTEGER", "NumberOfRetryAttempts", "<integerValue>3</integerValue>")
    found = read(tmp_path, A=record, B=settings_record("SyncProcessorConfiguration", retries))
    settings = [(read.setting.setting, read.setting.value, read.setting.group) for read in found.settings]
    assert settings == [
        ("Days_Offline_Max", "20", "mobile"),
        ("Related_Record_Names", "true", "mobile"),
        ("Processor_Retries_Max", "3", "processor"),
    ]
    assert told(found, Level.ERROR) == [("MobileTimeoutPeriodInMinutes", "-5 is no whole number from 1 to 1440")]
    assert told(found, Level.UNSUPPORTED) == [("Moons", "this setting (2) has no meaning here")]
    assert [name for name, _ in told(found, Level.WARNING)] == ["LifeSciConfigRecord"]
    assert [name for name, _ in told(found, Level.IGNORED)] == ["EnableMDOnInactiveApp"]


def record(**changes: object) -> dict[str, object]:
    """A record of the JSON form."""
    fields = {"SObject": "Account", "Type": "CONFIGURATION", "WhereSoql": None}
    assigned = [{"level": "Profile", "to": "Rep"}]
    return {"name": "A", "active": True, "org_level": False, "assignments": assigned, "fields": fields} | changes


def test_json_gives_a_rule_for_the_org_and_for_each_profile(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    profiles = [
        {"level": "Profile", "to": "Rep"},
        {"level": "Profile", "to": "Custom-Lead"},
        {"level": "User", "to": "x"},
    ]
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"records": [record(org_level=True, assignments=profiles)]}).encode())
    found = read_lsc(file)
    taken = [(one.rule.profile, one.rule.type) for one in found.rules]
    assert taken == [(None, "full"), ("Rep", "full"), ("Lead", "full")]
    assert told(found, Level.UNSUPPORTED) == [("assignments", "what is assigned to one user (x) is not taken over")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"fields": {"SObject": ["Account"]}}, "fields"),
        ({"fields": {"SObject": None}}, "SObject"),
        ({"fields": {"SObject": "Account", "OneWaySync": "perhaps"}}, "OneWaySync"),
        ({"active": "yes"}, "active"),
        ({"assignments": [{"level": "Profile"}]}, "assignments"),
        ({"assignments": [{"level": "Team", "to": "x"}]}, "assignments"),
    ],
)
def test_a_record_of_the_wrong_shape_is_an_error_and_the_others_are_read(
    tmp_path: Path, changes: dict[str, object], field: str
) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([record(**changes), record(name="B"), 7]))
    found = read_lsc(file)
    errors = of_level(found.findings, Level.ERROR)
    assert [(one.record, one.field) for one in errors] == [("A", field), ("record 3", "")]
    assert [one.place.record for one in found.rules] == ["B"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"records": [1,]}', "line 1, column 1"),
        (b'{"records": [], "records": []}', "has the key records twice"),
        (b'{"records": 1}', "no list of records"),
        (b"[NaN]", "NaN is no number"),
        (b"\xff\xfe{}", "it is not UTF-8 text"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "no configuration records"),
    ],
)
def test_a_file_that_is_no_such_json_is_refused_whole(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "rules.json"
    file.write_bytes(content)
    with pytest.raises(Refused, match="UNUSABLE") as refused:
        read_lsc(file)
    assert reason in refused.value.problem.message
