"""`fieldsync formula` and `fieldsync conformance formula`, called as the command line calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.cli import conformance, formula
from fieldsync.schema.packs.composed import ADMIN_PROFILE, new_catalog
from fieldsync.server.org.create import create_org
from fieldsync.server.org.users import NewUser
from fieldsync.server.postgres.connect import admin_connection

Call = Callable[..., str]


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs a command and gives what it printed."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("formula")(formula.formula)
    app.add_typer(conformance.app, name="conformance")
    command = typer.main.get_command(app)

    def run(*arguments: str) -> str:
        command.main(list(arguments), standalone_mode=False)
        return capfdbinary.readouterr().out.decode()

    return run


def test_a_formula_is_computed_by_itself(call: Call) -> None:
    assert json.loads(call("formula", "IF(1 > 0, TEXT(1/4), '')", "--json")) == {
        "type": "text",
        "value": ".25",
        "error": None,
    }
    assert "#Error!" in call("formula", "1 / 0")
    assert "## Operators" in call("formula", "-")


def test_a_wrong_formula_is_refused_with_its_place(call: Call) -> None:
    with pytest.raises(Refused) as refused:
        call("formula", "1 + Nothing__c")
    assert refused.value.problem.code is Code.UNUSABLE
    assert "line 1, column 5" in refused.value.problem.message


def test_a_formula_is_computed_on_a_record_of_an_org(call: Call, database: str) -> None:
    admin = NewUser("kern", "mango river staple", ADMIN_PROFILE, "Kern")
    create_org(database, "acme", new_catalog([]), admin=admin, world=system_world())
    with admin_connection(database, "org_acme") as connection:
        [(user_id,)] = connection.exec_driver_sql('SELECT "Id" FROM "User"').all()
    place = ("--object", "User", "--org", "acme", "--database", database, "--json")
    found = json.loads(call("formula", "Owner.LastName & CASESAFEID(Id)", *place, "--record", user_id))
    assert found == {"type": "text", "value": f"Kern{user_id}", "error": None}
    assert json.loads(call("formula", "LEN(LastName)", *place))["type"] == "number"
    with pytest.raises(Refused) as refused:
        call("formula", "1", *place, "--record", "005000000000000AAA")
    assert refused.value.problem.code is Code.NOT_FOUND


def test_suites_are_run_on_both_back_ends(call: Call, tmp_path: Path, database: str) -> None:
    suite = {
        "function_calls": [
            {
                "name": name,
                "function": "left",
                "args": [{"dataType": "text", "value": "100%"}, {"dataType": "number", "value": 3}],
                "expected": {"dataType": "text", "value": expected},
            }
            for name, expected in (("right", "100"), ("wrong", "10"))
        ],
        "syntax": [{"formula": "1+1", "formatted": "1 + 1"}],
    }
    file = tmp_path / "suite.json"
    file.write_text(json.dumps(suite), encoding="utf-8")
    lines = [
        json.loads(line)
        for line in call("conformance", "formula", str(file), "--database", database, "--json").splitlines()
    ]
    assert lines[:4] == [
        {"suite": suite, "backend": backend, "passed": 1, "total": total}
        for backend in ("python", "sql")
        for suite, total in (("function_calls", 2), ("syntax", 1))
    ]
    assert [(line["backend"], line["id"], line["actual"]) for line in lines[4:]] == [
        ("python", "wrong", "'100'"),
        ("sql", "wrong", "'100'"),
    ]
    assert "function_calls sql wrong" in call("conformance", "formula", str(file), "--database", database)
