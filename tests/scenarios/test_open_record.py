"""News of a record that Sarah has open, is changing, or was about to change: nothing moves under her hands, and nothing
is lost (FEATURES D02 to D05, D09)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.conftest import Prepare
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

REP = "sarah@open.example"
YESTERDAY = "2026-03-01T09:00:00+00:00"


def prepare(uri: str) -> None:
    admin = NewUser("admin@open.example", PASSWORD, "System_Administrator", "Admin")
    world = system_world()
    create_org(uri, "open", build(load_packs()), admin=admin, world=world)
    with seeding_org(uri, "open", world) as seeding:
        create_user(seeding, NewUser(REP, PASSWORD, "Field_Representative", "Sarah"), world.chance)


@pytest.fixture
def stage(template_database: Callable[[str, Prepare], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, template_database("open", prepare), "open", tmp_path)


@pytest.fixture
def devices(stage: Stage) -> tuple[Device, Device]:
    return stage.device(REP, "ipad"), stage.device(REP, "iphone", Platform.IPHONE)


def call(ipad: Device, iphone: Device) -> RecordId:
    """A call with one expense that both devices hold."""
    with ipad.edit() as edit:
        account = edit.create("Account", {"Name": "Dr. Weber"})
        made = edit.create("Call", {"AccountId": account, "Call_Date": YESTERDAY, "Status": "Saved", "Location": "1"})
        edit.create("Call_Expense", {"CallId": made, "Type": "Meal", "Amount": 10})
    wait_for(lambda: iphone.find("Call_Expense", where={"CallId": made}))
    return made


def change(device: Device, stage: Stage, record: RecordId, **values: str) -> None:
    with device.edit() as edit:
        edit.update("Call", record, values)
    wait_for(lambda: values.items() <= stage.rows("Call")[record].items())


def shown(device: Device, record: RecordId) -> object:
    found = device.get("Call", record)
    return None if found is None else found.values["Location"]


def test_an_open_call_waits_for_its_news_and_has_them_when_she_leaves(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    record = call(ipad, iphone)
    with iphone.view("Call", record) as view:
        change(ipad, stage, record, Location="2")
        wait_for(lambda: view.news)
        assert shown(iphone, record) == "1", "nothing changes under an open page"
    assert shown(iphone, record) == "2", "at once when she leaves"


def test_a_pending_edit_keeps_what_she_sees_and_undo_would_show_theirs(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    record = call(ipad, iphone)
    with iphone.view("Call", record) as view:
        change(ipad, stage, record, Location="2", Next_Call_Notes="soon")
        wait_for(lambda: view.news)
        iphone.go_offline()
        with iphone.edit() as edit:
            edit.update("Call", record, {"Location": "mine"})
    assert shown(iphone, record) == "mine"
    iphone.go_online()
    wait_for(lambda: not iphone.queue())
    assert stage.rows("Call")[record]["Location"] == "mine"
    wait_for(lambda: iphone.get("Call", record).values["Next_Call_Notes"] == "soon")  # type: ignore[union-attr]


def test_what_she_may_do_is_asked_of_the_news_not_of_the_page(stage: Stage, devices: tuple[Device, Device]) -> None:
    ipad, iphone = devices
    record = call(ipad, iphone)
    with iphone.view("Call", record) as view:
        change(ipad, stage, record, Status="Submitted")
        wait_for(lambda: view.news)
        with pytest.raises(Refused) as caught, iphone.edit() as edit:
            edit.update("Call", record, {"Status": "Submitted"})
        assert caught.value.problem.code is Code.LOCKED
        assert iphone.queue() == []


def test_a_call_that_was_deleted_elsewhere_is_an_error_with_its_content(
    stage: Stage, devices: tuple[Device, Device]
) -> None:
    ipad, iphone = devices
    record = call(ipad, iphone)
    iphone.go_offline()
    with ipad.edit() as edit:
        edit.delete("Call", record)
    wait_for(lambda: record not in stage.rows("Call"))
    with iphone.edit() as edit:
        edit.update("Call", record, {"Location": "mine"})
    iphone.go_online()
    wait_for(iphone.errors)
    [entry] = iphone.errors()
    assert [one.code for one in entry.problems] == [Code.ENTITY_DELETED]
    assert [(one.column, one.new) for one in entry.content] == [("Location", "mine")]
    iphone.undo(entry.n)
    assert shown(iphone, record) is None
    wait_for(lambda: not iphone.find("Call_Expense", where={"CallId": record}))
