"""An org with one object for every way to be refused, its people, and what each is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Problem
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

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
    validation_rules:
      - {name: Polite, condition: 'AND(Notes = "bad", OR(ISNEW(), TRUE))', message: Be polite., field: Notes}
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


@contextmanager
def org_of_codes(uri: str, folder: Path) -> Iterator[Told]:
    """The org in this database, on a running server."""
    admin, world = NewUser("admin@codes.example", PASSWORD, "System_Administrator", "Admin"), system_world()
    create_org(uri, "codes", catalog(), admin=admin, world=world)
    with seeding_org(uri, "codes", world) as seeding:
        for name, profile in PEOPLE.items():
            create_user(seeding, NewUser(f"{name}@codes.example", PASSWORD, profile, name), world.chance)
    with seeding_org(uri, "codes", world) as seeding, psycopg.connect(uri) as connection:
        connection.execute(SLOW)
        [(later,)] = connection.execute("""SELECT "Id" FROM org_codes."Profile" WHERE "Name" = 'Later'""").fetchall()
        setting = {"Name": "s", "Setting": "Deferred_Processing", "Value": "true", "ProfileId": later}
        insert_rows(seeding, "Sync_Setting", [setting])
    with ExitStack() as stack:
        yield Told(Stage(stack, uri, "codes", folder), {})
