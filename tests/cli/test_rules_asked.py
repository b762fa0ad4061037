"""`fieldsync rules explain | preview | rows | test`: what sync rules do, told before and while they do it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run

PACK = """
name: own
label: Own
objects:
  - name: Shop
    label: Shop
    prefix: z01
    sharing: private
    shared_with: TerritoryId IN {USER.TERRITORYIDS}
    route: TerritoryId
    fields:
      - {name: City, type: text, label: City}
      - {name: TerritoryId, type: lookup, label: Territory, references: Territory}
  - name: Visit
    label: Visit
    prefix: z02
    fields:
      - {name: ShopId, type: lookup, label: Shop, references: Shop}
sync_rules:
  - {object: Shop, where: "City = 'Leeds' AND TerritoryId IN {USER.TERRITORYIDS}", required: true}
  - {object: Shop, device: iPhone, type: metadata_only}
  - {object: Visit, type: related, parent_object: Shop, relationship_field: ShopId}
profiles:
  - name: Rep
    label: Rep
    objects: {'*': [read], User: [read], Territory: [read]}
"""
RULES = """{"format": "fieldsync sync configuration", "version": 1, "rules": [
  {"object": "Shop", "where": "Town = 'Leeds'"}]}"""
SARAH = "sarah@example.com"


def test_rules_are_explained_previewed_and_tried(run_here: Run, tmp_path: Path) -> None:
    pack = tmp_path / "own.yaml"
    pack.write_text(PACK)
    where = ("--org", "acme", "--json")
    assert run_here("org", "create", "acme", "--pack", str(pack)).code == 0
    run_here("org", "user", "add", SARAH, "--profile", "Rep", "--last-name", "Jones", *where)
    told = run_here("rules", "explain", "Visit", "--user", SARAH, "--sql", *where).json()
    assert " ".join(told["condition"].split()) == (
        "ShopId IN (SELECT Id FROM Shop WHERE ( OwnerId IN ({TEAM_USER_IDS}) OR TerritoryId IN ({USER_TERRITORYIDS}) )"
        " AND City = 'Leeds' AND TerritoryId IN ({USER_TERRITORYIDS}) )"
    )
    assert ["Shop", "City"] in told["reads"]
    assert told["ways"] == [["Shop", "Shop.Id = Visit.ShopId"]]
    assert told["statement"].startswith("SELECT")
    wrong = run_here("rules", "test", "Shop", "City != null\nAND Town = 'x'", "--user", SARAH, *where).error()
    assert (wrong["code"], wrong["details"]["line"], wrong["details"]["column"]) == ("SYNC_RULE", 2, 5)
    rows = run_here("rules", "rows", "--user", SARAH, "--org", "acme").out
    assert "User" in rows
    assert "Shop" not in rows

    [visits] = told["rules"]
    off = ("--rule", visits["id"], "--off", "--user", SARAH)
    assert "Nothing would move; devices looked at: 1" in run_here("rules", "preview", *off, "--org", "acme").out
    file = tmp_path / "rules.json"
    file.write_text(RULES)
    refused = run_here("rules", "preview", str(file), *where).error()
    assert (refused["field"], refused["details"]["column"]) == ("Where_Clause", 1)
