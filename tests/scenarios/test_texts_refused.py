"""A long text whose field was closed before its file went up: the person is told, and the text is never lost.

Real server, real device, over HTTP (FEATURES L06, G02).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
import pytest
from tests.conftest import Databases
from tests.scenarios.stage import Stage, catch_up, org_with_two

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import SystemClock, system_world
from fieldsync.device.media.refused import NotTaken
from fieldsync.device.status.widget import WidgetState
from fieldsync.device.transport import HttpTransport, Reply
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.rights import assign

PACK = """
name: unlisted
label: Unlisted
objects:
  - name: Visit
    label: Visit
    prefix: v00
    sharing: private
    family: {conflict: override}
    fields:
      - {name: Report, type: long_text, label: Report, length: 1000}
      - {name: Summary, type: long_text, label: Summary, length: 1000}
      - {name: Aside, type: long_text, label: Aside, length: 1000}
sync_rules:
  - {object: Visit, type: full, attachment_fields: [Report, Summary, Aside]}
profiles:
  - name: Rep
    label: Rep
    objects: {'*': [read, create, edit, delete]}
    fields: {Visit: {Aside: none}}
permission_sets:
  - {name: Asides, label: Asides, fields: {Visit: {Aside: edit}}}
"""
LONG = "What was said. " * 500 + "The end."
ENDED = """UPDATE org_unlisted."Permission_Set_Assignment" SET "Expiration_Date" = now() - interval '1 day'"""
LISTED = """UPDATE org_unlisted."Sync_Rule" SET "Attachment_Fields" = %s, "_stamp" = "_stamp" + 1"""


class Clock(SystemClock):
    """The machine's clock, of which a test can let time pass."""

    passed = 0.0

    def steady(self) -> float:
        return super().steady() + self.passed


class Wire(HttpTransport):
    """The real way to the server; counts the pieces of files that set out."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.pieces = 0

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        self.pieces += path.startswith("/sync/v1/media/")
        return super().request(method, path, body, headers)


@pytest.fixture
def scene(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str, str]]:
    name = databases.create()
    with org_with_two(databases.uri(name), tmp_path_factory.mktemp("unlisted"), PACK) as made:
        yield made
    databases.drop(name)


class Ipad:
    """Sarah's, whose background does not run, and which has written visits without a network."""

    def __init__(self, stage: Stage, sarah: str) -> None:
        self.stage, self.clock, self.wires = stage, Clock(), list[Wire]()
        self.device = stage.device(sarah, "ipad", clock=self.clock, started=False, wire=self._wire)

    def _wire(self, address: str) -> HttpTransport:
        self.wires.append(Wire(address))
        return self.wires[-1]

    def write(self, **values: str) -> RecordId:
        self.device.go_offline()
        with self.device.edit() as edit:
            return edit.create("Visit", {"Name": "A visit", **values})

    def send(self) -> None:
        self.device.go_online()
        self.device.sync()
        catch_up(self.device)

    def tries_in(self, seconds: float) -> int:
        """How many pieces set out while this time passes."""
        before = sum(wire.pieces for wire in self.wires)
        for _ in range(int(seconds / 10)):
            self.clock.passed += 10
            catch_up(self.device)
        return sum(wire.pieces for wire in self.wires) - before

    def refused(self) -> NotTaken:
        [one] = self.device.media.refused()
        return one

    def text(self) -> str:
        held = self.refused().held
        return self.device.media.files.read(held, 0, held.bytes).decode()


def list_fields(stage: Stage, fields: str) -> None:
    with psycopg.connect(stage.uri) as connection:
        connection.execute(LISTED, (fields,))


def test_a_text_whose_field_was_unlisted_is_told_kept_tried_seldom_and_goes_once_it_is_listed(
    scene: tuple[Stage, str, str],
) -> None:
    stage, sarah, _ = scene
    ipad = Ipad(stage, sarah)
    visit = ipad.write(Report=LONG, Summary=LONG[::-1].strip())
    list_fields(stage, "Summary")
    ipad.send()
    assert [item.wanted.id for item in ipad.device.media.items()] == [f"{visit}.Summary"]
    assert not any(item.waits for item in ipad.device.media.items()), "what is behind it goes"
    told = ipad.refused()
    assert (told.problem.code, told.problem.field, told.record_id) == (Code.FILE_REFUSED, "Report", visit)
    assert "A visit: Report" in told.problem.message
    assert told.problem.remedy
    assert (ipad.device.widget().state, ipad.device.widget().errors) == (WidgetState.ERROR, 1)
    assert ipad.tries_in(8 * 3600) <= 20, "not every half a minute"
    ipad.device.media.sync()
    assert ipad.text() == LONG

    list_fields(stage, "Report, Summary")
    ipad.device.media.send_again(told)
    ipad.send()
    assert (ipad.device.media.refused(), ipad.device.widget().errors) == ([], 0)
    assert not any(item.waits for item in ipad.device.media.items())
    desk = stage.device(sarah, "desk", started=False)
    desk.media.sync()
    assert desk.media.text(visit, "Report", desk.get("Visit", visit).values["Report"]) == LONG  # type: ignore[union-attr]


def test_it_goes_by_itself_within_the_hour_that_it_is_listed_again(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, _ = scene
    ipad = Ipad(stage, sarah)
    ipad.write(Report=LONG)
    list_fields(stage, "Summary")
    ipad.send()
    assert ipad.tries_in(3 * 3600) > 0
    list_fields(stage, "Report, Summary")
    ipad.tries_in(3700)
    assert ipad.device.media.refused() == []


def test_a_text_whose_field_the_person_may_see_no_more_stays_until_she_gives_it_up(
    scene: tuple[Stage, str, str],
) -> None:
    stage, sarah, _ = scene
    with seeding_org(stage.uri, stage.org, system_world()) as seeding:
        assign(seeding, sarah, "Asides", None)
    ipad = Ipad(stage, sarah)
    visit = ipad.write(Aside=LONG)
    ipad.device.go_online()
    ipad.device.sync()
    assert ipad.device.queue() == [], "the row is there, its file not yet"
    with psycopg.connect(stage.uri) as connection:
        connection.execute(ENDED)
    ipad.send()
    found = ipad.device.get("Visit", visit)
    assert found is not None
    assert found.values["Aside"] is None
    ipad.device.media.sync()
    assert ipad.text() == LONG, "a sync of files does not take it away"
    assert "Aside" in ipad.refused().problem.message
    ipad.device.media.give_up(ipad.refused())
    assert ipad.device.media.refused() == []
    assert not [one for one in ipad.device.media.files.held() if one.outgoing]


def test_a_refused_text_of_which_its_row_speaks_no_more_is_no_error(scene: tuple[Stage, str, str]) -> None:
    stage, sarah, _ = scene
    ipad = Ipad(stage, sarah)
    visit = ipad.write(Report=LONG)
    list_fields(stage, "Summary")
    ipad.send()
    assert ipad.text() == LONG
    with ipad.device.edit() as edit:
        edit.update("Visit", visit, {"Report": "short"})
    ipad.send()
    ipad.tries_in(40)
    assert (ipad.device.media.refused(), ipad.device.widget().errors) == ([], 0)
    ipad.device.media.sync()
    assert not [one for one in ipad.device.media.files.held() if one.outgoing]
