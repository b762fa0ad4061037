"""An admin clears the errors of a person whose device is stuck: the device gives them up at its next sync, what goes is
kept on the server first, and the wish ends by itself (FEATURES G08)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests import forking
from tests.conftest import Prepare
from tests.scenarios.console import form_of
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

SARAH, ADMIN = "sarah@clear.example", "admin@clear.example"
PACK = """
name: own
label: Own
extensions:
  - object: Account
    validation_rules: [{name: A_Number, condition: 'AND(Phone = "none", OR(ISNEW(), TRUE))', message: Say a number.}]
"""
PROGRAM = "from fieldsync.cli.main import main; main()"


def prepare(uri: str) -> None:
    admin = NewUser(ADMIN, PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(uri, "clear", build([*load_packs(), parse_pack(PACK, "own")]), admin=admin, world=world)
    with seeding_org(uri, "clear", world) as seeding:
        create_user(seeding, NewUser(SARAH, PASSWORD, "Field_Representative", "Sarah"), world.chance)


@pytest.fixture
def stage(template_database: Callable[[str, Prepare], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, template_database("clear", prepare), "clear", tmp_path)


def command(stage: Stage, *words: str) -> str:
    named = ["org", "user", *words, "--org", stage.org, "--database", stage.uri]
    done = forking.run(PROGRAM, *named)
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_wished(stage: Stage) -> bool:
    return next(bool(row["Clear_Errors"]) for row in stage.rows("User").values() if row["Username"] == SARAH)


def stuck(device: Device) -> RecordId:
    """An account whose two later changes are in the error list: one refused, one that waits for it."""
    with device.edit() as edit:
        account = edit.create("Account", {"Name": "Dr. Weber", "Phone": "555-0100"})
    wait_for(lambda: not device.queue())
    with device.edit() as edit:
        edit.update("Account", account, {"Phone": "none"})
    wait_for(device.errors)
    with device.edit() as edit:
        edit.update("Account", account, {"Website": "https://weber.example"})
    assert [entry.state.value for entry in device.errors()] == ["failed", "held"]
    return account


def journal(stage: Stage) -> list[tuple[str, str | None]]:
    """Status and comment of what Sarah's devices sent."""
    with psycopg.connect(stage.uri) as connection:
        return connection.execute(
            """SELECT "Status", "Comments" FROM org_clear."Sync_Transaction" WHERE "Channel" = 'device'"""
        ).fetchall()


def test_errors_are_exported_cleared_and_the_wish_ends_when_every_device_is_through(
    stage: Stage, tmp_path: Path
) -> None:
    ipad, iphone = stage.device(SARAH, "ipad"), stage.device(SARAH, "iphone", Platform.IPHONE)
    account = stuck(ipad)
    assert ipad.sync().successful
    assert len(ipad.errors()) == 2, "a sync alone clears nothing"

    command(stage, "clear-errors", SARAH)
    assert is_wished(stage)
    assert len(ipad.errors()) == 2, "nothing happens before the next sync"
    assert ipad.sync().successful
    assert ipad.errors() == []
    assert ipad.queue() == []
    row = ipad.get("Account", account)
    assert row is not None
    assert (row.values["Phone"], row.values["Website"]) == ("555-0100", None), "as the server has it"
    assert is_wished(stage), "the iphone has still to come"

    assert iphone.sync().successful
    assert not is_wished(stage)
    again = stuck(ipad)
    assert ipad.sync().successful
    assert len(ipad.errors()) == 2, "the wish is over"
    assert stage.rows("Account")[again]["Phone"] == "555-0100"

    command(stage, "cleared", str(tmp_path / "cleared.jsonl"))
    [mine, empty] = [json.loads(line) for line in (tmp_path / "cleared.jsonl").read_text().splitlines()]
    assert (mine["user"], empty["entries"]) == (SARAH, [])
    sent = {
        column: change
        for entry in mine["entries"]
        for item in entry["items"]
        for column, change in item["changes"].items()
    }
    assert sent == {"Phone": ["555-0100", "none"], "Website": [None, "https://weber.example"]}
    assert "Say a number." in json.dumps(mine["entries"][0]["outcome"])


