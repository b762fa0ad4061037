"""Real input: Salesforce's published sample app. Its objects and records are imported, two devices work with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from tests import forking
from tests.conftest import Prepare
from tests.scenarios.stage import PASSWORD, Stage, wait_for
from tests.schema.shared_data import shared

from fieldsync.base.world import system_world
from fieldsync.device import Device
from fieldsync.protocol.session import Platform
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.users import NewUser, create_user

ADMIN, AGENT = "admin@dream.example", "caroline@dream.example"


def fieldsync(*arguments: str) -> Any:
    """What a command printed as JSON."""
    done = forking.run("from fieldsync.cli.main import main; main()", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def prepare(uri: str) -> None:
    """An org into which the project and its records were imported by the command line, with one person to use it."""
    project, world = shared("dreamhouse"), system_world()
    create_org(
        uri,
        "dream",
        build(load_packs()),
        admin=NewUser(ADMIN, PASSWORD, "System_Administrator", "Admin"),
        world=world,
    )
    place = ("--org", "dream", "--database", uri)
    imported = fieldsync("import", "sfdx", str(project), *place)
    assert (imported["objects"], imported["not_supported"]) == (2, [])
    saved = fieldsync("import", "tree", str(project / "data" / "sample-data-plan.json"), *place)
    assert saved["saved"] == {"Broker__c": 8, "Property__c": 12, "Contact": 5}
    with seeding_org(uri, "dream", world) as seeding:
        agent = create_user(seeding, NewUser(AGENT, PASSWORD, "Field_Representative", "Kingsley"), world.chance)
        seeding.connection.execute(update(seeding.metadata.tables["Contact"]).values(OwnerId=agent))


@pytest.fixture
def stage(template_database: Callable[[str, Prepare], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, template_database("dream", prepare), "dream", tmp_path)


def test_an_offline_price_change_and_a_new_broker_reach_server_and_second_device(stage: Stage) -> None:
    ipad, iphone = stage.device(AGENT, "ipad"), stage.device(AGENT, "iphone", Platform.IPHONE)
    ipad.go_offline()
    villa = ipad.find("Property__c", search="Stunning Victorian")[0]
    with ipad.edit() as edit:
        edit.update("Property__c", villa.id, {"Price__c": 990_000})
    with ipad.edit() as edit:
        broker = edit.create("Broker__c", {"Name": "Ada Rivers", "Email__c": "ada@dreamhouse.example"})
        for name in ("Harbour Loft", "Mill House"):
            values = {"Name": name, "Broker__c": broker, "Price__c": 450_000, "Location__Latitude__s": Decimal("42.35")}
            edit.create("Property__c", values)
    assert len(ipad.queue()) == 4, "each record that is no family travels alone"
    ipad.go_online()
    wait_for(lambda: not ipad.queue())
    assert ipad.errors() == []
    wait_for(lambda: iphone.count("Property__c", {"Broker__c": broker}) == 2)
    wait_for(lambda: iphone.get("Property__c", villa.id).values["Price__c"] == 990_000)  # type: ignore[union-attr]
    for device in (ipad, iphone):
        device.sync()
        for name in ("Broker__c", "Property__c", "Contact"):
            assert_equal(stage, device, name)


def assert_equal(stage: Stage, device: Device, object_name: str) -> None:
    """Device and server hold the same records, field by field."""
    server = stage.rows(object_name)
    local = {record.id: record for record in device.find(object_name, limit=1_000)}
    assert local.keys() == server.keys()
    for record_id, record in local.items():
        stamp = {"_stamp": record.stamp}
        there = {k: Decimal(str(v)) if isinstance(v, float) else v for k, v in server[record_id].items()}
        stored = {name: value for name, value in record.values.items() if name in there}
        assert {**stored, **stamp} == there


def test_formula_fields_show_their_values_offline_too(stage: Stage) -> None:
    ipad = stage.device(AGENT, "ipad")
    ipad.go_offline()
    today = datetime.now(UTC).date()
    listed = ipad.find("Property__c", limit=1_000)
    for record in listed:
        since = date.fromisoformat(str(record.values["Date_Listed__c"]))
        assert record.values["Days_On_Market__c"] == (today - since).days
        picture = record.values["Picture__c"]
        assert record.values["Picture_IMG__c"] == (
            f'<img src="{picture}" alt="Picture" border="0"/>' if picture else None
        )
    days = [r.values["Days_On_Market__c"] for r in ipad.find("Property__c", order_by="Days_On_Market__c", limit=1_000)]
    assert days == sorted(days)  # type: ignore[type-var]
    with ipad.edit() as edit:
        edit.update("Property__c", listed[0].id, {"Date_Listed__c": (today - timedelta(days=9)).isoformat()})
    edited = ipad.get("Property__c", listed[0].id)
    assert edited is not None
    assert edited.values["Days_On_Market__c"] == 9


def test_the_console_shows_the_same_values(stage: Stage) -> None:
    with httpx.Client(base_url=stage.address, follow_redirects=True) as browser:
        form = {"org": "dream", "username": ADMIN, "password": PASSWORD}
        assert "Sign in" not in browser.post("/console/enter", data=form, headers={"origin": stage.address}).text
        row = next(iter(stage.rows("Property__c").values()))
        page = browser.get(f"/console/objects/Property__c/{row['Id']}").text
    days = (datetime.now(UTC).date() - date.fromisoformat(row["Date_Listed__c"])).days
    assert re.search(rf"<dt>Days On Market</dt><dd><span class=\"lines\">{days}</span>", page), page
    assert f'href="{row["Picture__c"]}"' in page
