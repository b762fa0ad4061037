"""Long saves travel in parts, and parts get lost, come late and come twice: a visit is there whole, once, or not at all
(FEATURES B05, B16, B17; laws L2, L5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.scenarios.stage import Stage, org_with_two, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device
from fieldsync.device.edit.session import Edit
from fieldsync.device.transport import HttpTransport, Reply
from fieldsync.protocol.upload import Transaction, UploadRequest

if TYPE_CHECKING:
    from tests.conftest import Databases

EVERYTHING = "[read, create, edit, delete]"
PACK = f"""
name: parts
label: Parts
objects:
  - name: Visit
    label: Visit
    prefix: p00
    family: {{conflict: override}}
    fields: [{{name: City, type: text}}]
  - name: Visit_Line
    label: Line
    prefix: p01
    fields: [{{name: VisitId, type: master_detail, references: Visit}}, {{name: City, type: text}}]
profiles:
  - name: Rep
    label: Rep
    objects: {{Visit: {EVERYTHING}, Visit_Line: {EVERYTHING}, User: [read]}}
"""
LINES, PARTS = 24, 3
"""Of a visit with so many lines, ten records a part."""


class LossyWire(HttpTransport):
    """HTTP on which parts of a save may be lost, and a whole request may arrive twice."""

    passes: Callable[[Transaction], bool] = staticmethod(lambda _: True)
    twice = False

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        if path.endswith("/upload") and body is not None:
            asked = msgspec.json.decode(body, type=UploadRequest)
            left = tuple(one for one in asked.transactions if self.passes(one))
            body = msgspec.json.encode(msgspec.structs.replace(asked, transactions=left))
            if self.twice:
                super().request(method, path, body, headers)
        return super().request(method, path, body, headers)


class Basement:
    """Sarah in a basement with a bad network, and Tom who looks at what the server has."""

    def __init__(self, stage: Stage, sarah: str, tom: str) -> None:
        self.stage, wires = stage, list[LossyWire]()

        def wire(address: str) -> LossyWire:
            wires.append(LossyWire(address))
            return wires[-1]

        self.sarah = stage.device(sarah, "ipad", started=False, wire=wire)
        self.tom = stage.device(tom, "windows", started=False)
        [self.wire] = wires

    def visit(self) -> RecordId:
        """A visit with its lines, as one save."""
        with self.sarah.edit() as edit:
            root = edit.create("Visit", {"Name": "v", "City": "Bonn"})
            for number in range(LINES):
                edit.create("Visit_Line", {"Name": f"{number}", "VisitId": root})
        return root

    def upload(self, *parts: int) -> bool:
        """Sarah's device sends what waits, and only these parts arrive; whether it got through."""
        self.wire.passes = lambda one: one.part in parts
        try:
            return self.sarah.sync("upload_only").successful
        except Refused as refused:
            if refused.problem.code is not Code.BUSY:
                raise
            return False

    def arrived(self, root: RecordId) -> tuple[bool, int]:
        """Whether the visit is on the server, and how many of its lines; Tom sees the same."""
        lines = [row for row in self.stage.rows("Visit_Line").values() if row["VisitId"] == root]
        found = root in self.stage.rows("Visit"), len(lines)
        self.tom.sync()
        assert found == (self.tom.get("Visit", root) is not None, lines_of(self.tom, root))
        return found

    def outcomes(self, root: RecordId) -> list[str]:
        """What the console shows of the save."""
        found = self.stage.rows("Sync_Transaction").values()
        return [row["Status"] for row in found if row["Root_Record_Id"] == root]


def think_better(dialog: Edit, root: RecordId) -> None:
    dialog.update("Visit", root, {"City": "Rome"})
    raise ValueError("she thinks better of it")


def lines_of(device: Device, root: RecordId) -> int:
    return len(device.find("Visit_Line", where={"VisitId": root}, limit=100))


@pytest.fixture(scope="module")
def basement(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Basement]:
    database = databases.create()
    folder: Path = tmp_path_factory.mktemp("parts")
    with org_with_two(databases.uri(database), folder, PACK) as (stage, sarah, tom):
        yield Basement(stage, sarah, tom)
    databases.drop(database)


def test_half_of_the_parts_is_nothing_and_when_the_rest_comes_it_runs_once(basement: Basement) -> None:
    root = basement.visit()
    assert not basement.upload(1), "the rest is lost, as often as it is tried"
    assert basement.arrived(root) == (False, 0)
    assert [(entry.record_id, entry.items) for entry in basement.sarah.queue()] == [(root, 1 + LINES)]
    assert lines_of(basement.sarah, root) == LINES, "she sees what she saved"
    assert basement.outcomes(root) == []
    assert basement.upload(2, 3), "the first part is there already"
    assert basement.arrived(root) == (True, LINES)
    assert (basement.sarah.queue(), basement.outcomes(root)) == ([], ["Success"])


def test_parts_that_come_twice_and_late_count_once(basement: Basement) -> None:
    root = basement.visit()
    basement.wire.twice = True
    assert not basement.upload(3)
    assert not basement.upload(2, 3), "two of them once more"
    assert basement.arrived(root) == (False, 0)
    assert basement.upload(1, 2, 3)
    basement.wire.twice = False
    assert basement.arrived(root) == (True, LINES)
    assert (basement.sarah.queue(), basement.outcomes(root)) == ([], ["Success"])


def test_what_is_saved_behind_an_incomplete_one_waits_and_keeps_the_order(basement: Basement) -> None:
    """Outcomes come in the order of the queue: nothing overtakes a save that is on its way."""
    root = basement.visit()
    with basement.sarah.edit() as edit:
        other = edit.create("Visit", {"Name": "next", "City": "Köln"})
    assert not basement.upload(1)
    assert other not in basement.stage.rows("Visit")
    assert basement.upload(1, 2, 3)
    assert basement.arrived(root) == (True, LINES)
    assert basement.arrived(other) == (True, 0)


def test_edits_in_sessions_inside_a_session_wait_for_the_outermost(basement: Basement) -> None:
    """The page of a visit is one session; each dialog on it is one inside. Nothing is queued while the page is open."""
    sarah = basement.sarah
    with sarah.edit() as page:
        root = page.create("Visit", {"Name": "v", "City": "Bonn"})
        for number in range(5):
            with sarah.edit() as dialog:
                dialog.create("Visit_Line", {"Name": f"{number}", "VisitId": root, "City": "x"})
            assert sarah.queue() == [], "a dialog that closes sends nothing"
        with pytest.raises(ValueError, match="thinks better"), sarah.edit() as dialog:
            think_better(dialog, root)
    assert [(entry.record_id, entry.items) for entry in sarah.queue()] == [(root, 6)]
    assert basement.upload(1)
    assert basement.arrived(root) == (True, 5)
    wait_for(lambda: basement.stage.rows("Visit")[root]["City"] == "Bonn")
