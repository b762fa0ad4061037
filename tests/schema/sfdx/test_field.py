"""Every field type of the source becomes a field of the catalog, or is listed with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.schema.sfdx.project import catalog_of, noted, one_field, sentences, thing, write, xml

from fieldsync.schema.model import Field, FieldType, OnDelete, PicklistValue
from fieldsync.schema.sfdx import Level, read

T = FieldType
VALUES = "<value><fullName>A</fullName><default>false</default><label>Aa</label></value>"
VALUES += "<value><fullName>B</fullName><default>true</default><label>B</label></value>"
AB = (PicklistValue(value="A", label="Aa"), PicklistValue(value="B", default=True))
OLDER = "<picklist><picklistValues><fullName>A</fullName><default>true</default></picklistValues></picklist>"
UP_TO_ACCOUNT = "<referenceTo>Account</referenceTo><relationshipName>Things</relationshipName>"
COUNT = "<type>Summary</type><summaryOperation>count</summaryOperation>"
DEFINED = f"<valueSetDefinition><sorted>false</sorted>{VALUES}</valueSetDefinition>"

CONVERTED: list[tuple[str, str, dict[str, Any]]] = [
    ("Text", "<length>80</length><unique>true</unique>", {"type": T.TEXT, "length": 80, "unique": True}),
    ("Text", "<length>9</length><externalId>true</externalId><caseSensitive>true</caseSensitive>",
     {"type": T.TEXT, "length": 9, "external_id": True, "case_sensitive": True}),
    ("TextArea", "", {"type": T.LONG_TEXT, "length": 255}),
    ("LongTextArea", "<length>5000</length><visibleLines>3</visibleLines>", {"type": T.LONG_TEXT, "length": 5000}),
    ("Html", "<length>32768</length>", {"type": T.LONG_TEXT, "length": 32768}),
    ("Picklist", f"<valueSet><restricted>true</restricted>{DEFINED}</valueSet>",
     {"type": T.PICKLIST, "values": AB, "restricted": True}),
    ("Picklist", f"<valueSet>{DEFINED}</valueSet>", {"type": T.PICKLIST, "values": AB, "restricted": False}),
    ("Picklist", OLDER,
     {"type": T.PICKLIST, "values": (PicklistValue(value="A", default=True),), "restricted": False}),
    ("MultiselectPicklist", f"<valueSet>{DEFINED}</valueSet><visibleLines>4</visibleLines>",
     {"type": T.MULTI_PICKLIST, "values": AB, "restricted": False}),
    ("Checkbox", "<defaultValue>true</defaultValue>", {"type": T.CHECKBOX, "default": "true"}),
    ("Number", "<precision>8</precision><scale>2</scale>", {"type": T.NUMBER, "precision": 8, "scale": 2}),
    ("Currency", "<precision>18</precision><scale>2</scale><required>true</required>",
     {"type": T.CURRENCY, "precision": 18, "scale": 2, "required": True}),
    ("Percent", "<precision>5</precision><scale>0</scale>", {"type": T.PERCENT, "precision": 5, "scale": 0}),
    ("Date", "<defaultValue>TODAY()</defaultValue>", {"type": T.DATE, "default": "TODAY()"}),
    ("DateTime", "", {"type": T.DATETIME}),
    ("Time", "", {"type": T.TIME}),
    ("Email", "<unique>true</unique>", {"type": T.EMAIL, "unique": True}),
    ("Phone", "<inlineHelpText>h</inlineHelpText>", {"type": T.PHONE, "help": "h"}),
    ("Url", "<description>d</description>", {"type": T.URL, "description": "d"}),
    ("Lookup", UP_TO_ACCOUNT + "<deleteConstraint>Restrict</deleteConstraint>",
     {"type": T.LOOKUP, "references": "Account", "children": "Things__r", "on_delete": OnDelete.RESTRICT}),
    ("MasterDetail", "<referenceTo>Account</referenceTo><relationshipOrder>0</relationshipOrder>",
     {"type": T.MASTER_DETAIL, "references": "Account"}),
    ("Hierarchy", "<relationshipName>Team</relationshipName>",
     {"type": T.LOOKUP, "references": "User", "children": "Team__r"}),
    ("AutoNumber", "<displayFormat>T-{0000}</displayFormat><startingNumber>5</startingNumber>",
     {"type": T.AUTO_NUMBER, "display_format": "T-{0000}", "starting_number": 5}),
    ("Location", "<scale>5</scale><displayLocationInDecimal>true</displayLocationInDecimal>",
     {"type": T.GEOLOCATION, "precision": 8, "scale": 5}),
    ("Number", "<formula>1 + 1</formula><precision>4</precision><scale>0</scale>",
     {"type": T.FORMULA, "formula": "1 + 1", "formula_returns": T.NUMBER, "precision": 4, "scale": 0}),
    ("Text", "<formula>Name</formula><formulaTreatBlanksAs>BlankAsBlank</formulaTreatBlanksAs><unique>false</unique>",
     {"type": T.FORMULA, "formula": "Name", "formula_returns": T.TEXT, "formula_blanks_as_zero": False}),
    ("Checkbox", "<formula>true</formula>", {"type": T.FORMULA, "formula": "true", "formula_returns": T.CHECKBOX}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content", "expected"), CONVERTED)
def test_a_field_is_taken_over(tmp_path: Path, kind: str, content: str, expected: dict[str, Any]) -> None:
    found, result = one_field(tmp_path, f"<type>{kind}</type>{content}")
    assert found == Field(name="F__c", label="F", **expected)
    assert not result.report.of(Level.UNSUPPORTED, Level.ERROR)
    catalog_of(result)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<type>EncryptedText</type><length>20</length><maskType>all</maskType>", "encrypted"),
        ("<type>ExternalLookup</type><referenceTo>X__x</referenceTo>", "another system"),
        ("<type>IndirectLookup</type><referenceTo>X__x</referenceTo>", "another system"),
        ("<type>MetadataRelationship</type><referenceTo>EntityDefinition</referenceTo>", "metadata"),
        ("<type>Nonsense</type>", "not a field type"),
        ("<length>5</length>", "does not say its type"),
        ("<type>Lookup</type>", "does not say which object"),
        ("<type>Lookup</type><referenceTo>Nothing__c</referenceTo>", "refers to Nothing__c"),
        ("<type>Picklist</type><valueSet><valueSetName>Gone</valueSetName></valueSet>", "value set Gone"),
        ("<type>AutoNumber</type><displayFormat>T-{WW}{0}</displayFormat>", "display format"),
        ("<type>Summary</type><summaryOperation>count</summaryOperation>", "what it sums up"),
        (COUNT + "<summaryForeignKey>Gone__c.Thing__c</summaryForeignKey>", "sums up Gone__c"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_taken_over_is_listed_once(tmp_path: Path, content: str, reason: str) -> None:
    found, result = one_field(tmp_path, content)
    assert found is None
    [issue] = result.report.of(Level.UNSUPPORTED, Level.ERROR)
    assert reason in issue.reason
    assert issue.file == "force-app/objects/Thing__c/fields/F__c.field-meta.xml"
    assert result.report.fields == 0
    catalog_of(result)


@pytest.mark.parametrize(
    ("content", "element", "level"),
    [
        ("<trackHistory>true</trackHistory>", "trackHistory", Level.IGNORED),
        ("<securityClassification>Public</securityClassification>", "securityClassification", Level.IGNORED),
        ("<lookupFilter><active>true</active></lookupFilter>", "lookupFilter", Level.UNSUPPORTED),
        ("<somethingNew>1</somethingNew>", "somethingNew", Level.UNSUPPORTED),
        ("<required>maybe</required>", "required", Level.ERROR),
        ("<length>long</length>", "length", Level.ERROR),
        ("<label>Again</label>", "label", Level.ERROR),
        ("loose text", "CustomField", Level.ERROR),
    ],
)
def test_every_other_element_is_reported(tmp_path: Path, content: str, element: str, level: Level) -> None:
    found, result = one_field(tmp_path, f"<type>Text</type>{content}")
    assert found is not None
    assert element in noted(result, level)


def test_dependent_values_and_strange_values_are_reported(tmp_path: Path) -> None:
    twice = VALUES + "<value><fullName>a</fullName><default>true</default><color>#fff</color></value>"
    content = f"<type>Picklist</type><valueSet><controllingField>G__c</controllingField><valueSetDefinition>{twice}"
    found, result = one_field(tmp_path, content + "</valueSetDefinition></valueSet>")
    assert found is not None
    assert found.values == AB
    assert "valueSet/controllingField" in noted(result, Level.UNSUPPORTED)
    assert "valueSet/valueSetDefinition/value[a]/color" in noted(result, Level.IGNORED)
    assert "more than once" in sentences(result.report.of(Level.ERROR))


def test_a_field_too_large_for_the_catalog_is_an_error_and_left_out(tmp_path: Path) -> None:
    found, result = one_field(tmp_path, "<type>Text</type><length>400</length>")
    assert found is None
    assert "between 1 and 255" in sentences(result.report.of(Level.ERROR))
    catalog_of(result)


CHILD = "force-app/objects/Child__c"
MASTER = "<type>MasterDetail</type><referenceTo>Thing__c</referenceTo>"
ROLL_UPS = {
    "Children__c": ("count", ""),
    "Total__c": ("sum", "Amount__c"),
    "First__c": ("min", "On__c"),
    "Lost__c": ("sum", "Secret__c"),
}


def with_roll_ups(root: Path) -> Path:
    fields = {
        name: f"<type>Summary</type><label>x</label><summaryForeignKey>Child__c.Thing__c</summaryForeignKey>"
        f"<summaryOperation>{op}</summaryOperation>"
        + (f"<summarizedField>Child__c.{of}</summarizedField>" if of else "")
        for name, (op, of) in ROLL_UPS.items()
    }
    child = {
        f"{CHILD}/fields/{name}.field-meta.xml": xml("CustomField", f"<fullName>{name}</fullName>{content}")
        for name, content in {
            "Thing__c": MASTER,
            "Amount__c": "<type>Currency</type><precision>12</precision><scale>3</scale>",
            "On__c": "<type>Date</type>",
            "Secret__c": "<type>EncryptedText</type>",
        }.items()
    }
    return thing(root, fields, child | {f"{CHILD}/Child__c.object-meta.xml": xml("CustomObject", "<label>C</label>")})


def test_roll_ups_take_type_and_digits_of_what_they_sum_up(tmp_path: Path) -> None:
    result = read(with_roll_ups(tmp_path))
    fields = catalog_of(result)["Thing__c"].fields
    assert (fields["Total__c"].precision, fields["Total__c"].scale) == (18, 3)
    assert fields["First__c"].formula_returns is T.DATE
    assert "Lost__c" not in fields
    assert result.report.roll_ups == 3
    assert "Child__c.Secret__c, which was not taken over" in sentences(result.report.of(Level.UNSUPPORTED))


def test_a_field_defined_twice_is_an_error(tmp_path: Path) -> None:
    more = {"other/objects/Thing__c/fields/f__c.field-meta.xml": xml("CustomField", "<type>Date</type>")}
    result = read(write(thing(tmp_path, {"F__c": "<type>Text</type>"}), more))
    assert result.report.fields == 1
    assert "more than once" in sentences(result.report.of(Level.ERROR))
