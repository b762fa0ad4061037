"""Asynchronous triggers: deferred with the save, run later on the records as they are then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.server.lab import Lab, Phone, create, delete, downloaded, update
from tests.server.save.logic.test_roll_ups import purchase, seen
from tests.server.save.logic.test_triggers import CHANGES, buyer_of, install, new_order

from fieldsync.base import faults, limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Operation, Rejected, Saved
from fieldsync.server.postgres.queue.listed import HOUR, Jobs, jobs_of, try_again
from fieldsync.server.postgres.queue.statements import TASK
from fieldsync.server.postgres.work import transaction
from fieldsync.server.save.logic.later.perform import run_due
from fieldsync.server.save.logic.trigger import Batch, Trigger, When

JOBS = "fieldsync_jobs.procrastinate_jobs"


async def note(batch: Batch) -> None:
    for record in batch.records:
        if record["Notes"] != "noted":
            batch.update(record, "Purchase", record.id, Notes="noted")


def run(lab: Lab) -> None:
    lab.run(run_due(lab.uri, {"small": lab.org}))


def make_due(lab: Lab) -> None:
    async def ask() -> None:
        async with lab.org.pool.connection() as connection:
            await connection.execute(f"UPDATE {JOBS} SET scheduled_at = now() WHERE status = 'todo'")

    lab.run(ask())


def jobs(lab: Lab) -> list[tuple[Any, ...]]:
    """Those of triggers."""
    return lab.query(f"SELECT status::text, attempts FROM {JOBS} WHERE task_name = %(task)s ORDER BY id", task=TASK)


def job_list(lab: Lab) -> Jobs:
    """As the console shows them; the hourly job is left out."""

    async def ask() -> Jobs:
        async with transaction(lab.org.pool) as database:
            return await jobs_of(database, "small")

    found = lab.run(ask())
    return replace(found, listed=tuple(one for one in found.listed if one.what != HOUR))


async def again(lab: Lab, queue: str, job: int) -> bool:
    async with transaction(lab.org.pool) as database:
        return await try_again(database, queue, job)


def notes(lab: Lab, order: RecordId) -> Any:
    return seen(lab, "Purchase", order)["Notes"]


def test_the_change_comes_when_the_job_has_run_and_not_before(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC, CHANGES))
    order, outcome = new_order(sarah, buyer_of(lab))
    assert isinstance(outcome, Saved)
    assert (notes(lab, order), jobs(lab)) == (None, [("todo", 0)])
    run(lab)
    assert notes(lab, order) == "noted"
    run(lab)  # what it saved deferred the next, which the first run did already where it had more to do
    assert jobs(lab) == [], "which found nothing to do"
    by_job = lab.query('SELECT "UserId", "Root_Record_Id" FROM "Sync_Transaction" WHERE "Channel" = %(job)s', job="job")
    assert by_job == [(seen(lab, "Purchase", order)["CreatedById"], order)]


def test_what_it_changes_is_in_the_next_download_and_not_on_the_feed(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC, CHANGES))
    order, _ = new_order(sarah, buyer_of(lab))
    sarah.download()
    run(lab)
    assert sarah.feed().families == ()
    assert downloaded(sarah.download(), "Purchase")[order]["Notes"] == "noted"


def test_what_a_trigger_declared_for_it_changes_is_on_the_feed_of_who_saved(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC, CHANGES, feed=True))
    lab.person("peter")
    peter = lab.phone("peter")
    order, _ = new_order(sarah, buyer_of(lab))
    for phone in (sarah, peter):
        phone.download()
    run(lab)
    assert order in {family.root.id for family in sarah.feed().families}
    assert peter.feed().families == ()
    positions = [p for (p,) in lab.query("SELECT feed_position FROM _change WHERE feed_user IS NOT NULL ORDER BY 1")]
    assert positions == list(range(1, len(positions) + 1)), "without a gap"


def test_a_refused_save_defers_nothing(lab: Lab, sarah: Phone) -> None:
    async def never(batch: Batch) -> None:
        for record in batch.records:
            record.add_error("No.")

    install(lab, Trigger("Purchase", note, When.ASYNC), Trigger("Purchase", never, When.AFTER))
    _, outcome = new_order(sarah, buyer_of(lab))
    assert isinstance(outcome, Rejected)
    assert jobs(lab) == []


def test_a_save_whose_process_dies_before_its_commit_defers_nothing(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC))

    def die(point: str) -> None:
        if point == "upload.before_commit":
            raise KeyboardInterrupt

    faults.install(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            new_order(sarah, buyer_of(lab))
    finally:
        faults.install(None)
    assert jobs(lab) == []


def test_one_wave_is_one_job_and_tells_what_was_before(lab: Lab, sarah: Phone) -> None:
    told: list[tuple[Operation, list[tuple[Any, Any, bool]]]] = []

    async def tell(batch: Batch) -> None:
        told.append(
            (batch.operation, [((r.old or {}).get("Notes"), r["Notes"], r.is_changed("Notes")) for r in batch.records])
        )

    install(lab, Trigger("Purchase", tell, When.ASYNC))
    buyer = buyer_of(lab)
    first, _ = new_order(sarah, buyer, Notes="a")
    run(lab)
    new = sarah.save(create("Purchase", sarah.new_id("Purchase"), BuyerId=buyer, Name="o", Notes="b"))
    sarah.upload(new, sarah.save(update("Purchase", first, Notes=("a", "c"))))
    assert jobs(lab) == [("todo", 0)]
    sarah.outcome(update("Purchase", first, Notes=("c", "d")))
    run(lab)
    assert told[0] == (Operation.CREATE, [(None, "a", True)])
    assert sorted(told[1:], key=str) == [
        (Operation.CREATE, [(None, "b", True)]),
        (Operation.UPDATE, [("a", "d", True)]),
        (Operation.UPDATE, [("c", "d", True)]),
    ], "records as they are now, old values as they were"


def test_it_creates_records_that_masters_sum_up_and_finds_others(lab: Lab, sarah: Phone) -> None:
    async def add_a_line(batch: Batch) -> None:
        lines = await batch.find("Purchase_Line", "PurchaseId", [r.id for r in batch.records])
        for record in batch.records:
            batch.create(record, "Purchase_Line", PurchaseId=record.id, Name="added", Price=3)
        for line in lines:
            batch.update(batch.records[0], "Purchase_Line", line["Id"], Price=5)

    install(lab, Trigger("Purchase", add_a_line, When.ASYNC, frozenset({Operation.CREATE})))
    buyer = buyer_of(lab)
    order, _ = purchase(sarah, buyer, {"Price": 1})
    run(lab)
    assert (seen(lab, "Purchase", order)["Lines"], seen(lab, "Buyer", buyer)["Turnover"]) == (2, 8)


def test_a_deleted_record_is_shown_as_it_is(lab: Lab, sarah: Phone) -> None:
    gone: list[Any] = []

    async def look(batch: Batch) -> None:
        gone.extend((batch.operation, record["IsDeleted"]) for record in batch.records)

    order, _ = purchase(sarah, buyer_of(lab))
    install(lab, Trigger("Purchase", look, When.ASYNC, frozenset({Operation.DELETE})))
    sarah.outcome(delete("Purchase", order, seen(lab, "Purchase", order)["_stamp"]))
    run(lab)
    assert gone == [(Operation.DELETE, True)]


def test_one_that_raises_is_tried_again_later_and_then_succeeds(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOB_BACKOFF_BASE_SECONDS", 3_600)  # a slow machine is not there before its time is
    attempts: list[int] = []

    async def second_time(batch: Batch) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("the other side is away")
        await note(batch)

    install(lab, Trigger("Purchase", second_time, When.ASYNC, frozenset({Operation.CREATE})))
    order, _ = new_order(sarah, buyer_of(lab))
    run(lab)
    assert (notes(lab, order), jobs(lab)) == (None, [("todo", 1)])
    run(lab)
    assert len(attempts) == 1, "not before its time"
    make_due(lab)
    run(lab)
    assert (notes(lab, order), jobs(lab)) == ("noted", [])


def test_one_that_always_raises_stays_in_the_table_as_failed(lab: Lab, sarah: Phone) -> None:
    async def never(batch: Batch) -> None:
        raise OSError("gone")

    install(lab, Trigger("Purchase", never, When.ASYNC))
    new_order(sarah, buyer_of(lab))
    for _ in range(limits.JOB_RETRIES_MAX + 1):
        make_due(lab)
        run(lab)
    assert jobs(lab) == [("failed", limits.JOB_RETRIES_MAX + 1)]


def test_what_the_pipeline_refuses_fails_the_job_and_nothing_of_it_stays(lab: Lab, sarah: Phone) -> None:
    async def wrong(batch: Batch) -> None:
        record = batch.records[0]
        batch.update(record, "Purchase", record.id, Notes="half")
        batch.create(record, "Purchase_Line", PurchaseId=None, Name="lost")

    install(lab, Trigger("Purchase", wrong, When.ASYNC))
    order, _ = new_order(sarah, buyer_of(lab))
    run(lab)
    assert (notes(lab, order), jobs(lab)) == (None, [("todo", 1)])


def test_a_trigger_that_is_no_longer_installed_fails_its_jobs_at_once(lab: Lab, sarah: Phone, capsys: Any) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC))
    new_order(sarah, buyer_of(lab))
    install(lab)
    run(lab)
    assert jobs(lab) == [("failed", 1)]
    shown = job_list(lab)
    assert (shown.listed[0].status, shown.listed[0].what) == ("failed", f"trigger {__name__}.note")
    assert [one.problem[:12] for one in shown.ended if one.id == shown.listed[0].id] == ["NotInstalled"]
    assert lab.run(again(lab, "another org", shown.listed[0].id)) is False
    install(lab, Trigger("Purchase", note, When.ASYNC, CHANGES))
    assert lab.run(again(lab, "small", shown.listed[0].id)) is True
    run(lab)
    ended = [(one.id, one.attempt, one.problem) for one in job_list(lab).ended if one.id == shown.listed[0].id]
    assert (len(ended), ended[0][1:]) == (2, (2, "")), "how each run ended is known"
    assert all(one.id != shown.listed[0].id for one in job_list(lab).listed)
    assert "note is no longer an asynchronous trigger of Purchase" in capsys.readouterr().out


def test_triggers_that_cause_each_other_without_an_end_are_stopped(lab: Lab, sarah: Phone) -> None:
    async def again(batch: Batch) -> None:
        for record in batch.records:
            batch.update(record, "Purchase", record.id, Notes=str(record["Notes"] or "") + "x")

    install(lab, Trigger("Purchase", again, When.ASYNC))
    order, _ = new_order(sarah, buyer_of(lab))
    for _ in range(limits.JOB_CHAIN_MAX + 2):
        run(lab)
    assert notes(lab, order) == "x" * limits.JOB_CHAIN_MAX
    assert jobs(lab) == [("failed", 1)]


def test_a_record_that_changes_while_the_trigger_thinks_is_not_overwritten(lab: Lab, sarah: Phone) -> None:
    """Law L6: the trigger runs again on what is there then."""
    rounds: list[Any] = []
    buyer = buyer_of(lab)

    async def append(batch: Batch) -> None:
        [record] = batch.records
        rounds.append(record["Notes"])
        if len(rounds) == 1:
            await sarah.send(sarah.save(update("Purchase", record.id, Notes=("mine", "mine, later"))))
        batch.update(record, "Purchase", record.id, Notes=f"{record['Notes']}!")

    install(lab, Trigger("Purchase", append, When.ASYNC, frozenset({Operation.CREATE})))
    order, _ = new_order(sarah, buyer, Notes="mine")
    run(lab)
    assert (rounds, notes(lab, order)) == (["mine", "mine, later"], "mine, later!")


def test_a_job_of_a_user_who_left_still_runs(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC))
    order, _ = new_order(sarah, buyer_of(lab))

    async def leave() -> None:
        async with lab.org.pool.connection() as connection:
            await connection.execute("UPDATE _user_head SET revoked = true")

    lab.run(leave())
    run(lab)
    assert notes(lab, order) == "noted"