def test_what_she_has_open_stays_as_she_sees_it_until_a_sync_finds_it_closed(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad")
    account = stuck(ipad)
    command(stage, "clear-errors", SARAH)
    with ipad.view("Account", account):
        shown = ipad.get("Account", account)
        assert ipad.sync().successful
        assert ipad.get("Account", account) == shown
        assert len(ipad.errors()) == 2
    assert ipad.sync().successful
    assert ipad.errors() == []


def test_it_is_audited_and_the_console_shows_the_end(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad")
    stuck(ipad)
    command(stage, "clear-errors", SARAH)
    assert ipad.sync().successful
    ended = [comment for status, comment in journal(stage) if status == "Canceled"]
    assert ended
    assert all("admin" in str(comment) for comment in ended)
    with psycopg.connect(stage.uri) as connection:
        marks = connection.execute(
            """SELECT r."Field_Values" FROM org_clear."Sync_Transaction_Record" r WHERE r."Object_Name" = 'User'
            ORDER BY r._stamp"""
        ).fetchall()
    assert [json.loads(values)["Clear_Errors"]["new"] for (values,) in marks] == [True, False]


def test_a_wish_that_is_taken_back_clears_nothing(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad")
    stuck(ipad)
    command(stage, "clear-errors", SARAH)
    command(stage, "clear-errors", SARAH, "--off")
    assert ipad.sync().successful
    assert len(ipad.errors()) == 2


def test_only_an_admin_gets_what_was_cleared(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad")
    stuck(ipad)
    command(stage, "clear-errors", SARAH)
    assert ipad.sync().successful

    def answer(username: str) -> httpx.Response:
        described: dict[str, Any] = {"key": username.ljust(60, "k"), "name": "b", "platform": "browser"}
        described |= {"os_version": "1", "app_version": "1.0"}
        signing = {"org": "clear", "username": username, "password": PASSWORD, "device": described}
        tokens = httpx.post(f"{stage.address}/sync/v1/session", json=signing).raise_for_status().json()["tokens"]
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        return httpx.get(f"{stage.address}/admin/v1/errors", headers=headers)

    assert answer(SARAH).status_code == 403
    assert "weber.example" in answer(ADMIN).text


def test_an_admin_clears_them_in_the_console_and_fetches_what_went(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad")
    stuck(ipad)
    with httpx.Client(base_url=f"{stage.address}/console", headers={"origin": stage.address}) as browser:
        signed_in = {"org": stage.org, "username": ADMIN, "password": PASSWORD}
        assert browser.post("/enter", data=signed_in).status_code == 303
        page = browser.get("/devices").text
        assert "Clear errors" in page
        token = form_of(page)["page_token"]
        wished = {"page_token": token, "username": SARAH, "on": "true"}
        assert browser.post("/devices/clear", data={**wished, "page_token": "x"}).status_code == 403
        assert browser.post("/devices/clear", data={**wished, "username": "nobody"}).status_code == 404
        assert not is_wished(stage)
        assert browser.post("/devices/clear", data=wished).status_code == 303
        assert is_wished(stage)
        assert "to be cleared at the next sync" in browser.get("/devices").text
        assert ipad.sync().successful
        assert ipad.errors() == []
        assert "Clear errors" not in browser.get("/devices").text
        kept = browser.get("/devices/cleared")
    assert "attachment" in kept.headers["content-disposition"]
    [line] = [json.loads(one) for one in kept.text.splitlines()]
    assert (line["user"], len(line["entries"])) == (SARAH, 2)
    with psycopg.connect(stage.uri) as connection:
        [(who,)] = connection.execute(
            """SELECT u."Username" FROM org_clear."Sync_Transaction" t JOIN org_clear."User" u ON u."Id" = t."UserId"
            JOIN org_clear."Sync_Transaction_Record" r ON r."Sync_TransactionId" = t."Id"
            WHERE r."Object_Name" = 'User' AND r."Field_Values" LIKE '%"new":true%'"""
        ).fetchall()
    assert who == ADMIN, "who wished it is noted"
