"""Every code of the sync errors (FEATURES G03), produced on real parts: what a person is told, and what he can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import CATALOGUE, Code, Problem, Refused
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, deploy_catalog, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

if TYPE_CHECKING:
    from tests.conftest import Databases

G03 = (
    *(Code.PERMISSION, Code.FIELD_PERMISSION, Code.VISIBILITY_LOST, Code.CONFLICT_OLD_VALUE, Code.DELETE_DENIED),
    *(Code.LOCKED, Code.BACKDATE, Code.VALIDATION, Code.DUPLICATE, Code.ENTITY_DELETED, Code.INVALID_REF),
    *(Code.RECORD_TYPE, Code.FUTURE_DATE, Code.ROW_LOCK, Code.TIMEOUT, Code.AUTH, Code.METADATA_CHANGED),
)
"""The set, in the order in which its stories can be told on one org."""
PACK = """
name: codes
label: Codes
objects:
  - name: Card
    label: Card
    prefix: c00
    fields:
      - {name: Notes, type: text}
      - {name: Fee, type: number, precision: 8, scale: 2}
      - {name: Number, type: text, length: 20, unique: true}
      - {name: ParentId, type: lookup, references: Card}
      - {name: Extra, type: text}
    record_types: [{name: Plain, default: true}, {name: Gold}]
    validation_rules: [{name: Polite, condition: 'Notes = "bad"', message: Be polite., field: Notes}]
  - {name: Diary, label: Diary, prefix: c01, sharing: private, fields: [{name: Notes, type: text}]}
  - name: Report
    label: Report
    prefix: c02
    family:
      submit: {field: Status, value: Sent, when_edited_elsewhere: discard, date: Day, backdate_days: 30}
    fields:
      - {name: Status, type: picklist, values: [{value: Open, default: true}, {value: Sent}]}
      - {name: Day, type: date}
      - {name: Notes, type: text}
profiles:
  - name: Rep
    label: Rep
    objects:
      Card: [read, create, edit, delete]
      Diary: [read, create, edit, delete]
      Report: [read, create, edit, delete]
      User: [read]
      RecordType: [read]
    record_types: {Card: [Plain]}
  - name: Reader
    label: Reader
    objects: {Card: [read], User: [read], RecordType: [read]}
  - name: Clerk
    label: Clerk
    objects: {Card: [read, edit], User: [read], RecordType: [read]}
    fields: {Card: {Fee: read}}
  - name: Later
    label: Later
    objects: {Card: [read, create, edit, delete], User: [read], RecordType: [read]}
"""
PEOPLE = {"sarah": "Rep", "tom": "Rep", "reader": "Reader", "clerk": "Clerk", "later": "Later", "leaver": "Rep"}
SLOW = """
CREATE FUNCTION org_codes.slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."Notes" = 'slow' THEN
    RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER slow BEFORE UPDATE ON org_codes."Card" FOR EACH ROW EXECUTE FUNCTION org_codes.slow();
