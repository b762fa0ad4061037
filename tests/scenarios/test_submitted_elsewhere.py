"""Sarah submits on one device what she had edited offline on the other (FEATURES K05, K06, K07, K14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import Prepare
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@twice.example"
YESTERDAY = "2026-03-01T09:00:00+00:00"
KINDS: dict[str, tuple[dict[str, Any], str, object]] = {
    "Call_Detail": ({}, "Notes", "asked for a study"),
    "Call_Sample": ({"Quantity": 2}, "Quantity", 3),
    "Call_Discussion": ({}, "Discussion", "about the dose"),
    "Medical_Discussion": ({}, "Subtopic", "dose"),
    "Call_Key_Message": ({}, "Message", "safe"),
    "Call_Expense": ({"Type": "Meal", "Amount": 10}, "Amount", 25),
    "Call_Clickstream": ({}, "Answer", "yes"),
}
"""The seven kinds of details: what each needs, and what is edited of it."""
HAS_PRODUCT = ("Call_Detail", "Call_Sample")


def prepare(uri: str) -> None:
    admin = NewUser("admin@twice.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(uri, "twice", build(load_packs()), admin=admin, world=world)
    with seeding_org(uri, "twice", world) as seeding:
        create_user(seeding, NewUser(REP, PASSWORD, "Field_Representative", "Sarah"), world.chance)
        insert_rows(seeding, "Product", [{"Name": "Cardiva"}])


@pytest.fixture
def stage(template_database: Callable[[str, Prepare], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, template_database("twice", prepare), "twice", tmp_path)


@pytest.fixture
def devices(stage: Stage) -> tuple[Device, Device]:
    return stage.device(REP, "ipad"), stage.device(REP, "iphone", Platform.IPHONE)


def saved_call(ipad: Device, iphone: Device, account: RecordId) -> RecordId:
    """A call that both devices hold."""
    with ipad.edit() as edit:
        call = edit.create(
            "Call",
            {
                "AccountId": account,
                "Call_Date": YESTERDAY,
                "Status": "Saved",
                "Location": "Ward 3",
            },
        )
        edit.create("Call_Expense", {"CallId": call, "Type": "Meal", "Amount": 10})
    wait_for(lambda: iphone.find("Call_Expense", where={"CallId": call}))
    return call


def new_account(ipad: Device) -> RecordId:
    with ipad.edit() as edit:
        return edit.create("Account", {"Name": "Dr. Weber"})


def submit(device: Device, stage: Stage, object_name: str, record: RecordId) -> None:
    signed = {"Signature": "c2lnbg==", "Signature_Date": YESTERDAY} if object_name == "Call" else {}
    with device.edit() as edit:
        edit.update(object_name, record, {"Status": "Submitted", **signed})
    wait_for(lambda: stage.rows(object_name)[record]["Status"] == "Submitted")


def test_edits_of_a_call_that_was_submitted_elsewhere_are_in_one_duplicate(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    call = saved_call(ipad, iphone, new_account(ipad))
    [expense] = iphone.find("Call_Expense", where={"CallId": call})
    iphone.go_offline()
    submit(ipad, stage, "Call", call)

    with iphone.edit() as edit:
        edit.update("Call", call, {"Location": "Ward 9"})
        edit.update("Call_Expense", expense.id, {"Amount": 25})
        sample = edit.create("Call_Expense", {"CallId": call, "Type": "Drinks", "Amount": 4})
    iphone.go_online()
    wait_for(lambda: not iphone.queue() and iphone.notices())

    calls = stage.rows("Call")
    original, duplicate = calls[call], next(row for one, row in calls.items() if one != call)
    assert (original["Status"], original["Location"], original["Signature"]) == ("Submitted", "Ward 3", "c2lnbg==")
    assert (duplicate["Status"], duplicate["Location"]) == ("Saved", "Ward 9")
    assert (duplicate["Signature"], duplicate["Signature_Date"]) == (None, None)
    assert (original["Duplicate_CallId"], duplicate["Original_CallId"]) == (duplicate["Id"], call)
    assert original["Duplicate_Reason"]
    assert duplicate["Duplicate_Reason"]
    amounts = {(row["CallId"], float(row["Amount"])) for row in stage.rows("Call_Expense").values()}
    assert amounts == {(call, 10.0), (duplicate["Id"], 25.0), (duplicate["Id"], 4.0)}
    assert stage.rows("Call_Expense")[sample]["CallId"] == duplicate["Id"], "what is new keeps its id"

    [notice] = iphone.notices()
    assert (notice.problem.code, notice.record.id) == (Code.DUPLICATED_ELSEWHERE, duplicate["Id"])
    assert iphone.errors() == []
    for device in (ipad, iphone):
        assert device.sync().successful
        assert {r.id: r.values["Location"] for r in device.find("Call")} == {call: "Ward 3", duplicate["Id"]: "Ward 9"}
        shown = {(r.values["CallId"], float(str(r.values["Amount"]))) for r in device.find("Call_Expense")}
        assert shown == amounts


def test_the_duplicate_takes_edited_details_of_all_seven_kinds_and_no_others(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    [product] = ipad.find("Product")
    call = saved_call(ipad, iphone, new_account(ipad))
    edited: dict[str, RecordId] = {}
    with ipad.edit() as edit:
        for kind, (needed, _, _) in KINDS.items():
            values = {**needed, "CallId": call} | ({"ProductId": product.id} if kind in HAS_PRODUCT else {})
            edited[kind] = edit.create(kind, values)
            edit.create(kind, values)
    wait_for(lambda: len(iphone.find("Call_Clickstream", where={"CallId": call})) == 2)
    iphone.go_offline()
    submit(ipad, stage, "Call", call)
    with iphone.edit() as edit:
        for kind, (_, field, value) in KINDS.items():
            edit.update(kind, edited[kind], {field: value})
    iphone.go_online()
    wait_for(lambda: not iphone.queue() and iphone.notices())
    [duplicate] = [row["Id"] for row in stage.rows("Call").values() if row["Original_CallId"] == call]
    for kind, (_, field, value) in KINDS.items():
        rows = stage.rows(kind)
        assert [row[field] for row in rows.values() if row["CallId"] == duplicate] == [value], kind
        assert rows[edited[kind]][field] != value, "the original is as it was"


def test_what_the_device_saves_before_it_knows_goes_to_the_same_duplicate(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    call = saved_call(ipad, iphone, new_account(ipad))
    [expense] = iphone.find("Call_Expense", where={"CallId": call})
    iphone.go_offline()
    submit(ipad, stage, "Call", call)
    with iphone.edit() as edit:
        edit.update("Call", call, {"Location": "Ward 9"})
    with iphone.edit() as edit:
        other = edit.create("Account", {"Name": "Dr. Huber"})
    with iphone.edit() as edit:  # refers to what was made in between, so it is a save of its own
        edit.update("Call", call, {"Next_Call_Notes": "again", "Location": "Ward 10"})
        edit.update("Call_Expense", expense.id, {"Amount": 30})
    with iphone.edit() as edit:
        edit.update("Account", other, {"Phone": "1"})
    iphone.go_online()
    wait_for(lambda: not iphone.queue() and iphone.notices())
    duplicates = [row for row in stage.rows("Call").values() if row["Original_CallId"] == call]
    assert [(row["Location"], row["Next_Call_Notes"]) for row in duplicates] == [("Ward 10", "again")]
    assert iphone.errors() == []


@pytest.mark.parametrize(("object_name", "day"), [("Order", "Order_Date"), ("Inventory_Monitoring", "Date")])
def test_edits_of_an_order_that_was_submitted_elsewhere_are_discarded_told_and_kept(
    stage: Stage, devices: tuple[Device, Device], object_name: str, day: str
) -> None:
    ipad, iphone = devices
    account = new_account(ipad)
    with ipad.edit() as edit:
        record = edit.create(object_name, {"AccountId": account, day: "2026-03-01", "Notes": "ten boxes"})
    wait_for(lambda: iphone.get(object_name, record))
    iphone.go_offline()
    submit(ipad, stage, object_name, record)
    with iphone.edit() as edit:
        edit.update(object_name, record, {"Notes": "twelve boxes"})
    iphone.go_online()
    wait_for(lambda: not iphone.queue() and iphone.notices())

    assert stage.rows(object_name)[record]["Notes"] == "ten boxes"
    [notice] = iphone.notices()
    assert (notice.problem.code, notice.record.id) == (Code.SUBMITTED_ELSEWHERE, record)
    assert iphone.errors() == []
    wait_for(lambda: iphone.get(object_name, record).values["Notes"] == "ten boxes")  # type: ignore[union-attr]
    with psycopg.connect(stage.uri) as connection:
        kept = connection.execute(
            'SELECT t."Status", r."Field_Values" FROM org_twice."Sync_Transaction" t'
            ' JOIN org_twice."Sync_Transaction_Record" r ON r."Sync_TransactionId" = t."Id"'
            """ WHERE t."Outcome" = 'Discarded'"""
        ).fetchall()
    assert [status for status, _ in kept] == ["Canceled"]
    assert "twelve boxes" in kept[0][1]


def test_a_call_that_was_only_saved_elsewhere_takes_the_later_edit(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    call = saved_call(ipad, iphone, new_account(ipad))
    iphone.go_offline()
    with ipad.edit() as edit:
        edit.update("Call", call, {"Location": "Ward 4", "Channel": "Phone"})
    wait_for(lambda: stage.rows("Call")[call]["Location"] == "Ward 4")
    with iphone.edit() as edit:
        edit.update("Call", call, {"Location": "Ward 9"})
    iphone.go_online()
    wait_for(lambda: not iphone.queue())
    row = stage.rows("Call")[call]
    assert (row["Location"], row["Channel"]) == ("Ward 9", "Phone"), "only what was edited is replaced"
    assert len(stage.rows("Call")) == 1


def test_a_delete_of_a_call_that_was_submitted_elsewhere_is_refused(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    call = saved_call(ipad, iphone, new_account(ipad))
    iphone.go_offline()
    submit(ipad, stage, "Call", call)
    with iphone.edit() as edit:
        edit.delete("Call", call)
    iphone.go_online()
    wait_for(iphone.errors)
    assert [reason.code for reason in iphone.errors()[0].problems] == [Code.LOCKED]
    assert call in stage.rows("Call")
