"""`fieldsync doctor`, and what people may do as the command line gives and shows it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run

PACK = """
name: own
label: Own
profiles:
  - name: Rep
    label: Rep
    objects: {User: [read]}
    fields: {User: {Title: none}}
permission_sets:
  - {name: Coder, label: Coder, system: [modify_metadata]}
"""
SARAH = "sarah@example.com"


def test_rights_on_the_command_line(run_here: Run, tmp_path: Path) -> None:
    pack = tmp_path / "own.yaml"
    pack.write_text(PACK)
    where = ("--org", "acme", "--json")
    assert run_here("org", "create", "acme", "--pack", str(pack)).code == 0
    sarah = run_here("org", "user", "add", SARAH, "--profile", "Rep", "--last-name", "Jones", *where).json()["id"]

    record = ("--object", "User", "--record", sarah, "--as", SARAH, *where)
    assert run_here("formula", "LastName & '!'", *record).json()["value"] == "Jones!"
    hidden, unknown = (run_here("formula", name, *record).error()["message"] for name in ("Title", "Tatle"))
    assert hidden.replace("Title", "Tatle") == unknown, "what she may not read is not there"

    given = run_here("org", "user", "assign", SARAH, "Coder", "--org", "acme")
    assert "syncs on iPad and iPhone can fail" in given.out
    told = run_here("doctor", *where)
    assert told.code == 1
    [failed] = [check for check in told.json()["checks"] if not check["passed"]]
    assert (failed["name"], failed["found"]) == ("metadata_api", [f"{SARAH}: profile Rep, permission sets Coder"])
    assert "permission set Coder" in run_here("deploy", "--plan", *where).json()["warnings"][0]
