"""An admin repairs what was refused, in the console; the error on the device goes away by itself (FEATURES J13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from tests.scenarios.console import Console
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.schema.access.permissions import Access, Profile
from fieldsync.schema.catalog import Catalog, build
from fieldsync.schema.load import load_packs
from fieldsync.schema.model import Field, FieldType, Object, Pack
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows
from fieldsync.server.org.users import NewUser, create_user

SARAH, ADMIN = "sarah@repair.example", "admin@repair.example"


def model() -> Catalog:
    """Shops, each with a code of its own, and visits to them."""
    every = tuple(Access)
    code = Field(name="Code", type=FieldType.TEXT, unique=True)
    shop = Field(name="ShopId", type=FieldType.LOOKUP, references="Shop", required=True)
    objects = (
        Object(name="Shop", label="Shop", prefix="a00", fields=(code,)),
        Object(name="Visit", label="Visit", prefix="a01", fields=(shop,)),
    )
    rep = Profile(name="Rep", label="Rep", objects={o.name: every for o in objects} | {"User": (Access.READ,)})
    return build([*load_packs(("platform",)), Pack(name="repair", label="Repair", objects=objects, profiles=(rep,))])


@pytest.fixture
def stage(database: str, tmp_path: Path) -> Iterator[Stage]:
    world = system_world()
    create_org(database, "repair", model(), admin=NewUser(ADMIN, PASSWORD, "System_Administrator", "Ann"), world=world)
    with seeding_org(database, "repair", world) as seeding:
        create_user(seeding, NewUser(SARAH, PASSWORD, "Rep", "Sarah"), world.chance)
        insert_rows(seeding, "Shop", [{"Name": "Corner", "Code": "A1"}])
    with ExitStack() as stack:
        yield Stage(stack, database, "repair", tmp_path)


@pytest.fixture
def console(stage: Stage) -> Iterator[Console]:
    made = Console(stage, ADMIN)
    yield made
    made.close()


@pytest.fixture
def ipad(stage: Stage) -> Device:
    """Sarah's iPad made a shop with a code that is taken, and a visit there: one error, and one that waits for it."""
    device = stage.device(SARAH, "ipad")
    with device.edit() as edit:
        shop = edit.create("Shop", {"Name": "New", "Code": "A1"})
    with device.edit() as edit:
        edit.create("Visit", {"Name": "First", "ShopId": shop})
    wait_for(lambda: len(device.errors()) == 2)
    assert [p.code for error in device.errors() for p in error.problems] == [Code.DUPLICATE]
    return device


def failed(stage: Stage) -> str:
    [found] = [i for i, row in stage.rows("Sync_Transaction").items() if row["Status"] == "Failed"]
    return found


def statuses(stage: Stage) -> list[str]:
    return sorted(row["Status"] for row in stage.rows("Sync_Transaction").values())


def shop_of(device: Device) -> RecordId:
    return next(record.id for record in device.find("Shop") if record.values["Name"] == "New")


def test_edit_and_retry_corrects_the_code_and_both_errors_clear_by_themselves(
    stage: Stage, console: Console, ipad: Device
) -> None:
    shop, transaction = shop_of(ipad), failed(stage)
    assert "It would be refused now" in console.simulate(transaction)
    answer = console.act(transaction, "edit and retry", **{f"text:{shop}:Code": "B2"}, reason="A1 is the corner shop")
    assert answer.status_code == 303
    wait_for(lambda: not ipad.errors() and not ipad.queue())
    seen = ipad.get("Shop", shop)
    assert seen is not None
    assert seen.values["Code"] == "B2"
    assert statuses(stage) == ["Success", "Success"]
    assert [visit["ShopId"] for visit in stage.rows("Visit").values()] == [shop]
    history = console.open(transaction)
    assert "Ann: A1 is the corner shop" in history
    assert "A1 → B2" in history
    assert ipad.sync().successful


