"""What Sarah does with what was refused: at once and offline, each alone, and only what she was shown goes with it
(FEATURES G02, G04 to G07, G11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.stage import Stage, two_made

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device import Device, ErrorRaised, Event

EVERYTHING = "[read, create, edit, delete]"
PACK = f"""
name: back
label: Back
objects:
  - name: Doctor
    label: Doctor
    prefix: b00
    fields: [{{name: City, type: text}}, {{name: Phone, type: text}}]
    validation_rules:
      - {{name: Polite, condition: 'AND(City = "bad", OR(ISNEW(), TRUE))', message: Be polite., field: City}}
  - name: Visit
    label: Visit
    prefix: b01
    family: {{conflict: error}}
    fields: [{{name: City, type: text}}, {{name: DoctorId, type: lookup, references: Doctor}}]
  - name: Visit_Line
    label: Line
    prefix: b02
    fields: [{{name: VisitId, type: master_detail, references: Visit}}]
profiles:
  - name: Rep
    label: Rep
    objects: {{Doctor: {EVERYTHING}, Visit: {EVERYTHING}, Visit_Line: {EVERYTHING}, User: [read]}}
"""


class Practice:
    """Sarah and Tom, whose devices work when they are told to."""

    def __init__(self, stage: Stage, sarah: str, tom: str) -> None:
        self.stage = stage
        self.sarah, self.tom = stage.device(sarah, "ipad", started=False), stage.device(tom, "windows", started=False)

    def doctors(self, count: int) -> list[RecordId]:
        """Doctors that both have on their devices."""
        made = []
        for number in range(count):
            with self.sarah.edit() as edit:
                made.append(edit.create("Doctor", {"Name": f"D{number}", "City": "Bonn"}))
        assert self.sarah.sync().successful
        assert self.tom.sync().successful
        return made


@pytest.fixture
def practice(made: str, tmp_path: Path) -> Iterator[Practice]:
    with two_made(made, tmp_path, PACK) as (stage, sarah, tom):
        yield Practice(stage, sarah, tom)


def change(device: Device, record: RecordId, **values: str) -> None:
    with device.edit() as edit:
        edit.update("Doctor", record, values)


def shown(device: Device, object_name: str, record: RecordId) -> dict[str, object] | None:
    found = device.get(object_name, record)
    return None if found is None else dict(found.values)


def test_five_errors_of_one_sync_are_told_once_and_are_all_in_the_list(practice: Practice) -> None:
    sarah, told = practice.sarah, list[Event]()
    doctors = practice.doctors(5)
    sarah.subscribe(told.append)
    for doctor in doctors:
        change(sarah, doctor, City="bad")
    sarah.sync()
    assert [len(event.entries) for event in told if isinstance(event, ErrorRaised)] == [5]
    assert len(sarah.errors()) == 5


def test_undo_brings_the_value_back_at_once_offline_and_leaves_every_other_edit(practice: Practice) -> None:
    sarah = practice.sarah
    bad, other = practice.doctors(2)
    change(sarah, bad, City="bad")
    sarah.sync()
    [error] = sarah.errors()
    sarah.go_offline()
    change(sarah, other, City="Mainz")
    assert sarah.undone_with(error.n) == [error.n]
    sarah.undo(error.n)
    assert (shown(sarah, "Doctor", bad) or {})["City"] == "Bonn"
    assert (shown(sarah, "Doctor", other) or {})["City"] == "Mainz"
    assert [entry.record_id for entry in sarah.queue()] == [other]
    sarah.go_online()
    assert sarah.sync().successful
    rows = practice.stage.rows("Doctor")
    assert (rows[bad]["City"], rows[other]["City"]) == ("Bonn", "Mainz")


def test_a_later_save_of_the_record_is_named_and_goes_with_it_or_both_stay(practice: Practice) -> None:
    sarah = practice.sarah
    [doctor] = practice.doctors(1)
    change(sarah, doctor, City="bad")
    sarah.sync()
    change(sarah, doctor, Phone="1")
    first, second = sarah.errors()
    assert sarah.undone_with(first.n) == [first.n, second.n], "she is asked about both"
    assert (shown(sarah, "Doctor", doctor) or {})["Phone"] == "1", "until she decides both stay"
    sarah.undo(first.n)
    assert (sarah.errors(), sarah.queue()) == ([], [])
    found = shown(sarah, "Doctor", doctor) or {}
    assert (found["City"], found["Phone"]) == ("Bonn", None)


def test_undelete_brings_a_visit_and_its_lines_back_offline_with_what_is_new(practice: Practice) -> None:
    """Tom changed the visit that Sarah deleted without having seen it: her delete is refused."""
    sarah, tom = practice.sarah, practice.tom
    with sarah.edit() as edit:
        visit = edit.create("Visit", {"Name": "v", "City": "Bonn"})
        lines = {edit.create("Visit_Line", {"Name": f"{n}", "VisitId": visit}) for n in range(3)}
    assert sarah.sync().successful
    assert tom.sync().successful
    with tom.edit() as edit:
        edit.update("Visit", visit, {"City": "Köln"})
    assert tom.sync().successful
    with sarah.edit() as edit:
        edit.delete("Visit", visit)
    assert shown(sarah, "Visit", visit) is None
    sarah.sync()
    [error] = sarah.errors()
    assert [one.code for one in error.problems] == [Code.DELETE_DENIED]
    sarah.go_offline()
    sarah.undo(error.n)
    assert (shown(sarah, "Visit", visit) or {})["City"] == "Köln", "with what the answer brought"
    assert {one.id for one in sarah.find("Visit_Line", where={"VisitId": visit})} == lines
    sarah.go_online()
    assert sarah.sync().successful
    assert (sarah.errors(), sarah.queue()) == ([], [])
    assert visit in practice.stage.rows("Visit")
    assert practice.stage.rows("Visit_Line").keys() == lines


def test_a_create_that_failed_goes_with_what_was_made_for_it(practice: Practice) -> None:
    sarah = practice.sarah
    with sarah.edit() as edit:
        doctor = edit.create("Doctor", {"Name": "W", "City": "bad"})
    with sarah.edit() as edit:
        visit = edit.create("Visit", {"Name": "v", "DoctorId": doctor})
    sarah.sync()
    first, held = sarah.errors()
    assert (first.record_id, held.record_id, held.waiting_for) == (doctor, visit, (first.n,))
    assert sarah.undone_with(first.n) == [first.n, held.n], "the visit that hangs on it is named"
    sarah.undo(first.n)
    assert (shown(sarah, "Doctor", doctor), shown(sarah, "Visit", visit)) == (None, None)
    assert sarah.sync().successful
    assert (sarah.errors(), sarah.queue(), practice.stage.rows("Doctor")) == ([], [], {})
