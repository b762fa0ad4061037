"""What a person's device holds, told beforehand and bounded: it equals what is delivered (FEATURES A17, A29, A37)."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from tests.server.lab import Lab, Phone, downloaded
from tests.server.oversight.desk import NEAR, Desk

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.rows import decode_rows
from fieldsync.protocol.upload import Saved
from fieldsync.schema.sync_rule import SyncRule
from fieldsync.server.http.context import reading
from fieldsync.server.oversight.scope.held import Held, Trial, Tried, held, tried
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.postgres.work import Work
from fieldsync.server.sync.refresh import refresh

ADMIN = "System_Administrator"


def holds(desk: Desk, name: str, device: str | None = None) -> tuple[Held, ...]:
    async def ask(database: Work) -> tuple[Held, ...]:
        org = desk.lab.org
        return await held(org, database, await holder_of(org, database, f"{name}@small.example", device))

    return desk.read(ask)


def brings(desk: Desk, condition: str, name: str = "sarah") -> Tried:
    async def ask(database: Work) -> Tried:
        org, trial = desk.lab.org, Trial(SyncRule(object="Shop", where=condition), desk.lab.org.rights.of(ADMIN))
        return await tried(org, database, await holder_of(org, database, f"{name}@small.example"), trial)

    return desk.read(ask)


def begin(phone: Phone) -> bytes:
    """The first line of a database refresh."""

    async def ask() -> bytes:
        org = phone.lab.org
        async with reading(org, phone.token) as (work, caller), aclosing(refresh(org, work, caller, None)) as stream:
            return await anext(stream)

    return phone.lab.run(ask())


def test_counts_are_those_of_a_download_and_bytes_near(desk: Desk) -> None:
    phone = desk.lab.phone("sarah")  # who signs in is noted at her user
    told = holds(desk, "sarah", "iPhone")
    found = phone.download()
    assert {one.object: one.rows for one in told} == {one.object: len(downloaded(found, one.object)) for one in told}
    assert [one.rows for one in told if one.object == "Shop"] == [2]
    blocks = [line.block for line in found if hasattr(line, "block")]
    for one in told:
        rows = [block for block in blocks if block.object == one.object]
        sent = sum(len(block.rows) for block in rows)
        assert abs(one.bytes - sent) <= 2 * sum(len(decode_rows(block)) for block in rows) + 2, one


def test_a_condition_is_tried_for_a_person_before_it_is_saved(desk: Desk) -> None:
    assert brings(desk, NEAR) == Tried("Shop", 2, ("A", "C"), ())
    assert brings(desk, NEAR, "tom") == Tried("Shop", 2, ("A", "B"), ())
    with pytest.raises(Refused, match="Town"):
        brings(desk, "Town = 'York'")
    with pytest.raises(Refused) as refused:
        brings(desk, NEAR, "nobody")
    assert refused.value.problem.code is Code.NOT_FOUND
    with pytest.raises(Refused, match="device types are iPad"):
        holds(desk, "sarah", "Toaster")


def test_more_rows_than_a_rule_takes_end_a_sync_before_it_begins(desk: Desk) -> None:
    phone = desk.lab.phone("sarah")
    phone.download()
    before = phone.checkpoint
    assert desk.save(desk.edited("Shop", rows_max=1)) == Saved()
    for sync in (lambda: begin(phone), phone.download):
        with pytest.raises(Refused) as refused:
            sync()
        told = refused.value.problem
        assert (told.code, told.object, told.details["count"], told.details["limit"]) == (
            Code.TOO_MANY_ROWS, "Shop", 2, 1
        )  # fmt: skip
    assert phone.checkpoint == before
    assert desk.save(desk.edited("Shop", rows_max=2)) == Saved()
    assert begin(phone)
    assert phone.download()


def test_a_row_too_many_is_noticed_by_an_incremental_too(desk: Desk, lab: Lab) -> None:
    assert desk.save(desk.edited("Shop", rows_max=2, order=7)) == Saved()
    phone = lab.phone("sarah")
    phone.download()
    lab.rows("Shop", {"Name": "D", "City": "Leeds"})
    with pytest.raises(Refused, match="3 rows of Shop are selected for this device; 2 are allowed"):
        phone.download()


def test_a_setting_bounds_all_rows_of_a_person(desk: Desk, lab: Lab) -> None:
    lab.rows("Sync_Setting", {"Name": "rows", "Setting": "Rows_Max", "Value": "3"})
    with pytest.raises(Refused, match="rows of all objects together are selected for this device; 3 are allowed"):
        lab.phone("sarah").download()
    rep = lab.query('select "Id" from "Profile" where "Name" = %(name)s', name="Rep")[0][0]
    lab.rows("Sync_Setting", {"Name": "rows", "Setting": "Rows_Max", "Value": "5000", "ProfileId": rep})
    assert lab.phone("sarah").download()
