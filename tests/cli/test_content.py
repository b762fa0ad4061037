"""`fieldsync content`: a file becomes content, its next version replaces it, and nonsense is refused by name."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_template_is_brought_in_replaced_and_listed(run_here: Run, tmp_path: Path) -> None:
    assert run_here("org", "create", "acme").code == 0
    file = tmp_path / "thanks.html"
    file.write_text("<p>Dear {{Account.LastName}}, {{Account.Secret}}</p>")
    kind = ("--type", "E-mail Template", "--status", "Approved", "--org", "acme", "--json")
    refused = run_here("content", "add", str(file), *kind)
    assert (refused.code, "{{Account.Secret}}" in refused.err) == (1, True)
    file.write_text("<p>Dear {{Account.LastName}}</p>")
    added = run_here("content", "add", str(file), *kind, "--set", "Subject=Thank you", "--until", "2099-12-31")
    assert added.code == 0, added.err
    again = run_here("content", "add", str(file), "--replaces", added.json()["id"], "--version", "2", *kind)
    assert again.json()["id"] == added.json()["id"], again.err
    [listed] = run_here("content", "list", "--org", "acme", "--json").json()
    assert (listed["Title"], listed["Version"], listed["File_Name"]) == ("thanks", "2", "thanks.html")
    nobody = run_here("content", "add", str(file), "--product", "Respira", *kind)
    assert nobody.error()["code"] == "NOT_FOUND"
