"""What devices offer again after a restore: it gathers, then it is applied in the order it had; what does not fit is
for an admin, and holds nothing up (DESIGN 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.server.lab import START, Lab, Phone, create, update
from tests.server.processor.test_acts import journaled, statuses, told
from tests.server.processor.test_deferred import run_jobs, wait_until
from tests.server.processor.test_retention import canceled_while_it_runs, watched
from tests.server.processor.test_schedule import activated

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import BY_RECOVERY, Accepted, Canceled, Outcome, Saved, Transaction, UploadRequest
from fieldsync.server.http.context import calling
from fieldsync.server.postgres.queue.progress import Stage
from fieldsync.server.processor.hourly.schedule import run_hour
from fieldsync.server.recovery.apply import RECOVERED, recover
from fieldsync.server.sync.upload import upload

WINDOW = limits.RECOVERY_WINDOW_MINUTES * 60


@pytest.fixture
def tom(lab: Lab) -> Phone:
    lab.person("tom")
    phone = lab.phone("tom")
    phone.download()
    return phone


@pytest.fixture
def shop(lab: Lab) -> RecordId:
    [made] = lab.rows("Shop", {"Name": "Corner", "City": "Oslo"})
    return RecordId(made)


def offer(lab: Lab, phone: Phone, saved: Transaction, stamp: int) -> Outcome:
    """The save was acknowledged once, with this stamp."""
    request = UploadRequest(phone.number, 0, (saved,), (), ((saved.n, stamp),))
    response = lab.run(upload(lab.org, lambda foresee: calling(lab.org, phone.token, foresee), request))
    found: Outcome = response.results[0].outcome
    return found


def city(lab: Lab) -> str:
    [(found,)] = lab.query('SELECT "City" FROM "Shop" WHERE "Name" = \'Corner\'')
    return str(found)


def test_it_gathers_and_then_has_the_order_it_had_whoever_comes_first(
    lab: Lab, sarah: Phone, tom: Phone, shop: RecordId
) -> None:
    second = tom.save(update("Shop", shop, City=("Bergen", "Narvik")))
    assert offer(lab, tom, second, 30) == Accepted(1, 1)
    assert offer(lab, tom, second, 30) == Accepted(1, 1), "sent again it is the same"
    assert offer(lab, sarah, sarah.save(update("Shop", shop, City=("Oslo", "Bergen"))), 20) == Accepted(1, 1)
    activated(lab)
    lab.run(run_hour(lab.org, datetime(START.year, START.month, START.day, 1, tzinfo=UTC) + timedelta(days=1)))
    lab.run(recover(lab.org))
    assert city(lab) == "Oslo", "a schedule does not cut the time short"
    for phone in (sarah, tom):
        run_jobs(lab, phone)
        assert city(lab) == "Oslo", "nor does another job"
    wait_until(lab, WINDOW)
    lab.run(recover(lab.org))
    assert city(lab) == "Narvik"
    assert [result.outcome for result in told(tom).values()] == [Saved()]


def test_what_a_device_saves_meanwhile_comes_behind_what_it_offers(lab: Lab, sarah: Phone, shop: RecordId) -> None:
    offer(lab, sarah, sarah.save(update("Shop", shop, City=("Oslo", "Bergen"))), 20)
    assert sarah.outcome(update("Shop", shop, City=("Bergen", "Narvik"))) == Accepted(1, 1)
    wait_until(lab, WINDOW)
    run_jobs(lab, sarah)
    assert city(lab) == "Oslo"
    lab.run(recover(lab.org))
    run_jobs(lab, sarah)
    assert city(lab) == "Narvik"


def test_what_does_not_fit_is_failed_for_an_admin_canceled_for_the_device_and_holds_nothing_up(
    lab: Lab, sarah: Phone, shop: RecordId
) -> None:
    offer(lab, sarah, sarah.save(update("Shop", shop, City=("Bergen", "Narvik"))), 20)
    wait_until(lab, WINDOW)
    lab.run(recover(lab.org))
    assert statuses(lab) == {1: "Failed"}
    [outcome] = [result.outcome for result in told(sarah).values()]
    assert isinstance(outcome, Canceled)
    assert outcome.by == BY_RECOVERY
    assert sarah.outcome(update("Shop", shop, Name=("Corner", "Corner"), City=("Oslo", "Turku"))) == Saved()
    assert len(journaled(lab)) == 2


def test_one_that_comes_after_the_window_is_applied_at_once_and_one_that_is_there_is_not_saved_twice(
    lab: Lab, sarah: Phone
) -> None:
    wait_until(lab, WINDOW)
    new = sarah.new_id("Shop")
    made = sarah.save(create("Shop", new, Name="New"))
    assert offer(lab, sarah, made, 20) == Accepted(1, 1)
    lab.run(recover(lab.org))
    assert offer(lab, sarah, made, 20) == Saved(), "its receipt is there"
    lab.run(recover(lab.org))
    assert lab.query('SELECT count(*) FROM "Shop"') == [(1,)]


def test_it_says_how_far_it_is_and_waits_for_the_next_hour_where_somebody_cancels_it(
    lab: Lab, sarah: Phone, shop: RecordId
) -> None:
    offer(lab, sarah, sarah.save(update("Shop", shop, City=("Oslo", "Bergen"))), 20)
    offer(lab, sarah, sarah.save(update("Shop", shop, City=("Bergen", "Narvik"))), 30)
    wait_until(lab, WINDOW)
    canceled_while_it_runs(lab, RECOVERED)
    lab.run(recover(lab.org))
    assert (city(lab), watched(lab)) == ("Oslo", [(RECOVERED, Stage.CANCELED, 0, 2)])
    lab.run(recover(lab.org))
    assert (city(lab), watched(lab)) == ("Narvik", [(RECOVERED, Stage.VALID, 2, 2)])
