"""`fieldsync org`: orgs and people from the command line."""

from __future__ import annotations

import psycopg
from tests.cli.conftest import Run


def test_an_org_is_made_listed_peopled_and_dropped(run_here: Run) -> None:
    made = run_here("org", "create", "acme", "--json")
    assert made.code == 0, made.err
    assert made.json()["schema"] == "org_acme"
    assert [org["name"] for org in run_here("org", "list", "--json").json()] == ["acme"]
    added = run_here(
        "org",
        "user",
        "add",
        "sarah@example.com",
        "--profile",
        "Field_Representative",
        "--last-name",
        "Kern",
        "--org",
        "acme",
        "--json",
    )
    assert added.code == 0, added.err
    assert added.json()["id"].startswith("005")
    assert run_here("org", "drop", "acme", "--yes").code == 0
    assert run_here("org", "list", "--json").json() == []


def test_a_refusal_says_what_and_the_remedy_and_exits_with_1(run_here: Run) -> None:
    refused = run_here("org", "create", "Not A Name", "--json")
    assert refused.code == 1
    assert refused.error()["code"] == "BAD_NAME"
    assert refused.error()["remedy"]
    told = run_here("org", "drop", "nobody", "--yes")
    assert told.code == 1
    assert "There is no org nobody." in told.err
    assert "Remedy:" in told.err


def test_a_weak_password_is_refused(run_here: Run) -> None:
    assert run_here("org", "create", "acme", "--json", FIELDSYNC_PASSWORD="short").error()["code"] == "WEAK_PASSWORD"


def test_a_database_that_does_not_answer_exits_with_3(run: Run) -> None:
    nowhere = run("org", "list", "--json", FIELDSYNC_DATABASE="postgresql://postgres@127.0.0.1:1/postgres")
    assert nowhere.code == 3
    assert nowhere.error()["code"] == "DATABASE_UNREACHABLE"


def test_a_wrong_option_exits_with_2(run: Run) -> None:
    assert run("org", "list", "--nonsense").code == 2


def test_without_a_named_database_the_embedded_one_is_started_for_the_command(run: Run) -> None:
    assert run("org", "create", "acme").code == 0
    assert [org["name"] for org in run("org", "list", "--json").json()] == ["acme"]


def test_an_org_of_an_earlier_version_is_refused_until_it_is_upgraded(run_here: Run, database: str) -> None:
    assert run_here("org", "create", "acme").code == 0
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE org_acme._upgrade, org_acme._alias")
    refused = run_here("doctor", "--org", "acme", "--json")
    assert (refused.code, refused.error()["code"]) == (1, "ORG_OLDER")
    assert "fieldsync org upgrade" in refused.error()["remedy"]
    upgraded = run_here("org", "upgrade", "--json").json()
    assert (upgraded["org"], upgraded["from_level"], upgraded["left"]) == ("acme", 0, [])
    assert "create table _alias" in upgraded["steps"]
    assert "already" in run_here("org", "upgrade", "acme").out
    assert run_here("doctor", "--org", "acme", "--json").json()["org"] == "acme"
