"""A detail that the server has put under another master: what was saved on a call that was submitted elsewhere lives in
a duplicate, whatever else of the original is in dispute (K05, law L5)."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.device.lab import Lab, rejected

from fieldsync.base.ids import RecordId
from fieldsync.protocol.rows import RecordRef
from fieldsync.protocol.upload import Duplicated, Result, UploadRequest, UploadResponse


def visit(lab: Lab, number: int, stamp: int) -> dict[str, Any]:
    shop = lab.server_id("Shop", 1)
    return {"Id": lab.server_id("Visit", number), "_stamp": stamp, "Name": f"V{number}", "ShopId": shop}


def duplicated(lab: Lab, line: RecordId, stamp: int = 60) -> Any:
    """The line was saved under a duplicate."""
    original, duplicate = lab.server_id("Visit", 1), lab.server_id("Visit", 2)
    outcome = Duplicated(RecordRef("Visit", original), RecordRef("Visit", duplicate))
    row = {"Id": line, "_stamp": stamp, "Name": "L", "VisitId": duplicate}
    blocks = (lab.block("Visit", visit(lab, 2, stamp)), lab.block("Visit_Line", row))

    def answer(body: bytes) -> UploadResponse:
        [sent] = msgspec.json.decode(body, type=UploadRequest).transactions
        touched = (RecordRef("Visit", duplicate), RecordRef("Visit_Line", line))
        return UploadResponse((Result(sent.n, sent.id, outcome, touched),), blocks)

    return answer


def test_a_detail_goes_with_the_duplicate_though_the_original_is_in_dispute(lab: Lab) -> None:
    lab.download(lab.block("Shop", {"Id": lab.server_id("Shop", 1), "_stamp": 5, "Name": "S"}))
    lab.download(lab.block("Visit", visit(lab, 1, 5)), full=False)
    original, duplicate = lab.server_id("Visit", 1), lab.server_id("Visit", 2)
    with lab.device.edit() as edit:
        edit.update("Visit", original, {"Notes": "refused"})
    lab.upload(lab.outcome(rejected()))
    with lab.device.edit() as edit:
        line = edit.create("Visit_Line", {"VisitId": original})
    lab.upload(duplicated(lab, line))
    assert len(lab.device.errors()) == 1, "the original is in dispute"
    found = lab.device.get("Visit_Line", line)
    assert found is not None
    assert found.values["VisitId"] == duplicate
    lab.device.undo(lab.device.errors()[0].n)
    still = lab.device.get("Visit_Line", line)
    assert still is not None, "what was kept of it beside the original is gone"
    assert still.values["VisitId"] == duplicate


def test_it_stays_where_it_is_while_an_own_edit_of_it_waits(lab: Lab) -> None:
    lab.download(lab.block("Shop", {"Id": lab.server_id("Shop", 1), "_stamp": 5, "Name": "S"}))
    lab.download(lab.block("Visit", visit(lab, 1, 5)), full=False)
    original = lab.server_id("Visit", 1)
    with lab.device.edit() as edit:
        line = edit.create("Visit_Line", {"VisitId": original})

    def meanwhile(body: bytes) -> UploadResponse:
        with lab.device.edit() as edit:
            edit.update("Visit_Line", line, {"Product": "mine"})
        response: UploadResponse = duplicated(lab, line)(body)
        return response

    lab.upload(meanwhile)
    found = lab.device.get("Visit_Line", line)
    assert found is not None
    assert (found.values["VisitId"], found.values["Product"]) == (original, "mine")
