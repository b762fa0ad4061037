"""A record that another save holds, met by a real-time upload: it waits on the server, the rest goes on (J06, L7)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from tests.server.lab import Lab, Phone, create, update
from tests.server.processor.test_acts import do, journaled, statuses, told
from tests.server.processor.test_deferred import jobs, run_jobs, wait_until

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.upload import Accepted, Held, Outcome, Rejected, Saved, Transaction
from fieldsync.server.postgres.settings import POOLED
from fieldsync.server.processor.states import Act, Status


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for a record is waited for often here, and by nobody who would get it."""
    monkeypatch.setattr(limits, "JOB_LOCK_SECONDS", 0.05)
    monkeypatch.setitem(POOLED, "lock_timeout", "200")


@contextmanager
def held(lab: Lab, *rows: str, table: str = "Shop", key: str = "Id") -> Iterator[None]:
    """Another connection holds these rows."""
    with psycopg.connect(lab.uri) as other:
        query = f'SELECT 1 FROM "org_small"."{table}" WHERE "{key}" = ANY(%s) FOR UPDATE'
        assert len(other.execute(query, [list(rows)]).fetchall()) == len(rows)
        yield
        other.rollback()


def outcomes(phone: Phone, *sent: Transaction) -> dict[int, Outcome]:
    return {result.n: result.outcome for result in phone.upload(*sent).results}


def two_shops(lab: Lab) -> tuple[RecordId, RecordId]:
    locked, free = lab.rows("Shop", {"Name": "a"}, {"Name": "b"})
    return locked, free


def test_it_is_accepted_and_kept_as_retry_while_the_rest_of_the_batch_is_saved(lab: Lab, sarah: Phone) -> None:
    locked, free = two_shops(lab)
    new = sarah.new_id("Shop")
    batch = [
        sarah.save(update("Shop", free, City=(None, "Bath"))),
        sarah.save(update("Shop", locked, City=(None, "York"))),
        sarah.save(update("Shop", free, City=("Bath", "Hull"), after=1)),
        sarah.save(create("Shop", new, Name="c")),
    ]
    with held(lab, locked):
        assert outcomes(sarah, *batch) == {1: Saved(), 2: Accepted(1, 1), 3: Saved(), 4: Saved()}
    assert statuses(lab) == {1: "Success", 2: "Retry", 3: "Success", 4: "Success"}
    positions = lab.query("SELECT feed_position FROM _change WHERE feed_position IS NOT NULL ORDER BY 1")
    assert positions == [(1,), (2,), (3,)], "what comes behind the held one has places of its own on the feed"
    [(failed, comments)] = lab.query(
        'SELECT "Failed_Attempts", "Comments" FROM "Sync_Transaction" WHERE "Queue_Number" = 2'
    )
    assert (failed, comments) == (0, None)
    assert [number for number, at in jobs(lab) if at is not None] == [sarah.number]
    assert outcomes(sarah, *batch)[2] == Accepted(1, 1), "sent again, it is told the same"
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    run_jobs(lab, sarah)
    assert told(sarah)[2].outcome == Saved()
    assert statuses(lab) == {1: "Success", 2: "Success", 3: "Success", 4: "Success"}
    assert lab.query('SELECT "Name", "City" FROM "Shop" ORDER BY 1') == [("a", "York"), ("b", "Hull"), ("c", None)]
    assert outcomes(sarah, *batch)[2] == Saved()


def test_what_builds_on_it_is_accepted_too_and_nothing_is_in_the_error_list(lab: Lab, sarah: Phone) -> None:
    locked, free = two_shops(lab)
    first = sarah.save(update("Shop", locked, City=(None, "York")))
    second = sarah.save(update("Shop", locked, City=("York", "Hull"), after=1))
    with held(lab, locked):
        assert outcomes(sarah, first) == {1: Accepted(1, 1)}
    assert outcomes(sarah, second) == {2: Accepted(1, 1)}
    assert outcomes(sarah, second) == {2: Accepted(1, 1)}
    assert outcomes(sarah, sarah.save(update("Shop", free, City=(None, "Bath")))) == {3: Saved()}, (
        "others go on at once"
    )
    assert statuses(lab) == {1: "Retry", 2: "Waiting", 3: "Success"}
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    run_jobs(lab, sarah)
    assert {n: result.outcome for n, result in told(sarah).items()} == {1: Saved(), 2: Saved()}
    assert lab.query('SELECT "City" FROM "Shop" ORDER BY "Name"') == [("Hull",), ("Bath",)]
    assert lab.query("SELECT count(*) FROM _blocked") == [(0,)]


def test_a_bound_ends_it_and_then_both_are_in_the_error_list_also_for_a_reply_that_was_lost(
    lab: Lab, sarah: Phone
) -> None:
    locked, _ = two_shops(lab)
    first = sarah.save(update("Shop", locked, City=(None, "York")))
    second = sarah.save(update("Shop", locked, City=("York", "Hull"), after=1))
    with held(lab, locked):
        outcomes(sarah, first, second)
        for _ in range(limits.LOCK_RETRIES_MAX):
            assert statuses(lab) == {1: "Retry", 2: "Retry"}
            wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS**limits.LOCK_RETRIES_MAX)
            run_jobs(lab, sarah)
    sarah.session = lab.phone("sarah").session
    assert statuses(lab)[1] == "Failed"
    heard = {n: result.outcome for n, result in told(sarah).items()}
    assert isinstance(heard[1], Rejected)
    assert heard[1].problems[0].code is Code.ROW_LOCK
    assert outcomes(sarah, first, second) == heard
    assert do(lab, journaled(lab)[1][0], Act.RETRY) is Status.SUCCESS


