"""Sarah and Tom change the same record, one of them without a network: the rules of docs/explanation/conflict-rules.md,
each told once with real devices (FEATURES K01 to K12, G14, G19, B05, B17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs, parse_pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

if TYPE_CHECKING:
    from tests.conftest import Databases

EVERYTHING = "[read, create, edit, delete]"
PACK = f"""
name: same
label: Same
objects:
  - name: Doctor
    label: Doctor
    prefix: s00
    mergeable: true
    fields:
      - {{name: City, type: text}}
      - {{name: Phone, type: text}}
      - {{name: Score, type: number, precision: 8, scale: 2, conflict: server}}
      - {{name: Number, type: text, length: 20, external_id: true}}
    duplicate_rules: [{{name: Same_Number, fields: [Number], when_alike: link}}]
  - name: Activity
    label: Activity
    prefix: s01
    conflict: device
    fields: [{{name: City, type: text}}]
  - name: Depot
    label: Depot
    prefix: s02
    when_deleted_elsewhere: recreate
    fields: [{{name: City, type: text}}, {{name: Phone, type: text}}]
  - name: Visit
    label: Visit
    prefix: s03
    mergeable: true
    family: {{conflict: override}}
    fields:
      - {{name: City, type: text}}
      - {{name: DoctorId, type: lookup, references: Doctor}}
      - {{name: Number, type: text, length: 20, external_id: true}}
    duplicate_rules: [{{name: Same_Number, fields: [Number], when_alike: link}}]
  - name: Visit_Line
    label: Line
    prefix: s04
    fields: [{{name: VisitId, type: master_detail, references: Visit}}, {{name: City, type: text}}]
    validation_rules: [{{name: Polite, condition: 'AND(City = "bad", OR(ISNEW(), TRUE))', message: Be polite.}}]
profiles:
  - name: Rep
    label: Rep
    objects:
      Doctor: {EVERYTHING}
      Activity: {EVERYTHING}
      Depot: {EVERYTHING}
      Visit: {EVERYTHING}
      Visit_Line: {EVERYTHING}
      User: [read]
"""


class Two:
    """Sarah, who loses her network now and then, and Tom, who does not."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sarah = stage.device("sarah@same.example", "ipad")
        self.tom = stage.device("tom@same.example", "windows")

    def record(self, name: str, **values: Any) -> RecordId:
        """A record that both have on their devices."""
        with self.sarah.edit() as edit:
            record = edit.create(name, {"Name": "n", "City": "Bonn", **values})
        wait_for(lambda: record in self.stage.rows(name))
        assert self.tom.sync().successful
        return record

    def both(self, tom: Callable[[Device], object], sarah: Callable[[Device], object]) -> None:
        """Tom does something online while Sarah, offline, does something else; then her network is back."""
        self.sarah.go_offline()
        tom(self.tom)
        wait_for(lambda: not self.tom.queue())
        sarah(self.sarah)
        self.sarah.go_online()
        wait_for(lambda: all(entry.state.value in ("failed", "held") for entry in self.sarah.queue()))

    def error(self, record: RecordId) -> Problem | None:
        """Why Sarah's save of a record is in her error list."""
        found = [p for entry in self.sarah.errors() if record in entry.records for p in entry.problems]
        return found[0] if found else None


