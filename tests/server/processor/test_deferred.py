"""Processing put off by a setting, and records that another save holds (FEATURES J03, J06, J10)."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from tests.server.lab import START, Lab, Phone, create, table, update
from tests.server.processor.test_acts import do, journaled, statuses, told

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Accepted, Held, Rejected, Saved
from fieldsync.server.processor.jobs import process
from fieldsync.server.processor.states import Act, Status


@pytest.fixture
def later(lab: Lab) -> None:
    lab.rows("Sync_Setting", {"Name": "Deferred_Processing", "Setting": "Deferred_Processing", "Value": "true"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job waits for a record for as long as that takes to be told."""
    monkeypatch.setattr(limits, "JOB_LOCK_SECONDS", 0.05)


def run_jobs(lab: Lab, phone: Phone) -> None:
    """What the device's job does when it is due."""
    lab.run(process(lab.org, phone.number))


def jobs(lab: Lab) -> list[tuple[str, datetime | None]]:
    found = "SELECT args ->> 'device', scheduled_at FROM fieldsync_jobs.procrastinate_jobs"
    return lab.query(f"{found} WHERE args ? 'device' ORDER BY id")


def wait_until(lab: Lab, seconds: float) -> None:
    lab.clock.advance(seconds)


@pytest.mark.usefixtures("later")
def test_a_deferred_save_is_accepted_run_by_its_job_and_told_on_the_feed(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    sent = sarah.save(create("Shop", shop, Name="x"))
    assert sarah.upload(sent).results[0].outcome == Accepted(1, 1)
    assert lab.query('SELECT count(*) FROM "Shop"') == [(0,)]
    assert statuses(lab) == {1: "New"}
    assert lab.query('SELECT "Object_Name", "Record_Id" FROM "Sync_Transaction_Record"') == [("Shop", shop)]
    assert jobs(lab) == [(sarah.number, None)]
    assert sarah.upload(sent).results[0].outcome == Accepted(1, 1)
    run_jobs(lab, sarah)
    page = sarah.feed()
    assert [(result.n, result.outcome) for result in page.results] == [(1, Saved())]
    assert table(page.rows, "Shop")[shop]["Name"] == "x"
    assert statuses(lab) == {1: "Success"}
    assert sarah.upload(sent).results[0].outcome == Saved()
    run_jobs(lab, sarah)
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1,)]


@pytest.mark.usefixtures("later")
def test_a_profile_may_have_it_otherwise(lab: Lab, sarah: Phone) -> None:
    [(profile,)] = lab.query("""SELECT "Id" FROM "Profile" WHERE "Name" = 'Rep'""")
    own = {"Name": "d", "Setting": "Deferred_Processing", "Value": "false", "ProfileId": profile}
    lab.rows("Sync_Setting", own)
    assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x")) == Saved()


def test_what_comes_while_something_is_put_off_waits_behind_it(lab: Lab, sarah: Phone) -> None:
    [setting] = lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    shop = sarah.new_id("Shop")
    assert isinstance(sarah.outcome(create("Shop", shop, Name="x")), Accepted)
    lab.query("""UPDATE "Sync_Setting" SET "Value" = 'false' WHERE "Id" = %(id)s RETURNING 1""", id=setting)
    assert isinstance(sarah.outcome(update("Shop", shop, Name=("x", "y"), after=1)), Accepted)
    run_jobs(lab, sarah)
    assert lab.query('SELECT "Name" FROM "Shop"') == [("y",)]
    assert {n: result.outcome for n, result in told(sarah).items()} == {1: Saved(), 2: Saved()}
    assert sarah.outcome(update("Shop", shop, Name=("y", "z"), after=2)) == Saved()


