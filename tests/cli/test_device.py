"""`fieldsync device`: a whole device in the terminal against a real server."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import forking
from tests.cli.conftest import PASSWORD, PROGRAM, Ran, Run, environment_of, ran
from tests.cli.test_serve import answer, serving
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.conftest import Databases

PASSPHRASE = "a long phrase nobody knows"


@dataclass(frozen=True)
class Served:
    """A server that runs for all tests of this file, and the environment of what asks it."""

    environment: dict[str, str]
    address: str


@pytest.fixture(scope="module")
def served(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`fieldsync serve` over a database with the org of Sarah's, both made by the command line."""
    name = databases.create()
    environment = environment_of(tmp_path_factory.mktemp("served")) | {"FIELDSYNC_DATABASE": databases.uri(name)}
    sarah = ("org", "user", "add", "sarah@example.com", "--profile", "Field_Representative", "--last-name", "Kern")
    for command in (("org", "create", "acme"), (*sarah, "--org", "acme")):
        assert ran(environment, *command).code == 0
    port = free_port()
    with serving(environment, port):
        answer(port)
        yield Served(environment, f"http://127.0.0.1:{port}")
    databases.drop(name)


@pytest.fixture
def device(served: Served, tmp_path: Path) -> Run:
    """`device("status")`: a signed-in device of Sarah's, with the server running."""

    def command(*arguments: str, **variables: str) -> Ran:
        where = {"FIELDSYNC_STORE": str(tmp_path / "device"), "FIELDSYNC_PASSPHRASE": PASSPHRASE}
        return ran({**served.environment, **where, **variables}, "device", *arguments)

    done = command("login", "--server", served.address, "--org", "acme", "--username", "sarah@example.com", "--json")
    assert done.code == 0, done.err
    return command


def test_a_record_is_saved_synced_and_found(device: Run) -> None:
    saved = device("save", "Account", "Name=City Clinic", "--json")
    assert saved.code == 0, saved.err
    record = saved.json()["id"]
    assert device("status", "--json").json()["widget"]["pending"] == 1
    synced = device("sync", "--json")
    assert synced.code == 0, synced.err
    assert device("status", "--json").json()["widget"]["pending"] == 0
    found = device(
        "query", "Account", "--where", "Name=City Clinic", "--fields", "Id,Name,CreatedDate", "--json"
    ).json()
    assert [(row["Id"], row["Name"], row["mark"]) for row in found] == [(record, "City Clinic", "clean")]
    assert found[0]["CreatedDate"] is not None
    proved = device("verify", "--json")
    assert proved.code == 0, proved.err
    assert (proved.json()["sync"]["verified"], proved.json()["sync"]["rows_repaired"]) == (True, 0)
    assert device("status", "--json").json()["widget"]["state"] == "ok"
    changed = device("save", "Account", "Name=Old Clinic", "--id", record, "--json")
    assert changed.json()["id"] == record
    assert device("sync", "--json").code == 0
    assert "Old Clinic" in device("query", "Account", "--search", "Old").out


def test_bad_input_is_refused_with_the_field_and_nothing_is_saved(device: Run) -> None:
    assert device("save", "Nothing", "Name=x", "--json").error()["code"] == "UNKNOWN_OBJECT"
    assert device("save", "Account", "Nope=x", "--json").error()["code"] == "UNKNOWN_FIELD"
    assert device("save", "Account", "--json").error()["code"] == "REQUIRED"
    assert device("query", "Account", "--fields", "Nope", "--json").error()["code"] == "UNKNOWN_FIELD"
    assert device("status", "--json").json()["widget"]["pending"] == 0
    assert device("errors", "--json").json() == {"errors": [], "files": []}


def test_another_passphrase_opens_nothing(device: Run) -> None:
    refused = device("status", "--json", FIELDSYNC_PASSPHRASE="another long phrase")
    assert refused.code == 1
    assert refused.error()["code"] == "WRONG_KEY"


def test_a_wrong_password_signs_nobody_in(device: Run, tmp_path: Path) -> None:
    kept = (tmp_path / "device" / "server.txt").read_text().strip()
    login = ("login", "--server", kept, "--org", "acme", "--username", "sarah@example.com", "--json")
    refused = device(*login, FIELDSYNC_STORE=str(tmp_path / "other"), FIELDSYNC_PASSWORD=PASSWORD + "!")
    assert refused.code == 1
    assert refused.error()["code"] == "AUTH"


def test_a_folder_that_lost_its_servers_address_says_so_and_takes_it_anew(
    device: Run, served: Served, tmp_path: Path
) -> None:
    kept = tmp_path / "device" / "server.txt"
    where, at = {**served.environment, "FIELDSYNC_PASSPHRASE": PASSPHRASE}, ("--server", served.address)
    for spoil, said in (
        (lambda: kept.write_bytes(b""), "no server's address stands in it"),
        (lambda: kept.write_bytes(b"\xff\xfe"), "it cannot be read (not UTF-8)"),
        (kept.unlink, "it is not there"),
    ):
        spoil()
        told = ran(where, "field", "--store", str(kept.parent), "--no-window")
        assert told.code == 1
        assert f"{kept} cannot be used: {said}; give the address with --server" in " ".join(told.err.split())
    assert device("status", "--json").code == 1
    process = forking.start(PROGRAM, "field", "--store", str(kept.parent), "--no-window", *at, env=where)
    assert process.stdout is not None
    with process.stdout as printed:
        try:
            assert "The Field app is at" in printed.readline()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
    assert json.loads((kept.parent / "person.json").read_bytes())["server"] == served.address


def test_a_folder_without_a_device_says_so(run: Run, tmp_path: Path) -> None:
    told = run("device", "status", "--store", str(tmp_path / "none"), "--json", FIELDSYNC_PASSPHRASE=PASSPHRASE)
    assert told.code == 1
    assert "fieldsync device login" in told.error()["message"]
