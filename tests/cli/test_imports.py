"""`fieldsync import`: what was read, what was not, and what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

OBJECT = """<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <label>House</label>
    <pluralLabel>Houses</pluralLabel>
    <nameField><label>Name</label><type>Text</type></nameField>
    <deploymentStatus>Deployed</deploymentStatus>
    <sharingModel>ReadWrite</sharingModel>
</CustomObject>
"""
FIELD = """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Price__c</fullName>
    <label>Price</label>
    <type>Currency</type>
    <precision>18</precision>
    <scale>2</scale>
</CustomField>
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Salesforce DX project with one object, one field and something that is not read."""
    house = tmp_path / "homes" / "force-app" / "main" / "default" / "objects" / "House__c"
    (house / "fields").mkdir(parents=True)
    (house / "House__c.object-meta.xml").write_text(OBJECT)
    (house / "fields" / "Price__c.field-meta.xml").write_text(FIELD)
    triggers = house.parents[1] / "triggers"
    triggers.mkdir()
    (triggers / "Sell.trigger").write_text("trigger Sell on House__c (before insert) {}")
    root = tmp_path / "homes"
    (root / "sfdx-project.json").write_text('{"name": "homes", "packageDirectories": [{"path": "force-app"}]}')
    return root


def test_a_check_reports_without_a_database(run: Run, project: Path) -> None:
    found = run("import", "sfdx", str(project), "--check", "--json")
    assert found.code == 0, found.err
    report = found.json()
    assert (report["objects"], report["fields"], report["deploy"]) == (1, 1, None)
    assert [issue["file"] for issue in report["not_supported"]] == ["force-app/main/default/triggers/Sell.trigger"]
    assert not (project.parent / "data").exists()


def test_an_import_deploys_once_and_keeps_its_key_prefix(run_here: Run, project: Path) -> None:
    assert run_here("org", "create", "acme").code == 0
    done = run_here("import", "sfdx", str(project), "--org", "acme", "--json")
    assert done.code == 0, done.err
    assert ("create table", "House__c") in [(s["kind"], s["object"]) for s in done.json()["deploy"]["steps"]]
    again = run_here("import", "sfdx", str(project), "--org", "acme", "--json").json()
    assert again["deploy"]["steps"] == []
    assert again["deploy"]["catalog_version"] == done.json()["deploy"]["catalog_version"]
    assert run_here("deploy", "--org", "acme", "--json").json()["steps"] == []


def test_a_folder_without_metadata_is_refused(run: Run, tmp_path: Path) -> None:
    refused = run("import", "sfdx", str(tmp_path), "--check", "--json")
    assert refused.code == 1
    assert refused.error()["code"] == "UNUSABLE"


def tree(folder: Path, price: object) -> Path:
    """A plan of two objects, the second referring to the first."""
    house = {"attributes": {"type": "House__c", "referenceId": "first"}, "Name": "Mill Lane 4", "Price__c": price}
    account = {"attributes": {"type": "Account", "referenceId": "clinic"}, "Name": "City Clinic"}
    contact = {"attributes": {"type": "Contact"}, "LastName": "Kern", "AccountId": "@clinic"}
    (folder / "houses.json").write_text(json.dumps({"records": [house]}))
    (folder / "people.json").write_text(json.dumps({"records": [account, contact]}))
    plan = folder / "plan.json"
    plan.write_text(json.dumps([{"files": ["houses.json"]}, {"files": ["people.json"]}]))
    return plan


def test_a_data_tree_is_saved_whole_or_not_at_all(run_here: Run, project: Path, tmp_path: Path) -> None:
    assert run_here("org", "create", "acme").code == 0
    assert run_here("import", "sfdx", str(project), "--org", "acme").code == 0
    refused = run_here("import", "tree", str(tree(tmp_path, "much")), "--org", "acme", "--json")
    assert refused.code == 1
    assert "houses.json, record 1" in refused.error()["message"]
    done = run_here("import", "tree", str(tree(tmp_path, 450_000.5)), "--org", "acme", "--json")
    assert done.code == 0, done.err
    assert done.json()["saved"] == {"House__c": 1, "Account": 1, "Contact": 1}
    assert set(done.json()["ids"]) >= {"first", "clinic"}
    assert done.json()["refused"] == []