def test_ignored_it_leaves_the_device_with_what_waited_for_it(stage: Stage, console: Console, ipad: Device) -> None:
    shop = shop_of(ipad)
    assert console.act(failed(stage), "ignore", reason="made twice").status_code == 303
    wait_for(lambda: not ipad.errors() and not ipad.queue())
    assert ipad.get("Shop", shop) is None
    assert list(ipad.find("Visit")) == []
    assert statuses(stage) == ["Canceled", "Canceled"]
    assert {row["Name"] for row in stage.rows("Shop").values()} == {"Corner"}


def test_who_comes_second_is_told(stage: Stage, console: Console, ipad: Device) -> None:
    transaction = failed(stage)
    assert console.act(transaction, "mark as done by hand").status_code == 303
    late = console.act(transaction, "retry")
    assert late.status_code == 409
    assert "This transaction is Manual; you cannot retry it." in late.text
    wait_for(lambda: len(ipad.errors()) == 1)
    [error] = ipad.errors()
    assert error.object == "Visit"
    assert [p.code for p in error.problems] == [Code.INVALID_REF]


def test_a_release_is_simulated_over_all_that_is_open_and_nothing_changes(
    stage: Stage, console: Console, ipad: Device
) -> None:
    before = {name: stage.rows(name) for name in ("Shop", "Visit", "Sync_Transaction", "Sync_Transaction_Log")}
    assert "DUPLICATE" in console.simulate()
    assert {name: stage.rows(name) for name in before} == before
    assert len(ipad.errors()) == 2


def test_put_off_by_a_setting_a_save_is_accepted_at_once_and_clears_when_its_job_has_run(
    stage: Stage, database: str
) -> None:
    with seeding_org(database, "repair", system_world()) as seeding:
        setting = "Deferred_Processing"
        insert_rows(seeding, "Sync_Setting", [{"Name": setting, "Setting": setting, "Value": "true"}])
    device, iphone = stage.device(SARAH, "ipad"), stage.device(SARAH, "iphone", Platform.IPHONE)
    with device.edit() as edit:
        shop = edit.create("Shop", {"Name": "New", "Code": "B2"})
    with device.edit() as edit:
        edit.create("Shop", {"Name": "Copy", "Code": "A1"})
    wait_for(lambda: iphone.get("Shop", shop) is not None)
    wait_for(lambda: [p.code for error in device.errors() for p in error.problems] == [Code.DUPLICATE])
    wait_for(lambda: len(device.queue()) == len(device.errors()) or not device.queue())
    assert statuses(stage) == ["Failed", "Success"]


def test_the_shipped_schedule_is_cloned_changed_and_activated_and_stays_as_it_is(
    stage: Stage, console: Console
) -> None:
    [(template, shipped)] = stage.rows("Sync_Schedule").items()
    assert "Every day at 01:00 UTC, over the last 60 days." in console.schedules()
    values = {"Name": "Ours", "Hour": "3", "Look_Back_Days": "30", "Active": "true"}
    assert console.schedule(template, "save", **values).status_code == 422
    assert console.schedule(template, "clone").status_code == 303
    [clone] = stage.rows("Sync_Schedule").keys() - {template}
    assert console.schedule(clone, "save", **{**values, "Hour": "24"}).status_code == 422
    assert console.schedule(clone, "save", **values).status_code == 303
    ours = stage.rows("Sync_Schedule")[clone]
    assert (ours["Name"], ours["Hour"], ours["Look_Back_Days"], ours["Active"]) == ("Ours", 3, 30, True)
    assert stage.rows("Sync_Schedule")[template] == shipped


def test_a_record_that_another_save_holds_delays_only_itself_and_is_no_error(stage: Stage) -> None:
    device = stage.device(SARAH, "ipad")
    [corner] = device.find("Shop")
    held = psycopg.connect(stage.uri)
    held.execute('SELECT 1 FROM org_repair."Shop" WHERE "Id" = %s FOR UPDATE', [corner.id])
    with device.edit() as edit:
        edit.update("Shop", corner.id, {"Code": "A9"})
    with device.edit() as edit:
        edit.create("Shop", {"Name": "Free", "Code": "F1"})
    wait_for(lambda: "Free" in {row["Name"] for row in stage.rows("Shop").values()})
    assert statuses(stage) == ["Retry", "Success"]
    assert device.errors() == []
    held.rollback()
    held.close()
    wait_for(lambda: not device.queue())
    assert stage.rows("Shop")[corner.id]["Code"] == "A9"
    assert statuses(stage) == ["Success", "Success"]
    assert device.errors() == []