@pytest.mark.usefixtures("later")
def test_one_that_is_refused_later_holds_back_only_what_builds_on_it(lab: Lab, sarah: Phone) -> None:
    lab.rows("Shop", {"Name": "Corner", "Code": "A1"})
    shop, other = sarah.new_id("Shop"), sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="bad", Code="A1"))
    sarah.outcome(create("Visit", sarah.new_id("Visit"), ShopId=shop))
    sarah.outcome(create("Shop", other, Name="good"))
    run_jobs(lab, sarah)
    outcomes = {n: result.outcome for n, result in told(sarah).items()}
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[2] == Held((1,))
    assert outcomes[3] == Saved()


@pytest.mark.usefixtures("later")
def test_an_admin_may_cancel_what_was_not_run_yet(lab: Lab, sarah: Phone) -> None:
    sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert do(lab, journaled(lab)[1][0], Act.CANCEL, "not wanted") is Status.CANCELED
    run_jobs(lab, sarah)
    assert lab.query('SELECT count(*) FROM "Shop"') == [(0,)]
    assert sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="y")) != Saved()


async def _while_held(lab: Lab, shop: RecordId, phone: Phone) -> None:
    """The device's job runs while another transaction holds this shop."""
    async with lab.org.pool.connection() as connection, connection.transaction():
        await connection.execute('SELECT 1 FROM "Shop" WHERE "Id" = %s FOR UPDATE', [shop])
        await process(lab.org, phone.number)


@pytest.mark.usefixtures("later", "impatient")
def test_a_locked_record_is_tried_again_with_growing_pauses_while_the_rest_goes_on(lab: Lab, sarah: Phone) -> None:
    [locked, free] = lab.rows("Shop", {"Name": "a"}, {"Name": "b"})
    sarah.outcome(update("Shop", locked, City=(None, "York")))
    sarah.outcome(update("Shop", locked, City=("York", "Hull"), after=1))
    sarah.outcome(update("Shop", free, City=(None, "Bath")))
    lab.run(_while_held(lab, locked, sarah))
    assert statuses(lab) == {1: "Retry", 2: "Retry", 3: "Success"}
    run_jobs(lab, sarah)
    assert statuses(lab)[1] == "Retry", "its time has not come"
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    lab.run(_while_held(lab, locked, sarah))
    assert lab.query('SELECT locked_times FROM "_undecided" WHERE n = 1') == [(2,)]
    pauses = [at for _, at in jobs(lab) if at is not None]
    assert sorted({(at - START).total_seconds() for at in pauses}) == [3, 12]
    assert lab.query('SELECT "Failed_Attempts" FROM "Sync_Transaction" WHERE "Queue_Number" = 1') == [(0,)]
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS**2)
    run_jobs(lab, sarah)
    assert statuses(lab) == {1: "Success", 2: "Success", 3: "Success"}
    assert lab.query('SELECT "City" FROM "Shop" ORDER BY "Name"') == [("Hull",), ("Bath",)]


@pytest.mark.usefixtures("later", "impatient")
def test_a_record_that_stays_locked_ends_in_the_error_list(lab: Lab, sarah: Phone) -> None:
    [locked] = lab.rows("Shop", {"Name": "a"})
    sarah.outcome(update("Shop", locked, City=(None, "York")))
    lab.query("UPDATE _undecided SET locked_times = %(n)s RETURNING 1", n=limits.LOCK_RETRIES_MAX)
    lab.run(_while_held(lab, locked, sarah))
    assert statuses(lab) == {1: "Failed"}
    outcome = told(sarah)[1].outcome
    assert isinstance(outcome, Rejected)
    assert outcome.problems[0].code is Code.ROW_LOCK
    assert do(lab, journaled(lab)[1][0], Act.RETRY) is Status.SUCCESS


@pytest.mark.usefixtures("later")
def test_two_workers_run_it_once(lab: Lab, sarah: Phone) -> None:
    shop = sarah.new_id("Shop")
    sarah.outcome(create("Shop", shop, Name="x"))

    async def both() -> None:
        await asyncio.gather(*(process(lab.org, sarah.number) for _ in range(3)))

    lab.run(both())
    assert [result.outcome for result in sarah.feed().results] == [Saved()]
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1,)]
