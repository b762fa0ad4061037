"""What somebody signed stays as it was, until the signature is taken back (FEATURES L02)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Prepare
from tests.scenarios.stage import Stage, wait_for
from tests.scenarios.test_submitted_elsewhere import REP, YESTERDAY, new_account, prepare

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Device, Edit
from fieldsync.protocol.session import Platform
from fieldsync.server.org.create import seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids

SIGNED = {"Signature": "c2lnbg==", "Signature_Date": YESTERDAY}
TAKEN_BACK = {"Signature": None, "Signature_Date": None}


@pytest.fixture
def stage(template_database: Callable[[str, Prepare], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, template_database("twice", prepare), "twice", tmp_path)


def visited(device: Device, account: RecordId, **values: Any) -> tuple[RecordId, RecordId]:
    """A saved call with an expense."""
    with device.edit() as edit:
        begun = {"AccountId": account, "Call_Date": YESTERDAY, "Status": "Saved"}
        call = edit.create("Call", {**begun, **values})
        return call, edit.create("Call_Expense", {"CallId": call, "Type": "Meal", "Amount": 10})


def refused(device: Device, act: Callable[[Edit], object]) -> None:
    with pytest.raises(Refused) as why, device.edit() as edit:
        act(edit)
    assert why.value.problem.code is Code.SIGNED


def test_a_signed_call_takes_no_change_on_its_device_but_its_submission(stage: Stage) -> None:
    ipad = stage.device(REP, "ipad")
    call, expense = visited(ipad, new_account(ipad), **SIGNED)
    refused(ipad, lambda edit: edit.update("Call", call, {"Notes": "more"}))
    refused(ipad, lambda edit: edit.update("Call_Expense", expense, {"Amount": 900}))
    refused(ipad, lambda edit: edit.create("Call_Expense", {"CallId": call, "Type": "Meal", "Amount": 9}))
    refused(ipad, lambda edit: edit.delete("Call_Expense", expense))
    refused(ipad, lambda edit: edit.delete("Call", call))
    with ipad.edit() as edit:
        edit.create("Task", {"CallId": call, "Name": "Bring the study"})
    with ipad.edit() as edit:
        edit.update("Call", call, {"Status": "Submitted", "Submitted_Date": YESTERDAY})
    wait_for(lambda: not ipad.queue())
    assert ipad.errors() == []
    row = stage.rows("Call")[call]
    assert (row["Status"], row["Signature"], row["Notes"]) == ("Submitted", "c2lnbg==", None)


def test_what_is_saved_elsewhere_of_a_call_that_was_signed_meanwhile_is_refused_by_the_server(stage: Stage) -> None:
    ipad, iphone = stage.device(REP, "ipad"), stage.device(REP, "iphone", Platform.IPHONE)
    call, _ = visited(ipad, new_account(ipad))
    wait_for(lambda: iphone.find("Call_Expense", where={"CallId": call}))
    iphone.go_offline()
    with ipad.edit() as edit:
        edit.update("Call", call, SIGNED)
    wait_for(lambda: stage.rows("Call")[call]["Signature"] == "c2lnbg==")
    [expense] = iphone.find("Call_Expense", where={"CallId": call})
    with iphone.edit() as edit:
        edit.update("Call_Expense", expense.id, {"Amount": 900})
    iphone.go_online()
    wait_for(iphone.errors)
    [error] = iphone.errors()
    assert [one.code for one in error.problems] == [Code.SIGNED]
    assert float(stage.rows("Call_Expense")[expense.id]["Amount"]) == 10
    iphone.undo(error.n)
    wait_for(lambda: iphone.find("Call", where={"Id": call, "Signature_Date": YESTERDAY}))
    refused(iphone, lambda edit: edit.update("Call_Expense", expense.id, {"Amount": 900}))


def test_a_signature_is_taken_back_with_the_change_and_the_journal_keeps_it(stage: Stage) -> None:
    ipad = stage.device(REP, "ipad")
    account = new_account(ipad)
    ipad.go_offline()
    call, expense = visited(ipad, account, **SIGNED)
    with ipad.edit() as edit:
        edit.update("Call", call, TAKEN_BACK)
        edit.update("Call_Expense", expense, {"Amount": 12})
    with ipad.edit() as edit:
        edit.update("Call", call, {"Notes": "one more", **SIGNED})
    refused(ipad, lambda edit: edit.update("Call", call, {"Notes": "more"}))
    ipad.go_online()
    wait_for(lambda: not ipad.queue())
    assert ipad.errors() == []
    row = stage.rows("Call")[call]
    assert (row["Signature"], row["Notes"]) == ("c2lnbg==", "one more")
    told = [str(row["Field_Values"]) for row in stage.rows("Sync_Transaction_Record").values()]
    assert sum("c2lnbg==" in one for one in told) == 3, "as it was given, taken back, and given again"


def acknowledged(stage: Stage, device: Device) -> tuple[RecordId, RecordId]:
    """What an account confirms, with one document."""
    with seeding_org(stage.uri, "twice", stage.world) as seeding:
        [leaflet] = mint_ids(seeding, "Content", 1)
        insert_rows(seeding, "Content", [{"Id": leaflet, "Name": "A leaflet", "Title": "A leaflet"}])
    account = new_account(device)
    with device.edit() as edit:
        whole = edit.create("Content_Acknowledgment", {"AccountId": account})
        item = {"Content_AcknowledgmentId": whole, "ContentId": leaflet, "Comments": "the leaflet"}
        return whole, edit.create("Content_Acknowledgment_Item", item)


def test_what_is_signed_and_never_submitted_takes_no_other_details_either(stage: Stage) -> None:
    ipad, iphone = stage.device(REP, "ipad"), stage.device(REP, "iphone", Platform.IPHONE)
    whole, item = acknowledged(stage, ipad)
    wait_for(lambda: iphone.find("Content_Acknowledgment_Item", where={"Id": item}))
    iphone.go_offline()
    with ipad.edit() as edit:
        edit.update("Content_Acknowledgment", whole, SIGNED)
        edit.update("Content_Acknowledgment_Item", item, {"Delivery": "Shown"})
    refused(ipad, lambda edit: edit.update("Content_Acknowledgment_Item", item, {"Comments": "another"}))
    refused(ipad, lambda edit: edit.delete("Content_Acknowledgment_Item", item))
    refused(ipad, lambda edit: edit.update("Content_Acknowledgment", whole, {"Comments": "another"}))
    with ipad.edit() as edit:
        edit.update("Content_Acknowledgment", whole, {"Status": "Acknowledged"})
    wait_for(lambda: stage.rows("Content_Acknowledgment")[whole]["Status"] == "Acknowledged")
    assert stage.rows("Content_Acknowledgment_Item")[item]["Delivery"] == "Shown"

    with iphone.edit() as edit:
        edit.update("Content_Acknowledgment_Item", item, {"Comments": "another"})
    iphone.go_online()
    wait_for(iphone.errors)
    assert [one.code for one in iphone.errors()[0].problems] == [Code.SIGNED]
    assert stage.rows("Content_Acknowledgment_Item")[item]["Comments"] == "the leaflet"
    with ipad.edit() as edit:
        edit.update("Content_Acknowledgment", whole, TAKEN_BACK)
        edit.update("Content_Acknowledgment_Item", item, {"Comments": "another"})
    wait_for(lambda: stage.rows("Content_Acknowledgment_Item")[item]["Comments"] == "another")
    assert ipad.errors() == []
