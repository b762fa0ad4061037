"""`fieldsync import lsc-config`, `import vmoc` and `fieldsync rules`, as processes of their own."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run

HEADER = "Name,Object_Name_vod__c,Device_vod__c,Type_vod__c,Where_Clause_vod__c,Active_vod__c,Profile_Name_vod__c"
ROWS = (
    "VMOC-1,Account,iPad_vod,Top Level Sync,WHERE OwnerId = @@USER_ID@@,true,Rep",
    "VMOC-2,Contact,iPad_vod,Full Object Sync,,true,Rep",
    "VMOC-3,Account,iPhone_vod,Top Level Sync,OwnerId = @@NOPE@@,true,",
)
PROFILE = ("--profile", "Rep=Field_Representative", "--org", "acme", "--json")


def rows(folder: Path, *lines: str) -> str:
    file = folder / "vmoc.csv"
    file.write_text("\r\n".join((HEADER, *lines)))
    return str(file)


def test_rows_are_saved_all_or_none_and_the_whole_is_carried_out_and_in(run_here: Run, tmp_path: Path) -> None:
    assert run_here("org", "create", "acme").code == 0
    planet, nope = "VMOC-4,Planet__c,iPad,Top Level Sync,,true,", "VMOC-5,Call,iPad,Top Level Sync,Nope = 1,true,"
    refused = run_here("import", "vmoc", rows(tmp_path, *ROWS, planet, nope), *PROFILE)
    assert refused.code == 1
    report = refused.json()
    assert (report["rules"], report["conditions"], report["saved"]) == (5, 3, None)
    assert [(one["record"], one["line"], one["column"]) for one in report["errors"]] == [
        ("VMOC-4 (line 5)", None, None),
        ("VMOC-5 (line 6)", 1, 1),
    ]
    assert [one["record"] for one in report["not_supported"]] == ["VMOC-3 (line 4)"]
    assert [one["field"] for one in report["warnings"]] == []

    taken = run_here("import", "vmoc", rows(tmp_path, *ROWS), *PROFILE)
    assert (taken.code, taken.json()["saved"]) == (0, {"created": 2})
    file = tmp_path / "rules.json"
    assert run_here("rules", "export", str(file), "--org", "acme").code == 0
    again = run_here("rules", "import", str(file), "--org", "acme", "--json").json()
    assert again["saved"] == {"unchanged": again["rules"]}
    listed = run_here("rules", "list", "--org", "acme", "--json").json()
    assert len(listed) == again["rules"]
    assert [one["where"] for one in listed if one["device"] == "iPad" and "where" in one] == ["OwnerId = @@USER_ID@@"]


def test_a_source_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    refused = run("import", "lsc-config", str(tmp_path), "--check", "--json")
    assert (refused.code, refused.error()["code"]) == (1, "UNUSABLE")
    pair = run("import", "vmoc", rows(tmp_path), "--profile", "Rep", "--json")
    assert (pair.code, pair.error()["code"]) == (1, "UNUSABLE")


def test_a_condition_is_shown_as_rows_and_rows_as_a_condition(run: Run, tmp_path: Path) -> None:
    condition = "Status = 'Open' AND (OwnerId = @@USER_ID@@ OR CreatedDate >= LAST_N_DAYS:7)"
    shown = run("rules", "simple", condition, "--json")
    assert (len(shown.json()["rows"]), shown.json()["logic"]) == (3, "1 AND (2 OR 3)")
    (tmp_path / "rows.json").write_text(shown.out)
    assert run("rules", "simple", "--rows", str(tmp_path / "rows.json")).out.strip() == condition
    refused = run("rules", "simple", "Id IN (SELECT Id FROM Account)", "--json")
    assert (refused.code, refused.error()["code"]) == (1, "UNUSABLE")