def test_an_admin_finds_a_transaction_by_its_record_and_says_something_to_it(
    stage: Stage, console: Console, ipad: Device
) -> None:
    shop, transaction = shop_of(ipad), failed(stage)
    assert transaction in console.listed(record=shop)
    assert transaction in console.listed(view="Open", user="sar", status="Failed")
    assert transaction not in console.listed(view="Waiting")
    assert transaction not in console.listed(name="nothing like it")
    assert console.comment(transaction, "asked <b>Sarah</b>").status_code == 303
    assert "Ann: asked &lt;b&gt;Sarah&lt;/b&gt;" in console.open(transaction)
    assert console.comment(transaction, " ").status_code == 400


def test_how_long_finished_transactions_are_kept_is_a_rule_for_each_object(stage: Stage, console: Console) -> None:
    [(shipped, rule)] = stage.rows("Sync_Retention").items()
    assert (rule["Object_Name"], rule["Keep_Days"]) == ("*", 60)
    shown = console.retention()
    assert "Every other object" in shown
    assert "Kept for 60 days." in shown
    ours = {"Object_Name": "Shop", "Keep_Days": "7", "Description": "seen every week"}
    for wrong in ({"Object_Name": "Shops"}, {"Keep_Days": "0"}, {"Keep_Days": "9999"}, {"Description": ""}):
        assert console.keep(**{**ours, **wrong}).status_code == 422
    assert console.keep(**{**ours, "Keep_Days": "soon"}).status_code == 400
    assert console.keep(**ours).status_code == 303
    changed = {"id": shipped, "Name": rule["Name"], "Object_Name": "*", "Keep_Days": "90", "Description": "longer"}
    assert console.keep(**changed).status_code == 303
    assert console.keep(**ours, id="0Sn000000000000AAA").status_code == 404
    kept = {row["Object_Name"]: row["Keep_Days"] for row in stage.rows("Sync_Retention").values()}
    assert kept == {"*": 90, "Shop": 7}
    assert "Kept for 7 days." in console.retention()


@pytest.mark.parametrize("kind", ["incremental", "full"])
def test_who_was_away_while_it_was_repaired_is_told_by_the_next_sync(stage: Stage, console: Console, kind: str) -> None:
    """The feed is not read before: a download moves its cursor past what was told there meanwhile."""
    device = stage.device(SARAH, "ipad", started=False)
    with device.edit() as edit:
        shop = edit.create("Shop", {"Name": "New", "Code": "A1"})
    with device.edit() as edit:
        edit.create("Visit", {"Name": "First", "ShopId": shop})
    assert device.sync().successful
    assert len(device.errors()) == 2
    correction = {f"text:{shop}:Code": "B2"}
    assert console.act(failed(stage), "edit and retry", **correction).status_code == 303
    assert device.sync(kind).successful
    assert (device.errors(), device.queue()) == ([], [])
    seen = device.get("Shop", shop)
    assert seen is not None
    assert seen.values["Code"] == "B2"


def test_corrected_by_an_admin_and_on_the_device_at_once_each_is_there_once(
    stage: Stage, console: Console, ipad: Device
) -> None:
    """Neither knows of the other: the device sends both records again, that are there already."""
    shop = shop_of(ipad)
    ipad.go_offline()
    answer = console.act(failed(stage), "edit and retry", **{f"text:{shop}:Code": "B2"}, reason="taken")
    assert answer.status_code == 303
    refused = next(error for error in ipad.errors() if error.object == "Shop")
    with ipad.edit() as edit:
        edit.update("Shop", shop, {"Code": "B2"})
    ipad.resend(refused.n)
    ipad.go_online()
    wait_for(lambda: not ipad.queue())
    assert ipad.sync().successful
    assert sorted(row["Name"] for row in stage.rows("Shop").values()) == ["Corner", "New"]
    assert [visit["ShopId"] for visit in stage.rows("Visit").values()] == [shop]
    assert {record.id for record in ipad.find("Shop")} == set(stage.rows("Shop"))
