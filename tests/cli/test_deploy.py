"""`fieldsync deploy`: the plan is shown, a drop is refused, and a second deploy has nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run

WITH_FIELD = """
name: extra
label: Extra
objects:
  - name: Extra__c
    label: Extra
    fields:
      - {name: Note__c, type: text}
      - {name: Amount__c, type: currency, precision: 12, scale: 2}
"""
WITHOUT_FIELD = WITH_FIELD.replace("      - {name: Note__c, type: text}\n", "")


@pytest.fixture
def acme(run_here: Run) -> Run:
    made = run_here("org", "create", "acme")
    assert made.code == 0, made.err
    return run_here


def test_a_deploy_is_planned_shown_and_run_once(acme: Run, tmp_path: Path) -> None:
    pack = tmp_path / "extra.yaml"
    pack.write_text(WITH_FIELD)
    shown = acme("deploy", "--org", "acme", "--pack", str(pack), "--plan", "--json").json()
    assert not shown["applied"]
    assert ("create table", "Extra__c") in [(step["kind"], step["object"]) for step in shown["steps"]]
    assert 'CREATE TABLE "Extra__c"' in next(s["sql"] for s in shown["steps"] if s["kind"] == "create table")
    assert acme("deploy", "--org", "acme", "--pack", str(pack), "--json").json()["applied"]
    again = acme("deploy", "--org", "acme", "--pack", str(pack), "--json").json()
    assert not again["applied"]
    assert again["steps"] == []
    late = acme("deploy", "--org", "acme", "--pack", str(pack), "--reload-by", "2020-01-01", "--json")
    assert (late.code, late.error()["code"]) == (1, "UNUSABLE")
    assert acme("deploy", "--org", "acme", "--tell-from", "2099-01-01", "--json").error()["code"] == "UNUSABLE"
    wish = ("--reload-by", "2099-02-01", "--tell-from", "2099-01-01", "--message", "New")
    asked = acme("deploy", "--org", "acme", *wish)
    assert "every device is to load its data anew by 2099-02-01" in asked.out


def test_what_loses_data_is_refused_until_it_is_allowed(acme: Run, tmp_path: Path) -> None:
    pack = tmp_path / "extra.yaml"
    pack.write_text(WITH_FIELD)
    assert acme("deploy", "--org", "acme", "--pack", str(pack)).code == 0
    pack.write_text(WITHOUT_FIELD)
    refused = acme("deploy", "--org", "acme", "--pack", str(pack), "--json")
    assert refused.code == 1
    assert refused.error()["code"] == "DEPLOY_LOSES_DATA"
    assert "drop column Extra__c.Note__c" in refused.error()["message"]
    told = acme("deploy", "--org", "acme", "--pack", str(pack))
    assert "loses data" in told.out
    allowed = acme("deploy", "--org", "acme", "--pack", str(pack), "--allow-drop", "--json").json()
    assert allowed["applied"]


def test_a_pack_that_is_not_there_or_cannot_be_read_is_said_so(acme: Run, tmp_path: Path) -> None:
    assert acme("deploy", "--org", "acme", "--pack", str(tmp_path / "nothing.yaml")).code == 1
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: [")
    refused = acme("deploy", "--org", "acme", "--pack", str(bad))
    assert refused.code == 1
    assert "bad.yaml" in refused.err
