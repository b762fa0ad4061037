"""Samples: what the server decides when a call is submitted, with what other devices left meanwhile.

The judge is held against a table; the save is on a real server and real devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date

import pytest
from tests.conftest import Databases
from tests.scenarios.stage import PASSWORD, Stage, wait_for

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.base.world import instant, system_world
from fieldsync.device import Device
from fieldsync.protocol.samples.judge import Facts, Left, Limit, Line, Over, Per, Why, over, remaining
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids
from fieldsync.server.org.users import NewUser, create_user

ORG, SARAH = "samples", "sarah@samples.example"
DAY = date(2026, 5, 20)


def facts(*limits: Limit, at_once: int | None = None, before: tuple[Left, ...] = (), **account: object) -> Facts:
    return Facts("A", account, {"P": ("Respira", at_once)}, limits, before)


@pytest.mark.parametrize(
    ("known", "quantities", "wrong"),
    [
        (facts(), [99], []),
        (facts(Sample_Eligible=False), [1], [Over("0", Why.NOT_ELIGIBLE)]),
        (facts(License_Expiration="2026-05-19"), [1], [Over("0", Why.LICENSE_OVER)]),
        (facts(License_Expiration="2026-05-20"), [1], []),
        (facts(License_Status="Expired"), [1], [Over("0", Why.LICENSE_OVER)]),
        (facts(at_once=3), [2, 1], []),
        (facts(at_once=3), [2, 2], [Over("1", Why.AT_ONCE, "Respira", 3)]),
        (facts(Limit("P", 5, Per.CALL), before=(Left("P", 5, DAY),)), [5], []),
        (facts(Limit("P", 5, Per.QUARTER), before=(Left("P", 3, date(2026, 4, 1)),)), [2], []),
        (
            facts(Limit("P", 5, Per.QUARTER), before=(Left("P", 3, date(2026, 4, 1)),)),
            [3],
            [Over("0", Why.OVER_LIMIT, "Respira", 5, Per.QUARTER, 2)],
        ),
        (facts(Limit("P", 5, Per.QUARTER), before=(Left("P", 5, date(2026, 3, 31)),)), [5], []),
        (facts(Limit("P", 5, Per.MONTH), before=(Left("P", 5, date(2026, 4, 30)),)), [5], []),
        (facts(Limit("P", 5, Per.YEAR, account="B")), [9], []),
        (facts(Limit("P", 5, Per.YEAR, last=date(2026, 5, 19))), [9], []),
        (
            facts(Limit("P", 5, Per.YEAR), Limit("P", 4, Per.MONTH)),
            [6],
            [Over("0", Why.OVER_LIMIT, "Respira", 4, Per.MONTH, 4)],
        ),
    ],
)
def test_what_may_be_left(known: Facts, quantities: list[int], wrong: list[Over]) -> None:
    assert over([Line(str(n), "P", q) for n, q in enumerate(quantities)], DAY, known) == wrong


def test_what_is_left_is_told_by_product() -> None:
    limit = Limit("P", 5, Per.YEAR)
    assert remaining(DAY, facts(limit, before=(Left("P", 7, DAY),))) == [("Respira", limit, 0)]
    assert Over("0", Why.OVER_LIMIT, "Respira", 5, Per.YEAR, 2).said() == (
        "Of Respira this account gets at most 5 a year: 2 left."
    )


@pytest.fixture(scope="module")
def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    name = databases.create()
    uri, world = databases.uri(name), system_world()
    admin = NewUser("admin@samples.example", PASSWORD, "System_Administrator", "Admin")
    create_org(uri, ORG, build(load_packs()), admin=admin, world=world)
    with seeding_org(uri, ORG, world) as seeding:
        sarah = create_user(seeding, NewUser(SARAH, PASSWORD, "Field_Representative", "Jones"), world.chance)
        [account], [product] = mint_ids(seeding, "Account", 1), mint_ids(seeding, "Product", 1)
        insert_rows(seeding, "Account", [{"Id": account, "Name": "Dr. Ackerman", "OwnerId": sarah}])
        insert_rows(seeding, "Product", [{"Id": product, "Name": "Respira", "Type": "Sample"}])
        insert_rows(seeding, "Sample_Limit", [{"ProductId": product, "Quantity_Max": 5, "Per": "Year"}])
    with ExitStack() as stack:
        yield Stage(stack, uri, ORG, tmp_path_factory.mktemp("samples"))
    databases.drop(name)


def leave(device: Device, quantity: int, status: str = "Submitted") -> RecordId:
    """A visit that leaves so many."""
    account, product = (device.find(name)[0].id for name in ("Account", "Product"))
    with device.edit() as edit:
        values = {"AccountId": account, "Call_Date": instant(system_world().clock.now()), "Status": status}
        call = edit.create("Call", values)
        edit.create("Call_Sample", {"CallId": call, "ProductId": product, "Quantity": quantity})
    return call


def test_the_server_counts_what_other_devices_left_and_refuses_the_rest_when_it_is_submitted(stage: Stage) -> None:
    ipad, iphone = stage.device(SARAH, "ipad"), stage.device(SARAH, "iphone")
    ipad.go_offline()
    iphone.go_offline()
    first, second = leave(ipad, 3), leave(iphone, 3)
    third = leave(iphone, 9, "Saved")
    ipad.go_online()
    wait_for(lambda: not ipad.queue())
    assert ipad.errors() == []
    iphone.go_online()
    wait_for(iphone.errors)
    [told] = iphone.errors()[0].problems
    assert (told.code, told.message) == (Code.VALIDATION, "Of Respira this account gets at most 5 a year: 2 left.")
    wait_for(lambda: third in stage.rows("Call"))
    assert {first, third} == stage.rows("Call").keys(), "what is not submitted does not count yet, and is no error"
    iphone.undo(iphone.errors()[0].n)
    assert iphone.get("Call", second) is None
    leave(iphone, 2)
    wait_for(lambda: not iphone.queue())
    assert iphone.errors() == []