"""
"""As a statement that runs into its time does."""


def catalog(text: str = PACK) -> Catalog:
    return build([*load_packs(("platform",)), parse_pack(text, "codes")])


@dataclass
class Told:
    """The org, the devices of its people, and records to work on."""

    stage: Stage
    devices: dict[str, Device]

    def device(self, name: str) -> Device:
        if name not in self.devices:
            profile = {"admin": "admin"}.get(name, name)
            self.devices[name] = self.stage.device(f"{profile}@codes.example", f"{name}-device")
        return self.devices[name]

    def card(self, *holders: str, **values: object) -> RecordId:
        """A card that these people hold."""
        with self.device("sarah").edit() as edit:
            card = edit.create("Card", {"Name": "c", "Notes": "base", **values})
        wait_for(lambda: card in self.stage.rows("Card"))
        for name in holders:
            assert self.device(name).sync().successful
        return card

    def refused(self, name: str, record: RecordId) -> Problem:
        """The one reason for which the last save of a record is in the error list."""
        device = self.device(name)

        def reasons() -> list[Problem]:
            return [p for entry in device.errors() if record in entry.records for p in entry.problems]

        wait_for(reasons)
        [found] = reasons()
        return found

    def changed(self, name: str, object_name: str, record: RecordId, **values: object) -> Problem:
        """What a person is told who changes a record."""
        with self.device(name).edit() as edit:
            edit.update(object_name, record, values)
        return self.refused(name, record)

    def meanwhile(self, name: str, act: Callable[[Device], object], record: RecordId, **values: object) -> Problem:
        """What Sarah is told who changes a card offline while somebody does this online."""
        sarah, other = self.device("sarah"), self.device(name)
        sarah.go_offline()
        act(other)
        wait_for(lambda: not other.queue())
        with sarah.edit() as edit:
            edit.update("Card", record, values)
        sarah.go_online()
        return self.refused("sarah", record)


@pytest.fixture(scope="module")
def told(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    database = databases.create()
    uri = databases.uri(database)
    admin, world = NewUser("admin@codes.example", PASSWORD, "System_Administrator", "Admin"), system_world()
    create_org(uri, "codes", catalog(), admin=admin, world=world)
    with seeding_org(uri, "codes", world) as seeding:
        for name, profile in PEOPLE.items():
            create_user(seeding, NewUser(f"{name}@codes.example", PASSWORD, profile, name), world.chance)
        with psycopg.connect(uri) as connection:
            connection.execute(SLOW)
            [(later,)] = connection.execute(
                """SELECT "Id" FROM org_codes."Profile" WHERE "Name" = 'Later'"""
            ).fetchall()
        setting = {"Name": "s", "Setting": "Deferred_Processing", "Value": "true", "ProfileId": later}
        insert_rows(seeding, "Sync_Setting", [setting])
    with ExitStack() as stack:
        yield Told(Stage(stack, uri, "codes", tmp_path_factory.mktemp("codes")), {})
    databases.drop(database)


def update(record: RecordId, **values: object) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.update("Card", record, values)

    return act


def delete(record: RecordId) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.delete("Card", record)

    return act


def permission(told: Told) -> Problem:
    return told.changed("reader", "Card", told.card("reader"), Notes="mine")


def field_permission(told: Told) -> Problem:
    return told.changed("clerk", "Card", told.card("clerk"), Fee=5)


def visibility_lost(told: Told) -> Problem:
    """An admin gives Sarah's diary to Tom while she writes in it."""
    sarah, admin = told.device("sarah"), told.device("admin")
    with sarah.edit() as edit:
        diary = edit.create("Diary", {"Name": "d", "Notes": "base"})
    wait_for(lambda: diary in told.stage.rows("Diary"))
    assert admin.sync().successful
    sarah.go_offline()
    with admin.edit() as edit:
        edit.update("Diary", diary, {"OwnerId": told.device("tom").account.user.id})  # type: ignore[union-attr]
    wait_for(lambda: not admin.queue())
    with sarah.edit() as edit:
        edit.update("Diary", diary, {"Notes": "mine"})
    sarah.go_online()
    return told.refused("sarah", diary)


def conflict_old_value(told: Told) -> Problem:
    card = told.card("tom")
    return told.meanwhile("tom", update(card, Notes="his"), card, Notes="hers")


def delete_denied(told: Told) -> Problem:
    card, sarah, tom = told.card("tom"), told.device("sarah"), told.device("tom")
    sarah.go_offline()
    update(card, Notes="his")(tom)
    wait_for(lambda: not tom.queue())
    delete(card)(sarah)
    sarah.go_online()
    return told.refused("sarah", card)


def submitted(told: Told, days_ago: int, status: str = "Sent") -> RecordId:
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()
    with told.device("sarah").edit() as edit:
        return edit.create("Report", {"Name": "r", "Status": status, "Day": day})


def locked(told: Told) -> Problem:
    report = submitted(told, 1)
    wait_for(lambda: report in told.stage.rows("Report"))
    assert told.device("sarah").sync().successful
    return told.changed("sarah", "Report", report, Notes="late")


def backdate(told: Told) -> Problem:
    return told.refused("sarah", submitted(told, 31))


def future_date(told: Told) -> Problem:
    return told.refused("sarah", submitted(told, -2))


def validation(told: Told) -> Problem:
    return told.changed("sarah", "Card", told.card(), Notes="bad")


def duplicate(told: Told) -> Problem:
    told.card(Number="7")
    return told.changed("sarah", "Card", told.card(), Number="7")


def entity_deleted(told: Told) -> Problem:
    card = told.card("tom")
    return told.meanwhile("tom", delete(card), card, Notes="hers")


def invalid_ref(told: Told) -> Problem:
    parent, child = told.card("tom"), told.card("tom")
    return told.meanwhile("tom", delete(parent), child, ParentId=parent)


