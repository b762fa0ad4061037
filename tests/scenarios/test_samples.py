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
from fieldsync.protocol.samples.judge import Facts, Given, Left, Limit, Line, Lot, Over, Per, Why, over, remaining
from fieldsync.schema.catalog import build
from fieldsync.schema.load import load_packs
from fieldsync.server.org.create import create_org, seeding_org
from fieldsync.server.org.seed import insert_rows, mint_ids
from fieldsync.server.org.users import NewUser, create_user

ORG, SARAH = "samples", "sarah@samples.example"
DAY = date(2026, 5, 20)


LOT = {"L": Lot("L-204", "P", 4, date(2026, 5, 20)), "O": Lot("L-300", "Q", 9)}


def facts(*limits: Limit, at_once: int | None = None, before: tuple[Left, ...] = (), **account: object) -> Facts:
    return Facts("A", account, {"P": Given("Respira", at_once)}, limits, before)


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


@pytest.mark.parametrize(
    ("day", "lines", "wrong"),
    [
        (DAY, [("P", 4, "L")], None),
        (DAY, [("P", 1, "")], Over("0", Why.NO_LOT, "Respira")),
        (DAY, [("P", 1, "O")], Over("0", Why.OTHER_LOT, "Respira", lot="L-300")),
        (date(2026, 5, 21), [("P", 1, "L")], Over("0", Why.LOT_OVER, "Respira", lot="L-204")),
        (DAY, [("P", 3, "L"), ("P", 2, "L")], Over("1", Why.LOT_EMPTY, "Respira", left=1, lot="L-204")),
        (DAY, [("R", 9, "")], None),
        (DAY, [("S", 1, "")], Over("0", Why.NONE_HELD, "Zeta")),
        (DAY, [("S", 1, "L")], Over("0", Why.OTHER_LOT, "Zeta", lot="L-204")),
    ],
)
def test_samples_come_from_a_lot_of_the_person(
    day: date, lines: list[tuple[str, int, str]], wrong: Over | None
) -> None:
    known = Facts("A", {}, {"P": Given("Respira"), "S": Given("Zeta", lot=True)}, lots=LOT)
    told = over([Line(str(n), product, many, lot) for n, (product, many, lot) in enumerate(lines)], day, known)
    assert told == ([] if wrong is None else [wrong])


def test_a_signature_is_wanted_once_by_the_products_that_want_one() -> None:
    kinds = {"P": Given("Respira", signature=True), "S": Given("Zeta")}
    lines = [Line("0", "S", 1), Line("1", "P", 1), Line("2", "P", 2)]
    wrong = [Over("", Why.UNSIGNED, "Respira")]
    for signed, which, told in ((False, lines, wrong), (True, lines, []), (False, lines[:1], [])):
        assert over(which, DAY, Facts("A", {}, kinds, signed=signed)) == told


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


def leave(
    device: Device, quantity: int, status: str = "Submitted", of: tuple[RecordId, RecordId | None] | None = None
) -> RecordId:
    """A visit that leaves so many."""
    account = device.find("Account")[0].id
    product, lot = of or (device.find("Product")[0].id, None)
    with device.edit() as edit:
        values = {"AccountId": account, "Call_Date": instant(system_world().clock.now()), "Status": status}
        call = edit.create("Call", values)
        edit.create("Call_Sample", {"CallId": call, "ProductId": product, "Quantity": quantity, "Sample_LotId": lot})
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


def test_the_server_counts_what_is_left_of_a_lot(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad-2")
    with seeding_org(stage.uri, ORG, stage.world) as seeding:
        [lot], [product] = mint_ids(seeding, "Sample_Lot", 1), mint_ids(seeding, "Product", 1)
        owner = next(id_ for id_, row in stage.rows("User").items() if row["Username"] == SARAH)
        insert_rows(seeding, "Product", [{"Id": product, "Name": "Zeta", "Type": "Sample"}])
        about = {"Id": lot, "Name": "L-204", "OwnerId": owner, "ProductId": product}
        insert_rows(seeding, "Sample_Lot", [{**about, "Quantity": 3}])
    assert ipad.sync().successful
    ipad.go_offline()
    assert [one.values["Name"] for one in ipad.find("Sample_Lot")] == ["L-204"]
    first = leave(ipad, 2, of=(product, lot))
    leave(ipad, 2, of=(product, lot))
    ipad.go_online()
    wait_for(ipad.errors)
    assert first in stage.rows("Call"), "of two in one save the first is let through"
    assert [one.message for one in ipad.errors()[0].problems] == ["Lot L-204: 1 left."]
    leave(ipad, 1, of=(product, None))
    wait_for(lambda: len(ipad.errors()) == 2)
    assert "Choose the lot that Zeta is from." in str(ipad.errors())


def test_the_server_wants_the_lot_and_the_signature_that_a_product_asks_for(stage: Stage) -> None:
    ipad = stage.device(SARAH, "ipad-3")
    with seeding_org(stage.uri, ORG, stage.world) as seeding:
        [product] = mint_ids(seeding, "Product", 1)
        strict = {"Requires_Lot": True, "Requires_Signature": True}
        insert_rows(seeding, "Product", [{"Id": product, "Name": "Strict", "Type": "Sample", **strict}])
    assert ipad.sync().successful
    refused = leave(ipad, 1, of=(product, None))
    wait_for(ipad.errors)
    told = {(one.object, one.field, one.message) for one in ipad.errors()[0].problems}
    assert told == {
        ("Call_Sample", "Sample_LotId", "Strict is left from a lot only, and you have no lot of it."),
        ("Call", "Signature", "Strict is left against a signature only: have the call signed."),
    }
    with ipad.edit() as edit:
        now = instant(stage.world.clock.now())
        edit.update("Call", refused, {"Signature": "iVBORw0KGgo=", "Signature_Date": now})
        [line] = ipad.find("Call_Sample", where={"CallId": refused})
        edit.update("Call_Sample", line.id, {"Lot": "S-1"})
    ipad.resend(ipad.errors()[0].n)
    wait_for(lambda: not ipad.queue())
    assert ipad.errors() == []
    assert refused in stage.rows("Call")
