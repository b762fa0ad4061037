"""Record types come with what they offer of the picklists that are here, and say which are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.schema.sfdx.project import catalog_of, noted, thing, xml

from fieldsync.schema.sfdx import Level, read

RECORD_TYPE = """<active>true</active><label>Big &amp; open</label><businessProcess>P</businessProcess>
<picklistValues><picklist>Size__c</picklist><values><fullName>A%2FB</fullName><default>true</default></values>
<values><fullName>C</fullName><default>false</default></values></picklistValues>"""


def test_record_types_come_with_the_values_they_offer(tmp_path: Path) -> None:
    values = "".join(f"<value><fullName>{v}</fullName><default>false</default></value>" for v in ("A/B", "C", "D"))
    definition = f"<valueSet><restricted>true</restricted><valueSetDefinition>{values}</valueSetDefinition></valueSet>"
    more = {"force-app/objects/Thing__c/recordTypes/Big.recordType-meta.xml": xml("RecordType", RECORD_TYPE)}
    result = read(thing(tmp_path, {"Size__c": f"<type>Picklist</type><label>Size</label>{definition}"}, more=more))
    [found] = result.pack.objects[0].record_types
    assert (found.name, found.label, found.active) == ("Big", "Big & open", True)
    assert (found.picklists, found.defaults) == ({"Size__c": ("A/B", "C")}, {"Size__c": "A/B"})
    assert noted(result, Level.UNSUPPORTED) == {"businessProcess"}
    catalog_of(result)


OFFERS = """<active>true</active><label>R</label>
<picklistValues><picklist>{}</picklist><values><fullName>a</fullName><default>true</default></values></picklistValues>"""
OF_A_SET = "<type>Picklist</type><label>x</label><valueSet><valueSetName>{}</valueSetName></valueSet>"


@pytest.mark.parametrize(("owner", "picklist"), [("Thing__c", "Size__c"), ("Account", "Rating"), ("Account", "Name")])
def test_a_record_type_comes_without_picklists_that_are_not_here(tmp_path: Path, owner: str, picklist: str) -> None:
    path = f"force-app/objects/{owner}/recordTypes/R.recordType-meta.xml"
    more = {path: xml("RecordType", OFFERS.format(picklist))}
    result = read(thing(tmp_path, {"Size__c": OF_A_SET.format("Elsewhere")}, more=more))
    parts = {part.object: part.record_types for part in result.pack.extensions}
    [found] = parts.get(owner) or result.pack.objects[0].record_types
    assert (found.name, found.picklists, found.defaults) == ("R", {}, {})
    [told] = [issue for issue in result.report.of(Level.UNSUPPORTED) if issue.file == path]
    assert (told.element, told.level) == (f"picklistValues[{picklist}]", Level.UNSUPPORTED)
    catalog_of(result)


def test_a_record_type_may_name_picklists_with_the_projects_own_namespace(tmp_path: Path) -> None:
    values = "<value><fullName>a</fullName><default>false</default></value>"
    field = (
        f"<type>Picklist</type><label>x</label><valueSet><valueSetDefinition>{values}</valueSetDefinition></valueSet>"
    )
    more = {
        "sfdx-project.json": '{"packageDirectories": [{"path": "force-app"}], "namespace": "acme"}',
        "force-app/objects/Thing__c/recordTypes/R.recordType-meta.xml": xml(
            "RecordType", OFFERS.format("acme__Size__c")
        ),
    }
    result = read(thing(tmp_path, {"Size__c": field}, more=more))
    [found] = result.pack.objects[0].record_types
    assert (found.picklists, found.defaults) == ({"Size__c": ("a",)}, {"Size__c": "a"})
    catalog_of(result)
