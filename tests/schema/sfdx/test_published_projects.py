"""Published Salesforce projects are read whole: every field file is a field or an entry of the report."""

from __future__ import annotations

import re

import pytest
from tests.schema.sfdx.project import catalog_of
from tests.schema.shared_data import shared

from fieldsync.schema.sfdx import Level, read
from fieldsync.schema.tree import TreeReference, read_plan


@pytest.mark.parametrize("name", ["dreamhouse", "sfdx/PMM", "sfdx/ProjectManagementTool"])
def test_every_file_and_element_is_accounted_for(name: str) -> None:
    root = shared(name)
    result = read(root)
    catalog_of(result)
    reported = {i.file for i in result.report.of(Level.UNSUPPORTED, Level.ERROR)}
    read_fields = {(o.name, f.name) for o in result.pack.objects for f in o.fields} | {
        (e.object, f.name) for e in result.pack.extensions for f in e.fields
    }
    for path in (root / "force-app").rglob("*.field-meta.xml"):
        shown = path.relative_to(root).as_posix()
        field = re.sub(r"\.field-meta\.xml$", "", path.name)
        assert (path.parent.parent.name, field) in read_fields or shown in reported, shown
    unknown = [i for i in result.report.issues if "not known here" in i.reason]
    assert not unknown


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("dreamhouse", (2, 32, 0, 0, 2, 0)),
        ("sfdx/PMM", (9, 98, 13, 0, 9, 0)),
        ("sfdx/ProjectManagementTool", (9, 222, 11, 40, 12, 2)),
    ],
)
def test_the_counts_are_those_of_the_files(name: str, counts: tuple[int, ...]) -> None:
    report = read(shared(name)).report
    found = (report.objects, report.fields, report.validation_rules)
    assert (*found, report.roll_ups, report.list_views, report.value_sets) == counts


def test_the_records_of_the_sample_app_are_read() -> None:
    root = shared("dreamhouse")
    records = read_plan(root / "data" / "sample-data-plan.json", catalog_of(read(root)))
    kinds = [record.object for record in records]
    assert kinds == sorted(kinds, key=["Broker__c", "Property__c", "Contact"].index)
    properties = [r for r in records if r.object == "Property__c"]
    assert all(isinstance(r.values["Broker__c"], TreeReference) for r in properties)
    assert all(r.values["Location__Latitude__s"] is not None for r in properties)