def test_one_that_waits_for_it_is_told_when_it_fails(lab: Lab, sarah: Phone) -> None:
    locked, _ = two_shops(lab)
    first = sarah.save(update("Shop", locked, City=(None, "York")))
    second = sarah.save(update("Shop", locked, City=("York", "Hull"), after=1))
    with held(lab, locked):
        outcomes(sarah, first)
    assert outcomes(sarah, second) == {2: Accepted(1, 1)}
    lab.query("UPDATE _undecided SET locked_times = %(n)s RETURNING 1", n=limits.LOCK_RETRIES_MAX)
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    with held(lab, locked):
        run_jobs(lab, sarah)
    heard = {n: result.outcome for n, result in told(sarah).items()}
    assert isinstance(heard[1], Rejected)
    assert heard[2] == Held((1,))
    assert outcomes(sarah, second) == {2: Held((1,))}


def test_a_reference_that_is_held_is_no_other_case(lab: Lab, sarah: Phone) -> None:
    locked, _ = two_shops(lab)
    visit = sarah.new_id("Visit")
    batch = [
        sarah.save(create("Visit", visit, ShopId=locked)),
        sarah.save(create("Visit_Line", sarah.new_id("Visit_Line"), VisitId=visit, Product="P")),
    ]
    with held(lab, locked):
        assert outcomes(sarah, *batch) == {1: Accepted(1, 1), 2: Accepted(1, 1)}
    assert statuses(lab) == {1: "Retry", 2: "Waiting"}
    wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS)
    run_jobs(lab, sarah)
    assert statuses(lab) == {1: "Success", 2: "Success"}


def test_when_much_is_held_the_request_still_ends_and_its_job_looks_at_the_rest(lab: Lab, sarah: Phone) -> None:
    shops = lab.rows("Shop", *({"Name": f"s{i}"} for i in range(limits.LOCKED_LOOKS_MAX + 8)))
    batch = [sarah.save(update("Shop", shop, City=(None, "York"))) for shop in shops]
    batch.append(sarah.save(update("Shop", shops[-1], City=("York", "Hull"), after=len(shops))))
    with held(lab, *shops):
        found = outcomes(sarah, *batch)
        assert set(found.values()) == {Accepted(1, 1)}
        assert {"New", "Retry"} == set(statuses(lab).values())
        run_jobs(lab, sarah)
    assert set(statuses(lab).values()) == {"Retry"}
    for _ in range(2):
        wait_until(lab, limits.JOB_BACKOFF_BASE_SECONDS**2)
        run_jobs(lab, sarah)
    assert set(statuses(lab).values()) == {"Success"}
    assert lab.query('SELECT "City", count(*) FROM "Shop" GROUP BY 1 ORDER BY 1') == [("Hull", 1), ("York", 23)]


def test_a_person_who_is_held_himself_is_told_to_come_again(lab: Lab, sarah: Phone) -> None:
    [(user,)] = lab.query("""SELECT "Id" FROM "User" WHERE "Username" = 'sarah@small.example'""")
    with held(lab, user, table="_user_head", key="user_id"), pytest.raises(Refused) as refused:
        sarah.outcome(create("Shop", sarah.new_id("Shop"), Name="x"))
    assert refused.value.problem.code is Code.BUSY
    assert statuses(lab) == {}


def test_where_a_setting_says_so_the_device_is_to_try_again(lab: Lab, sarah: Phone) -> None:
    [(profile,)] = lab.query("""SELECT "Id" FROM "Profile" WHERE "Name" = 'Rep'""")
    locked, _ = two_shops(lab)
    own = {"Name": "r", "Setting": "Retry_Locked", "Value": "false", "ProfileId": profile}
    lab.rows("Sync_Setting", own, own | {"Value": "true", "ProfileId": None})
    sent = sarah.save(update("Shop", locked, City=(None, "York")))
    with held(lab, locked), pytest.raises(Refused) as refused:
        sarah.upload(sent)
    assert refused.value.problem.code is Code.BUSY
    assert refused.value.retry_after_seconds == 2
    assert statuses(lab) == {}
    assert outcomes(sarah, sent) == {1: Saved()}


def test_put_off_and_not_to_be_tried_again_it_fails_and_is_counted(lab: Lab, sarah: Phone) -> None:
    locked, _ = two_shops(lab)
    lab.rows("Sync_Setting", {"Name": "d", "Setting": "Deferred_Processing", "Value": "true"})
    lab.rows("Sync_Setting", {"Name": "r", "Setting": "Retry_Locked", "Value": "false"})
    sarah.outcome(update("Shop", locked, City=(None, "York")))
    with held(lab, locked):
        run_jobs(lab, sarah)
    assert statuses(lab) == {1: "Failed"}
    assert lab.query('SELECT "Failed_Attempts" FROM "Sync_Transaction"') == [(1,)]
