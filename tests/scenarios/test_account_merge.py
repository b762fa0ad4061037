"""Two accounts are merged online while people visit the one that goes: everything they did arrives at the one that
stays, nobody's queue is rewritten, and nobody is told of a conflict (FEATURES E22)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psycopg
import pytest
from tests import forking
from tests.scenarios.console import form_of
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user
from fieldsync.sim.territory import add_accounts, found_territory

SARAH, TOM = "sarah@merge.example", "tom@merge.example"
PACK = """
name: own
label: Own
extensions:
  - object: Contact
    validation_rules: [{name: A_Number, condition: 'AND(Phone = "none", OR(ISNEW(), TRUE))', message: Say a number.}]
"""
PROGRAM = "from fieldsync.cli.main import main; main()"


class Practice:
    """Three records of one doctor, as they came from three lists."""

    def __init__(self, stage: Stage, accounts: list[RecordId]) -> None:
        self.stage = stage
        self.old, self.main, self.third = accounts

    def merge(self, loser: RecordId, winner: RecordId) -> str:
        """As an admin does; what the command says."""
        named = ["org", "merge", "Account", loser, winner, "--org", self.stage.org, "--database", self.stage.uri]
        done = forking.run(PROGRAM, *named)
        return done.stdout if done.returncode == 0 else done.stderr

    def browser(self) -> httpx.Client:
        """An admin's, in the console."""
        made = httpx.Client(base_url=f"{self.stage.address}/console", headers={"origin": self.stage.address})
        signed_in = {"org": self.stage.org, "username": "admin@merge.example", "password": PASSWORD}
        assert made.post("/enter", data=signed_in).status_code == 303
        return made

    def journal(self) -> list[tuple[str, str, str]]:
        """Object, operation and values of everything that the merges changed."""
        query = """SELECT r."Object_Name", r."Operation", r."Field_Values" FROM org_merge."Sync_Transaction_Record" r
            JOIN org_merge."Sync_Transaction" t ON t."Id" = r."Sync_TransactionId" WHERE t."Channel" = 'import'"""
        with psycopg.connect(self.stage.uri) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def practice(database: str, tmp_path: Path) -> Iterator[Practice]:
    admin = NewUser("admin@merge.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(database, "merge", build([*load_packs(), parse_pack(PACK, "own")]), admin=admin, world=world)
    with seeding_org(database, "merge", world) as seeding:
        people = [
            create_user(seeding, NewUser(name, PASSWORD, "Field_Representative", name[:5]), world.chance)
            for name in (SARAH, TOM)
        ]
        rows = [{"Name": name, "Phone": "555-0100"} for name in ("Dr. Old", "Dr. Main", "Dr. Third")]
        accounts = add_accounts(seeding, found_territory(seeding, people), rows)
        insert_rows(seeding, "Contact", [{"LastName": "Nurse", "AccountId": accounts[0]}])
    with ExitStack() as stack:
        yield Practice(Stage(stack, database, "merge", tmp_path), accounts)


def visit(device: Device, account: RecordId) -> RecordId:
    with device.edit() as edit:
        return edit.create("Call", {"AccountId": account, "Call_Date": "2026-03-02T09:00:00Z"})


def account_of(device: Device, object_name: str, record_id: RecordId) -> object:
    record = device.get(object_name, record_id)
    return None if record is None else record.values["AccountId"]


def test_what_was_done_offline_for_the_one_that_goes_arrives_at_the_one_that_stays(practice: Practice) -> None:
    sarah = practice.stage.device(SARAH, "ipad")
    [nurse] = sarah.find("Contact")
    sarah.go_offline()
    call = visit(sarah, practice.old)
    with sarah.edit() as edit:
        edit.update("Account", practice.old, {"Phone": "555-0199"})
    with sarah.edit() as edit:
        edit.update("Contact", nurse.id, {"AccountId": practice.third})
    assert "1 records" not in practice.merge(practice.old, practice.main)
    assert account_of(sarah, "Call", call) == practice.old
    sarah.go_online()
    assert sarah.sync().successful
    assert (sarah.queue(), sarah.errors()) == ([], [])
    accounts = practice.stage.rows("Account")
    assert practice.old not in accounts
    assert accounts[practice.main]["Phone"] == "555-0199", "the edit of the loser is one of the winner"
    assert practice.stage.rows("Call")[call]["AccountId"] == practice.main
    assert practice.stage.rows("Contact")[nurse.id]["AccountId"] == practice.third, "no conflict with the loser's id"
    assert sarah.get("Account", practice.old) is None
    assert account_of(sarah, "Call", call) == practice.main


def test_a_merge_is_a_journaled_act_that_moves_everything_and_the_winner_may_lose_later(practice: Practice) -> None:
    sarah, tom = practice.stage.device(SARAH, "ipad"), practice.stage.device(TOM, "iphone")
    call = visit(sarah, practice.old)
    wait_for(lambda: not sarah.queue())
    tom.go_offline()
    late = visit(tom, practice.old)
    assert "merged Account" in practice.merge(practice.old, practice.main)
    assert "merged Account" in practice.merge(practice.main, practice.third)
    assert "is not there" in practice.merge(practice.old, practice.third)
    sarah.sync()
    tom.go_online()
    tom.sync()
    assert (tom.queue(), tom.errors()) == ([], [])
    assert {row["AccountId"] for row in practice.stage.rows("Call").values()} == {practice.third}
    for device, mine in ((sarah, call), (tom, late)):
        assert account_of(device, "Call", mine) == practice.third
        assert [record.id for record in device.find("Account")] == [practice.third]
        assert account_of(device, "Contact", device.find("Contact")[0].id) == practice.third
    told = practice.journal()
    assert [operation for name, operation, _ in told if name == "Account"] == ["delete", "delete"]
    assert sum(name == "Call" and practice.old in values for name, _, values in told) == 1


def test_a_save_that_waits_for_its_person_keeps_what_it_says_and_shows_the_one_that_stays(practice: Practice) -> None:
    sarah = practice.stage.device(SARAH, "ipad")
    with sarah.edit() as edit:
        contact = edit.create("Contact", {"LastName": "New", "AccountId": practice.old, "Phone": "none"})
    wait_for(sarah.errors)
    practice.merge(practice.old, practice.main)
    sarah.sync()
    [error] = sarah.errors()
    assert practice.old in [changed.new for changed in error.content]
    assert account_of(sarah, "Contact", contact) == practice.main


def test_a_save_that_waits_through_a_refresh_shows_the_one_that_stays(practice: Practice) -> None:
    sarah = practice.stage.device(SARAH, "ipad")
    with sarah.edit() as edit:
        contact = edit.create("Contact", {"LastName": "New", "AccountId": practice.old, "Phone": "none"})
    wait_for(sarah.errors)
    practice.merge(practice.old, practice.main)
    sarah.sync("full")
    [error] = sarah.errors()
    assert practice.old in [changed.new for changed in error.content]
    assert account_of(sarah, "Contact", contact) == practice.main


def test_an_admin_sees_what_a_merge_would_do_takes_a_field_along_and_merges(practice: Practice) -> None:
    sarah = practice.stage.device(SARAH, "ipad")
    visit(sarah, practice.old)
    wait_for(lambda: not sarah.queue())
    with closing(practice.browser()) as browser:
        both = {"object_name": "Account", "loser": practice.old, "winner": practice.main}
        page = browser.get("/merge", params=both).raise_for_status().text
        assert "Dr. Old goes into Dr. Main" in page
        assert "<dt>Calls</dt><dd>1 moves</dd>" in page
        assert practice.old in practice.stage.rows("Account"), "nothing happened yet"
        chosen = {**both, "page_token": form_of(page)["page_token"], "take:Name": "true", "reason": "one person"}
        assert browser.post("/merge", data={**chosen, "page_token": "x"}).status_code == 403
        assert browser.post("/merge", data={**chosen, "take:OwnerX": "true"}).status_code == 400
        assert browser.post("/merge", data=chosen).status_code == 303
        assert browser.post("/merge", data=chosen).status_code == 404, "it is merged already"
        [merged] = [row for row in practice.stage.rows("Sync_Transaction").values() if row["Root_Object"] == "Account"]
    assert merged["Comments"] == f"Merged {practice.old} into {practice.main}. one person"
    accounts = practice.stage.rows("Account")
    assert accounts[practice.main]["Name"] == "Dr. Old"
    assert practice.old not in accounts
    sarah.sync()
    assert {record.values["Name"] for record in sarah.find("Account")} == {"Dr. Old", "Dr. Third"}


def test_a_long_offline_day_at_the_one_that_goes_arrives_at_the_one_that_stays(practice: Practice) -> None:
    sarah = practice.stage.device(SARAH, "ipad")
    [nurse] = sarah.find("Contact")
    sarah.go_offline()
    calls = []
    for number in range(30):
        calls.append(visit(sarah, practice.old))
        with sarah.edit() as edit:
            edit.update("Account", practice.old, {"Phone": f"555-{number:04}"})
        with sarah.edit() as edit:
            edit.update("Call", calls[-1], {"Call_Date": "2026-03-02T10:00:00Z"})
    with sarah.edit() as edit:
        edit.update("Contact", nurse.id, {"AccountId": practice.main})
    with sarah.edit() as edit:
        edit.update("Contact", nurse.id, {"AccountId": practice.old})
    practice.merge(practice.old, practice.main)
    practice.merge(practice.main, practice.third)
    sarah.go_online()
    assert sarah.sync().successful
    assert (sarah.queue(), sarah.errors()) == ([], [])
    rows = practice.stage.rows("Call")
    assert {rows[call]["AccountId"] for call in calls} == {practice.third}
    assert practice.stage.rows("Account")[practice.third]["Phone"] == "555-0029"
    assert practice.stage.rows("Contact")[nurse.id]["AccountId"] == practice.third
    assert {account_of(sarah, "Call", call) for call in calls} == {practice.third}


def test_a_merged_account_is_of_a_territory_once(practice: Practice) -> None:
    """Both were of Sarah's territory, each with a plan; what she plans offline for the one that goes is not lost."""
    sarah = practice.stage.device(SARAH, "ipad")
    before = practice.stage.rows("Territory_Account")
    [old] = [RecordId(one) for one, row in before.items() if row["AccountId"] == practice.old]
    [main] = [RecordId(one) for one, row in before.items() if row["AccountId"] == practice.main]
    with sarah.edit() as edit:
        edit.update("Territory_Account", old, {"Segment": "A"})
    wait_for(lambda: not sarah.queue())
    sarah.go_offline()
    with sarah.edit() as edit:
        edit.update("Territory_Account", old, {"Planned_Calls": 7})
    practice.merge(practice.old, practice.main)
    sarah.go_online()
    assert sarah.sync().successful
    assert (sarah.queue(), sarah.errors()) == ([], [])
    after = practice.stage.rows("Territory_Account")
    assert [one for one, row in after.items() if row["AccountId"] == practice.main] == [main]
    assert (after[main]["Segment"], int(after[main]["Planned_Calls"])) == ("A", 7)
    assert {record.id for record in sarah.find("Territory_Account")} == after.keys()
