"""A save that alone takes longer than a statement may: tried again a few times, then in the error list (law L7)."""

from __future__ import annotations

from tests.server.lab import Lab, Phone, create, update
from tests.server.processor.test_acts import do, journaled, statuses, told
from tests.server.processor.test_deferred import run_jobs, wait_until
from tests.server.processor.test_locked import two_shops
from tests.server.sync.test_upload import parted

from fieldsync.base import limits
from fieldsync.base.problems import Code
from fieldsync.protocol.upload import Accepted, Rejected, Saved
from fieldsync.server.processor.states import Act, Status

SLOW = """
CREATE FUNCTION org_small.slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = 'query_canceled';
END $$
"""
"""As a statement that runs into its time does."""


def make_slow(lab: Lab, table: str, when: str) -> None:
    """Every write of such a row takes too long."""
    _execute(lab, SLOW)
    triggered = f'CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON org_small."{table}" FOR EACH ROW'
    _execute(lab, f"{triggered} WHEN ({when}) EXECUTE FUNCTION org_small.slow()")


def make_fast(lab: Lab) -> None:
    _execute(lab, "DROP FUNCTION org_small.slow() CASCADE")


def _execute(lab: Lab, statement: str) -> None:
    async def act() -> None:
        async with lab.org.pool.connection() as connection:
            await connection.execute(statement)

    lab.run(act())


def run_out_of_tries(lab: Lab, phone: Phone) -> None:
    for number in range(1, limits.TIMEOUT_RETRIES_MAX + 1):
        wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS**number)
        run_jobs(lab, phone)


def test_it_is_kept_tried_again_and_then_failed_while_the_rest_goes_on(lab: Lab, sarah: Phone) -> None:
    slow, free = two_shops(lab)
    make_slow(lab, "Shop", """NEW."City" = 'slow'""")
    batch = [
        sarah.save(update("Shop", free, City=(None, "Bath"))),
        sarah.save(update("Shop", slow, City=(None, "slow"))),
        sarah.save(update("Shop", slow, Name=("a", "A"), after=2)),
    ]
    assert [r.outcome for r in sarah.upload(*batch).results] == [Saved()], "the first half of the batch"
    assert [r.outcome for r in sarah.upload(*batch[1:]).results] == [Accepted(1, 1)]
    assert [r.outcome for r in sarah.upload(batch[2]).results] == [Accepted(1, 1)]
    assert statuses(lab) == {1: "Success", 2: "Retry", 3: "Waiting"}
    assert sarah.outcome(update("Shop", free, City=("Bath", "Hull"), after=1)) == Saved(), "it holds nobody up"
    run_out_of_tries(lab, sarah)
    assert statuses(lab)[2] == "Failed"
    refused = told(sarah)[2].outcome
    assert isinstance(refused, Rejected)
    assert [one.code for one in refused.problems] == [Code.TIMEOUT]
    assert [r.outcome for r in sarah.upload(batch[1]).results] == [refused]
    run_jobs(lab, sarah)
    assert statuses(lab) == {1: "Success", 2: "Failed", 3: "Waiting", 4: "Success"}


def test_an_admin_may_retry_it_once_the_cause_is_gone(lab: Lab, sarah: Phone) -> None:
    slow, _ = two_shops(lab)
    make_slow(lab, "Shop", """NEW."City" = 'slow'""")
    assert sarah.outcome(update("Shop", slow, City=(None, "slow"))) == Accepted(1, 1)
    run_out_of_tries(lab, sarah)
    make_fast(lab)
    assert do(lab, journaled(lab)[1][0], Act.RETRY) is Status.SUCCESS
    assert lab.query("""SELECT "Name" FROM "Shop" WHERE "City" = 'slow'""") == [("a",)]


def test_one_that_was_slow_once_is_saved_by_the_next_try(lab: Lab, sarah: Phone) -> None:
    slow, _ = two_shops(lab)
    make_slow(lab, "Shop", """NEW."City" = 'slow'""")
    assert sarah.outcome(update("Shop", slow, City=(None, "slow"))) == Accepted(1, 1)
    make_fast(lab)
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    run_jobs(lab, sarah)
    assert told(sarah)[1].outcome == Saved()
    assert statuses(lab) == {1: "Success"}


def test_a_slow_one_behind_a_good_one_is_blamed_alone(lab: Lab, sarah: Phone) -> None:
    """The good one was put off when it was slow; then what waits for it is the slow one."""
    shop = sarah.new_id("Shop")
    make_slow(lab, "Shop", """NEW."City" = 'slow'""")
    assert sarah.outcome(create("Shop", shop, Name="a", City="slow")) == Accepted(1, 1)
    assert sarah.outcome(create("Visit", sarah.new_id("Visit"), ShopId=shop, Notes="slow")) == Accepted(1, 1)
    make_fast(lab)
    make_slow(lab, "Visit", """NEW."Notes" = 'slow'""")
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    run_jobs(lab, sarah)
    assert statuses(lab) == {1: "Success", 2: "Retry"}
    run_out_of_tries(lab, sarah)
    assert statuses(lab) == {1: "Success", 2: "Failed"}


def test_a_save_in_parts_that_takes_too_long_is_no_other_case(lab: Lab, sarah: Phone) -> None:
    make_slow(lab, "Visit_Line", "true")
    parts = parted(sarah, 25, 3)
    assert [r.outcome for r in sarah.upload(*parts).results] == [Accepted(25, 25)]
    run_out_of_tries(lab, sarah)
    assert statuses(lab) == {1: "Failed"}
    assert lab.query('SELECT count(*) FROM "Visit"') == [(0,)]
