"""A file that was made here, whose record leaves this device after its save went up and before the file did: it goes
all the same, or its person is told (law L1). What she deleted herself takes its files along, without a word.

Real server, real device, over HTTP (FEATURES L06, L08).
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.device.media.media import NewFile
from fieldsync.device.status.widget import WidgetState

PACK = """
name: leaving
label: Leaving
objects:
  - name: Visit
    label: Visit
    prefix: v00
    sharing: private
    family: {conflict: override}
    fields:
      - {name: Status, type: text}
      - {name: Report, type: long_text, label: Report, length: 1000}
  - name: Talk
    label: Talk
    prefix: v01
    sharing: controlled_by_parent
    fields:
      - {name: VisitId, type: master_detail, label: Visit, references: Visit}
      - {name: Said, type: long_text, label: Said, length: 1000}
  - name: Photo
    label: Photo
    prefix: v02
    sharing: private
    fields:
      - {name: Status, type: text}
      - {name: Checksum, type: text, length: 64}
      - {name: Bytes, type: number, precision: 15, scale: 0}
      - {name: Media_Type, type: text}
      - {name: File_Name, type: text}
sync_rules:
  - {object: Visit, where: "Status != 'Done'", attachment_fields: [Report]}
  - {object: Talk, type: full, attachment_fields: [Said]}
  - {object: Photo, where: "Status != 'Done'"}
profiles:
  - {name: Rep, label: Rep, objects: {'*': [read, create, edit, delete]}}
"""
PICTURE = b"not really a picture" * 100
DONE = 'UPDATE org_leaving.{} SET "Status" = %s, "_stamp" = "_stamp" + 1 WHERE "Id" = %s'
GIVEN_AWAY = """UPDATE org_leaving.{} SET "OwnerId" = (SELECT "Id" FROM org_leaving."User" WHERE "Username" = %s),
"_stamp" = "_stamp" + 1 WHERE "Id" = %s"""


@pytest.fixture(scope="module")
def scene(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str, str]]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("leaving"), PACK) as made:
        yield made
    databases.drop(name)


class Made:
    """A visit with a long report, one with a long talk below it, and a photo: their rows are on the server, their files
    are not."""

    def __init__(self, stage: Stage, sarah: str, name: str) -> None:
        self.ipad = ipad = stage.device(sarah, name, started=False)
        self.text = f"What was said to {name}. " * 500 + "The end."
        ipad.go_offline()
        with ipad.edit() as edit:
            self.visit = edit.create("Visit", {"Name": "A visit", "Report": self.text})
        with ipad.edit() as edit:
            self.other = edit.create("Visit", {"Name": "Another"})
            self.talk = edit.create("Talk", {"Name": "A talk", "VisitId": self.other, "Said": self.text})
        with ipad.edit() as edit:
            self.photo = ipad.media.attach(edit, "Photo", {"Name": "A photo"}, NewFile("a.png", "image/png", PICTURE))
        ipad.go_online()
        ipad.sync()
        assert ipad.queue() == []
        assert self.waiting == {f"{self.visit}.Report", f"{self.talk}.Said", self.photo}

    @property
    def waiting(self) -> set[str]:
        """Files that are not on the server."""
        return {one.id for one in self.ipad.media.files.held() if one.outgoing}

    def leave(self, stage: Stage, sql: str, value: str) -> None:
        """The records leave Sarah's view for what somebody else did to them."""
        with psycopg.connect(stage.uri) as connection:
            for name, record in (("Visit", self.visit), ("Visit", self.other), ("Photo", self.photo)):
                connection.execute(sql.format(f'"{name}"'), (value, record))
        self.ipad.sync("full")
        assert self.ipad.get("Visit", self.visit) is None
        assert self.ipad.get("Photo", self.photo) is None


def kept(stage: Stage) -> set[tuple[str, int]]:
    """The files that are whole on the server."""
    with psycopg.connect(stage.uri) as connection:
        return set(connection.execute("SELECT record_id, bytes FROM org_leaving._file WHERE whole").fetchall())


