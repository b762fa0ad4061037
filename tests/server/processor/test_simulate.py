"""A simulation says what would happen and changes nothing at all (law L10, FEATURES J14, J15)."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from psycopg import sql
from tests.server.lab import Lab, Phone, create, update
from tests.server.processor.test_acts import code_taken, do, free_the_code, journaled

from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.upload import Held, Rejected, Saved
from fieldsync.server.processor.simulate import Simulated, simulate, simulate_all
from fieldsync.server.processor.states import Act


def state_of(lab: Lab) -> dict[str, str]:
    """A hash of every table and the place of every sequence of the whole database, the queue of jobs among them."""

    async def ask() -> dict[str, str]:
        found: dict[str, str] = {}
        async with lab.org.pool.connection() as connection:
            tables = await connection.execute(
                "SELECT schemaname, tablename FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
            for schema, name in await tables.fetchall():
                query = sql.SQL("SELECT t::text FROM {}.{} t ORDER BY 1").format(*map(sql.Identifier, (schema, name)))
                rows = await (await connection.execute(query)).fetchall()
                found[f"{schema}.{name}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
            sequences = await connection.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences")
            found |= {f"{schema}.{name}": str(last) for schema, name, last in await sequences.fetchall()}
        return found

    return lab.run(ask())


def everything(lab: Lab) -> list[Simulated]:
    async def ask() -> list[Simulated]:
        return [one async for one in simulate_all(lab.org)]

    return lab.run(ask())


def test_the_hash_sees_a_row_and_a_sequence(lab: Lab, sarah: Phone) -> None:
    before = state_of(lab)
    assert state_of(lab) == before
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    lab.rows("Shop", {"Name": "y"})  # over another connection: each has some ids in hand
    changed = {name for name, value in state_of(lab).items() if before.get(name) != value}
    assert {"org_small.Shop", "org_small._record_counter", "org_small._receipt"} <= changed


def test_a_failed_one_that_would_pass_now_is_said_to_and_nothing_changes(lab: Lab, sarah: Phone) -> None:
    other, _ = code_taken(lab, sarah)
    record_id, waiting_id = journaled(lab)[1][0], journaled(lab)[2][0]
    free_the_code(lab, other)
    before = state_of(lab)
    for _ in range(12):  # so often that statements are prepared with the org's own sequences, and with those in between
        assert lab.run(simulate(lab.org, record_id)).outcome == Saved()
        assert lab.run(simulate(lab.org, waiting_id)).outcome == Saved()
    assert [one.outcome for one in everything(lab)] == [Saved(), Saved()]
    assert state_of(lab) == before
    assert sarah.feed().results == ()
    do(lab, record_id, Act.RETRY)
    assert lab.query('SELECT "Name" FROM "Visit"') == [("V-0001",)]


def test_one_that_would_fail_says_why(lab: Lab, sarah: Phone) -> None:
    code_taken(lab, sarah)
    before = state_of(lab)
    first, second = everything(lab)
    assert isinstance(first.outcome, Rejected)
    assert first.problems[0].code is Code.DUPLICATE
    assert second.outcome == Held((1,))
    assert state_of(lab) == before


def test_a_save_behind_a_simulation_gets_the_numbers_the_simulation_did_not_take(lab: Lab, sarah: Phone) -> None:
    other, shop = code_taken(lab, sarah)
    free_the_code(lab, other)
    lab.run(simulate(lab.org, journaled(lab)[2][0]))
    visit = sarah.new_id("Visit")
    assert sarah.outcome(create("Visit", visit, ShopId=other)) == Saved()
    assert lab.query('SELECT "Id", "Name" FROM "Visit"') == [(visit, "V-0001")]
    assert shop


def test_one_that_is_decided_is_not_simulated(lab: Lab, sarah: Phone) -> None:
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    with pytest.raises(Refused, match="DECIDED"):
        lab.run(simulate(lab.org, journaled(lab)[1][0]))


@pytest.mark.usefixtures("patient")
def test_simulations_beside_real_saves_disturb_nobody(lab: Lab, sarah: Phone) -> None:
    other, _ = code_taken(lab, sarah)
    record_id = journaled(lab)[1][0]
    lab.person("tom")
    tom = lab.phone("tom")
    shops = [tom.new_id("Shop") for _ in range(6)]

    async def both() -> None:
        saves = [tom.send(tom.save(create("Shop", shop, Name="t"))) for shop in shops[:1]]
        await asyncio.gather(*(simulate(lab.org, record_id) for _ in range(6)), *saves)

    lab.run(both())
    assert tom.outcome(update("Shop", other, City=(None, "York"))) == Saved()
    assert lab.query('SELECT count(*) FROM "Shop"') == [(2,)]


def test_each_transaction_says_whether_it_can_be_simulated_and_each_record_when_it_was_saved(
    lab: Lab, sarah: Phone
) -> None:
    code_taken(lab, sarah)
    told = 'SELECT "Queue_Number", "Status", "Simulation" FROM "Sync_Transaction" WHERE "Queue_Number" IS NOT NULL'
    assert sorted(lab.query(told)) == [(1, "Failed", "Possible"), (2, "Waiting", "Possible")]
    sarah.upload(undone=(2,))
    do(lab, journaled(lab)[1][0], Act.IGNORE)
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert [(status, can) for _, status, can in sorted(lab.query(told))] == [
        *[("Canceled", "Impossible")] * 2,
        ("Success", "Impossible"),
    ]
    moments = """SELECT DISTINCT r."Saved_At" = t."Saved_At" FROM "Sync_Transaction_Record" r
        JOIN "Sync_Transaction" t ON t."Id" = r."Sync_TransactionId" WHERE t."Queue_Number" IS NOT NULL"""
    assert lab.query(moments) == [(True,)]