@pytest.fixture(scope="module")
def two(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    database = databases.create()
    uri, world = databases.uri(database), system_world()
    admin = NewUser("admin@same.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, "same", build([*load_packs(("platform",)), parse_pack(PACK, "same")]), admin=admin, world=world)
    with seeding_org(uri, "same", world) as seeding:
        for name in ("sarah", "tom"):
            create_user(seeding, NewUser(f"{name}@same.example", PASSWORD, "Rep", name), world.chance)
    with ExitStack() as stack:
        yield Two(Stage(stack, uri, "same", tmp_path_factory.mktemp("same")))
    databases.drop(database)


def change(name: str, record: RecordId, **values: Any) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.update(name, record, values)

    return act


def remove(name: str, record: RecordId) -> Callable[[Device], None]:
    def act(device: Device) -> None:
        with device.edit() as edit:
            edit.delete(name, record)

    return act


def test_the_first_save_wins_and_the_second_is_told_everything(two: Two) -> None:
    doctor = two.record("Doctor")
    two.both(change("Doctor", doctor, City="Köln"), change("Doctor", doctor, City="Mainz"))
    assert two.stage.rows("Doctor")[doctor]["City"] == "Köln"
    told = two.error(doctor)
    assert told is not None
    assert (told.code, told.field) == (Code.CONFLICT_OLD_VALUE, "City")
    assert [told.details[one] for one in ("base", "mine", "theirs")] == ["Bonn", "Mainz", "Köln"]
    assert told.details["who"] == two.tom.account.user.id  # type: ignore[union-attr]
    assert told.details["when"]
    shown = two.sarah.get("Doctor", doctor)
    assert shown is not None
    assert shown.values["City"] == "Mainz", "what she sees is hers until she decides"
    [entry] = [one for one in two.sarah.errors() if doctor in one.records]
    two.sarah.undo(entry.n)
    assert two.sarah.get("Doctor", doctor).values["City"] == "Köln"  # type: ignore[union-attr]


def test_different_fields_both_live(two: Two) -> None:
    doctor = two.record("Doctor")
    two.both(change("Doctor", doctor, City="Köln"), change("Doctor", doctor, Phone="1"))
    row = two.stage.rows("Doctor")[doctor]
    assert (row["City"], row["Phone"], two.error(doctor)) == ("Köln", "1", None)


def test_the_same_new_value_is_no_conflict(two: Two) -> None:
    doctor = two.record("Doctor")
    two.both(change("Doctor", doctor, City="Köln"), change("Doctor", doctor, City="Köln "))
    assert two.error(doctor) is None


def test_a_field_may_say_that_the_server_wins(two: Two) -> None:
    doctor = two.record("Doctor", Score=1)
    two.both(change("Doctor", doctor, Score=2), change("Doctor", doctor, Score=3))
    assert (float(two.stage.rows("Doctor")[doctor]["Score"]), two.error(doctor)) == (2.0, None)
    wait_for(lambda: float(str(two.sarah.get("Doctor", doctor).values["Score"])) == 2)  # type: ignore[union-attr]


def test_what_the_clients_own_takes_the_last_save(two: Two) -> None:
    """An account is the server's and is checked; an activity is the field's and is overwritten (K08)."""
    activity = two.record("Activity")
    two.both(change("Activity", activity, City="Köln"), change("Activity", activity, City="Mainz"))
    assert (two.stage.rows("Activity")[activity]["City"], two.error(activity)) == ("Mainz", None)


def test_what_the_clients_own_is_deleted_though_it_was_changed(two: Two) -> None:
    activity, doctor = two.record("Activity"), two.record("Doctor")
    two.both(change("Activity", activity, City="Köln"), remove("Activity", activity))
    assert (two.error(activity), activity in two.stage.rows("Activity")) == (None, False)
    two.both(change("Doctor", doctor, City="Köln"), remove("Doctor", doctor))
    told = two.error(doctor)
    assert told is not None
    assert told.code is Code.DELETE_DENIED
    assert doctor in two.stage.rows("Doctor")


def test_deleted_online_and_edited_offline_is_an_error_and_nothing_is_lost(two: Two) -> None:
    doctor = two.record("Doctor")
    two.both(remove("Doctor", doctor), change("Doctor", doctor, City="Mainz"))
    told = two.error(doctor)
    assert told is not None
    assert told.code is Code.ENTITY_DELETED
    [entry] = [one for one in two.sarah.errors() if doctor in one.records]
    assert [(one.column, one.new) for one in entry.content] == [("City", "Mainz")]


def test_an_object_may_bring_the_record_back(two: Two) -> None:
    depot = two.record("Depot", Phone="1")
    two.both(remove("Depot", depot), change("Depot", depot, City="Mainz"))
    row = two.stage.rows("Depot")[depot]
    assert (row["City"], row["Phone"], two.error(depot)) == ("Mainz", "1", None)
    assert two.tom.sync().successful
    assert two.tom.get("Depot", depot).values["City"] == "Mainz"  # type: ignore[union-attr]


def test_deleted_on_both_sides_is_done(two: Two) -> None:
    doctor = two.record("Doctor")
    two.both(remove("Doctor", doctor), remove("Doctor", doctor))
    assert two.error(doctor) is None
    assert doctor not in two.stage.rows("Doctor")


def test_in_a_family_header_and_line_are_changed_side_by_side(two: Two) -> None:
    visit = two.record("Visit")
    line = two.record("Visit_Line", VisitId=visit)
    two.both(change("Visit_Line", line, City="Köln"), change("Visit", visit, City="Mainz"))
    assert two.error(visit) is None
    assert (two.stage.rows("Visit")[visit]["City"], two.stage.rows("Visit_Line")[line]["City"]) == ("Mainz", "Köln")


def test_two_doctors_with_one_number_are_one(two: Two) -> None:
    """What Sarah entered offline becomes Tom's record, and so does the visit she made to it."""
    made: list[RecordId] = []

    def by_tom(device: Device) -> None:
        with device.edit() as edit:
            made.append(edit.create("Doctor", {"Name": "Weber", "Number": "77", "City": "Köln"}))

    def by_sarah(device: Device) -> None:
        with device.edit() as edit:
            made.append(edit.create("Doctor", {"Name": "Weber", "Number": "77"}))
        with device.edit() as edit:
            made.append(edit.create("Visit", {"Name": "v", "DoctorId": made[1]}))

    two.both(by_tom, by_sarah)
    doctor, hers, visit = made
    doctors, visits = two.stage.rows("Doctor"), two.stage.rows("Visit")
    assert [one for one, row in doctors.items() if row["Number"] == "77"] == [doctor]
    assert visits[visit]["DoctorId"] == doctor
    assert two.sarah.get("Doctor", hers) is None
    assert two.sarah.get("Doctor", doctor).values["City"] == "Köln"  # type: ignore[union-attr]
    assert two.sarah.get("Visit", visit).values["DoctorId"] == doctor  # type: ignore[union-attr]
    [notice] = [one for one in two.sarah.notices() if one.problem.code is Code.LINKED]
    assert notice.record.id == doctor


def test_a_visit_with_24_lines_travels_in_three_parts_and_is_saved_whole_or_not_at_all(two: Two) -> None:
    """Sessions inside a session join it: one visit, one entry of the queue, 25 records (B05, B17)."""

    def visit(last: str) -> RecordId:
        with two.sarah.edit() as outer:
            root = outer.create("Visit", {"Name": "v", "City": "Bonn"})
            for number in range(24):
                with two.sarah.edit() as inner:
                    inner.create("Visit_Line", {"Name": "l", "VisitId": root, "City": last if number == 23 else "x"})
        return root

    two.sarah.go_offline()
    good = visit("x")
    bad = visit("bad")
    assert [(entry.record_id, entry.items) for entry in two.sarah.queue()][-2:] == [(good, 25), (bad, 25)]
    two.sarah.go_online()
    wait_for(lambda: two.error(bad))
    told = two.error(bad)
    assert told is not None
    assert told.code is Code.VALIDATION
    lines = [row["VisitId"] for row in two.stage.rows("Visit_Line").values()]
    assert lines.count(good) == 24
    assert lines.count(bad) == 0
    assert bad not in two.stage.rows("Visit"), "a failure in the third part undoes all"