def test_what_left_the_view_by_its_rule_goes_up_all_the_same(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, _ = scene
    made = Made(stage, sarah, "rule-ipad")
    made.leave(stage, DONE, "Done")
    made.ipad.media.sync()
    assert made.waiting, "a sync of files does not take away what nobody else has"
    catch_up(made.ipad)
    assert made.waiting == set()
    files = {(made.visit, len(made.text)), (made.talk, len(made.text)), (made.photo, len(PICTURE))}
    assert files <= kept(stage)
    assert made.ipad.media.refused() == []


def test_what_she_may_not_see_any_more_is_told_and_kept_until_she_gives_it_up(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, tom = scene
    made = Made(stage, sarah, "away-ipad")
    made.leave(stage, GIVEN_AWAY, tom)
    catch_up(made.ipad)
    made.ipad.media.sync()
    told = made.ipad.media.refused()
    assert {one.record_id for one in told} == {made.visit, made.talk, made.photo}
    assert {one.problem.code for one in told} == {Code.FILE_REFUSED}
    assert (made.ipad.widget().state, made.ipad.widget().errors) == (WidgetState.ERROR, 3)
    texts = [made.ipad.media.files.read(one.held, 0, one.held.bytes).decode() for one in told if one.is_text]
    assert texts == [made.text, made.text]
    for one in told:
        made.ipad.media.give_up(one)
    assert (made.ipad.media.refused(), made.waiting) == ([], set())


@pytest.mark.parametrize("tried", [False, True], ids=["before it was tried", "after it was refused"])
def test_what_she_deleted_herself_takes_its_files_along(scene: tuple[Stage, str, str], *, tried: bool) -> None:
    stage, sarah, _ = scene
    made = Made(stage, sarah, f"deleting-{tried}-ipad")
    ipad = made.ipad
    if tried:
        for one in ipad.media.files.held():
            ipad.media.files.refuse(one)
        ipad.media._outgoing.count()
        assert len(ipad.media.refused()) == 3
    for name, record in (("Visit", made.visit), ("Visit", made.other), ("Photo", made.photo)):
        with ipad.edit() as edit:
            edit.delete(name, record)
    ipad.sync()
    assert ipad.queue() == []
    catch_up(ipad)
    assert ipad.media.refused() == []
    assert ipad.widget().state is not WidgetState.ERROR
    ipad.media.sync()
    assert made.waiting == set()
    assert not any(record[:18] in (made.visit, made.talk, made.photo) for record, _ in kept(stage))


def test_what_was_deleted_before_it_was_sent_leaves_no_file(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, _ = scene
    ipad = stage.device(sarah, "unsent-ipad", started=False)
    ipad.go_offline()
    with ipad.edit() as edit:
        photo = ipad.media.attach(edit, "Photo", {"Name": "A photo"}, NewFile("a.png", "image/png", PICTURE))
        assert ipad.media.files.held(), "there before its record is"
    with ipad.edit() as edit:
        edit.delete("Photo", photo)
    assert ipad.queue() == []
    ipad.go_online()
    catch_up(ipad)
    ipad.media.sync()
    assert [one.id for one in ipad.media.files.held() if one.outgoing] == []


def test_a_photo_of_a_record_that_is_not_saved_yet_stays(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, _ = scene
    ipad = stage.device(sarah, "unsaved-ipad", started=False)
    with ipad.edit() as edit:
        photo = ipad.media.attach(edit, "Photo", {"Name": "A photo"}, NewFile("a.png", "image/png", PICTURE))
        catch_up(ipad)
        ipad.media.sync()
        assert [one.id for one in ipad.media.files.held() if one.outgoing] == [photo]
    ipad.media._outgoing.look_again()  # else in half a minute
    catch_up(ipad)
    assert (RecordId(photo), len(PICTURE)) in kept(stage)