def record_type(told: Told) -> Problem:
    """Her profile lists the plain ones alone."""
    gold = next(i for i, row in told.stage.rows("RecordType").items() if row["Name"] == "Gold")
    return told.changed("sarah", "Card", told.card(), RecordTypeId=gold)


def row_lock(told: Told) -> Problem:
    """What is processed later meets a save that holds its record, again and again."""
    card, later = told.card("later"), told.device("later")
    with psycopg.connect(told.stage.uri) as holder:
        holder.execute('SELECT 1 FROM org_codes."Card" WHERE "Id" = %s FOR UPDATE', [card])
        update(card, Notes="waits")(later)
        with psycopg.connect(told.stage.uri, autocommit=True) as other:
            often = "UPDATE org_codes._undecided SET locked_times = %s RETURNING 1"
            wait_for(lambda: other.execute(often, [limits.LOCK_RETRIES_MAX]).fetchall())
            ended = """SELECT 1 FROM org_codes."Sync_Transaction" WHERE "Status" = 'Failed' AND "UserId" = %s"""
            for _ in range(2):  # it pauses between its tries
                with suppress(AssertionError):
                    wait_for(lambda: other.execute(ended, [later.account.user.id]).fetchall())  # type: ignore[union-attr]
        return told.refused("later", card)


def timeout(told: Told) -> Problem:
    """It is not in the error list: it stays in the queue and is tried again."""
    card, sarah = told.card(), told.device("sarah")
    update(card, Notes="slow")(sarah)
    with pytest.raises(Refused) as caught:
        sarah.sync()
    assert [entry.record_id for entry in sarah.queue()] == [card]
    with psycopg.connect(told.stage.uri) as connection:
        connection.execute('DROP TRIGGER slow ON org_codes."Card"')
    assert sarah.sync().successful
    assert told.stage.rows("Card")[card]["Notes"] == "slow"
    return caught.value.problem


def auth(told: Told) -> Problem:
    """Who may not sign in any more keeps what he saved."""
    leaver, admin = told.device("leaver"), told.device("admin")
    leaver.go_offline()
    with leaver.edit() as edit:
        edit.create("Card", {"Name": "kept"})
    with admin.edit() as edit:
        edit.update("User", leaver.account.user.id, {"IsActive": False})  # type: ignore[union-attr]
    wait_for(lambda: not admin.queue())
    assert admin.errors() == []
    leaver.go_online()
    with pytest.raises(Refused) as caught:
        leaver.sync()
    assert len(leaver.queue()) == 1
    return caught.value.problem


def metadata_changed(told: Told) -> Problem:
    card, sarah = told.card(), told.device("sarah")
    sarah.go_offline()
    update(card, Extra="mine")(sarah)
    less = catalog("\n".join(line for line in PACK.splitlines() if "Extra" not in line))
    deploy_catalog(told.stage.uri, "codes", less, world=told.stage.world, dry_run=False, allow_drop=True)
    sarah.go_online()
    return told.refused("sarah", card)


STORIES: dict[Code, Callable[[Told], Problem]] = {
    Code.PERMISSION: permission,
    Code.FIELD_PERMISSION: field_permission,
    Code.VISIBILITY_LOST: visibility_lost,
    Code.CONFLICT_OLD_VALUE: conflict_old_value,
    Code.DELETE_DENIED: delete_denied,
    Code.LOCKED: locked,
    Code.BACKDATE: backdate,
    Code.VALIDATION: validation,
    Code.DUPLICATE: duplicate,
    Code.ENTITY_DELETED: entity_deleted,
    Code.INVALID_REF: invalid_ref,
    Code.RECORD_TYPE: record_type,
    Code.FUTURE_DATE: future_date,
    Code.ROW_LOCK: row_lock,
    Code.TIMEOUT: timeout,
    Code.AUTH: auth,
    Code.METADATA_CHANGED: metadata_changed,
}


def test_every_code_of_the_set_has_its_story() -> None:
    assert STORIES.keys() == set(G03)


@pytest.mark.parametrize("code", G03, ids=str)
def test_the_code_comes_with_a_sentence_and_a_remedy(told: Told, code: Code) -> None:
    found = STORIES[code](told)
    assert found.code is code
    assert found.message
    assert "(" not in found.message, "every place of the sentence is filled in"
    assert found.remedy == CATALOGUE[code].remedy
    assert found.remedy
