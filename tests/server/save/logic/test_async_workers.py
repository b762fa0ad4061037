"""Workers of asynchronous triggers: several at once, killed, stopped, inside a server; and the queue they share."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from procrastinate.utils import CANCEL_ATTEMPTS, CANCEL_TIMEOUT
from tests.server.lab import Lab, Phone, create
from tests.server.save.logic.test_async_triggers import JOBS, jobs, note, notes, run
from tests.server.save.logic.test_roll_ups import seen
from tests.server.save.logic.test_triggers import buyer_of, install, new_order

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Operation
from fieldsync.server.http.app import create_app
from fieldsync.server.postgres.connect import admin_connection
from fieldsync.server.postgres.queue.ending import ended
from fieldsync.server.postgres.queue.schema import make_queue
from fieldsync.server.postgres.queue.statements import TASK
from fieldsync.server.postgres.queue.worker import keep_working, open_queue
from fieldsync.server.save.logic import compiled
from fieldsync.server.save.logic.later.perform import performing, run_due
from fieldsync.server.save.logic.trigger import Batch, Trigger, When

LEFT = f"SELECT count(*) = 0 FROM {JOBS} WHERE task_name = '{TASK}'"
OURS = "FROM pg_stat_activity WHERE application_name = 'fieldsync jobs' AND datname = current_database()"
SECONDS_MAX = 60


async def until(lab: Lab, query: str) -> None:
    """Wait until the answer is yes."""
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            async with lab.org.pool.connection() as connection:
                if await (await connection.execute(query)).fetchone() == (True,):
                    return
            await asyncio.sleep(0.02)


async def all_done(lab: Lab) -> None:
    """Wait until no job is left."""
    await until(lab, LEFT)


def test_two_workers_run_each_job_once(lab: Lab, sarah: Phone) -> None:
    ran: list[RecordId] = []

    async def slowly(batch: Batch) -> None:
        ran.extend(record.id for record in batch.records)
        await asyncio.sleep(0.01)
        batch.create(batch.records[0], "Purchase_Line", PurchaseId=batch.records[0].id, Name="l", Price=1)

    install(lab, Trigger("Purchase", slowly, When.ASYNC, frozenset({Operation.CREATE})))
    buyer = buyer_of(lab)
    orders = [new_order(sarah, buyer)[0] for _ in range(12)]

    async def both() -> None:
        await asyncio.gather(*(run_due(lab.uri, {"small": lab.org}) for _ in range(2)))

    lab.run(both())
    run(lab)
    assert sorted(ran) == sorted(orders)
    assert seen(lab, "Buyer", buyer)["Turnover"] == 12


def test_a_worker_that_dies_between_jobs_or_within_one_loses_and_doubles_nothing(lab: Lab, sarah: Phone) -> None:
    async def add_a_line(batch: Batch) -> None:
        for record in batch.records:
            batch.create(record, "Purchase_Line", PurchaseId=record.id, Name="l", Price=1)

    trigger = Trigger("Purchase", add_a_line, When.ASYNC, frozenset({Operation.CREATE}))
    install(lab, trigger)
    buyer = buyer_of(lab)
    orders = [new_order(sarah, buyer)[0] for _ in range(3)]
    [first, second, _] = [i for (i,) in lab.query(f"SELECT id FROM {JOBS} WHERE task_name = '{TASK}' ORDER BY id")]

    async def die() -> None:
        """As a process that is killed leaves it: both taken, one of them saved but not yet marked as done."""
        async with lab.org.pool.connection() as connection:
            await connection.execute(f"UPDATE {JOBS} SET status = 'doing' WHERE id = ANY(%s)", [[first, second]])
            row = await (await connection.execute(f"SELECT args FROM {JOBS} WHERE id = %s", [first])).fetchone()
        assert row is not None
        await performing({"small": lab.org})(first, row[0])

    lab.run(die())
    assert seen(lab, "Buyer", buyer)["Turnover"] == 1
    lab.reopen()
    install(lab, trigger)
    run(lab)
    assert [seen(lab, "Purchase", order)["Lines"] for order in orders] == [1, 1, 1]
    assert jobs(lab) == []


def test_a_worker_takes_jobs_as_they_come_and_ends_when_told(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC))
    buyer = buyer_of(lab)
    order = sarah.new_id("Purchase")

    async def serve() -> None:
        async with open_queue(lab.uri, ["small"], performing({"small": lab.org})) as queue:
            working = asyncio.create_task(queue.work())
            await until(lab, "SELECT count(*) = 1 FROM fieldsync_jobs.procrastinate_workers")
            await sarah.send(sarah.save(create("Purchase", order, BuyerId=buyer, Name="o")))
            await all_done(lab)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    lab.run(serve())
    assert notes(lab, order) == "noted"
    assert lab.query("SELECT count(*) FROM fieldsync_jobs.procrastinate_workers") == [(0,)]


def test_the_queue_is_made_once_for_all_orgs_of_a_database(lab: Lab) -> None:
    before = lab.query("SELECT count(*) FROM pg_class WHERE relnamespace = 'fieldsync_jobs'::regnamespace")
    for _ in range(2):
        with admin_connection(lab.uri) as connection:
            make_queue(connection)
            assert connection.exec_driver_sql("SELECT current_schema()").scalar() == "public"
    assert lab.query("SELECT count(*) FROM pg_class WHERE relnamespace = 'fieldsync_jobs'::regnamespace") == before


def test_a_server_runs_the_jobs_of_its_orgs_until_it_stops(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = Trigger("Purchase", note, When.ASYNC)
    install(lab, trigger)
    monkeypatch.setattr(compiled, "installed_triggers", lambda _: [trigger])
    order, _ = new_order(sarah, buyer_of(lab))
    app = create_app(lab.uri, lab.world)

    async def serve() -> None:
        async with app.lifespan():
            await all_done(lab)

    lab.run(serve())
    assert notes(lab, order) == "noted"


def test_a_job_that_outlasts_its_server_is_given_back(lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()
    monkeypatch.setattr(limits, "JOB_STOP_SECONDS", 0.05)

    async def hang(batch: Batch) -> None:
        if not began.is_set():
            began.set()
            await asyncio.sleep(60)
        await note(batch)

    install(lab, Trigger("Purchase", hang, When.ASYNC))
    order, _ = new_order(sarah, buyer_of(lab))

    async def serve() -> None:
        async with open_queue(lab.uri, ["small"], performing({"small": lab.org})) as queue:
            working = asyncio.create_task(queue.work())
            await began.wait()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    lab.run(serve())
    assert (jobs(lab), notes(lab, order)) == ([("todo", 1)], None)
    run(lab)
    assert notes(lab, order) == "noted"


def test_what_a_newer_procrastinate_changes_is_applied_to_a_queue_that_is_there(lab: Lab, sarah: Phone) -> None:
    """As if the queue had been made before its last fetch function was."""
    known = "DELETE FROM fieldsync_jobs.migration WHERE name = '03.03.00_01_pre_priority_lock_fetch_job.sql'"
    with admin_connection(lab.uri) as connection:
        assert connection.exec_driver_sql(known).rowcount == 1
        make_queue(connection)
    install(lab, Trigger("Purchase", note, When.ASYNC))
    order, _ = new_order(sarah, buyer_of(lab))
    run(lab)
    assert notes(lab, order) == "noted"
    paths = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'fieldsync_jobs'::regnamespace AND proconfig IS NULL"
    assert lab.query(paths) == [(0,)]


def test_a_worker_outlives_the_loss_of_its_connections(lab: Lab, sarah: Phone) -> None:
    install(lab, Trigger("Purchase", note, When.ASYNC))
    buyer, order = buyer_of(lab), sarah.new_id("Purchase")

    async def serve() -> None:
        working = asyncio.create_task(keep_working(lab.uri, ["small"], performing({"small": lab.org})))
        await until(lab, f"SELECT count(*) > 1 {OURS}")
        async with lab.org.pool.connection() as connection:
            await connection.execute(f"SELECT pg_terminate_backend(pid) {OURS}")
        await sarah.send(sarah.save(create("Purchase", order, BuyerId=buyer, Name="o")))
        await all_done(lab)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    lab.run(serve())
    assert notes(lab, order) == "noted"


def test_a_worker_ends_at_whatever_moment_of_its_start_it_is_told_to_and_leaves_nothing(lab: Lab) -> None:
    async def start_and_end() -> list[str]:
        before = asyncio.all_tasks()
        for moment in range(0, 32, 2):
            working = asyncio.create_task(keep_working(lab.uri, ["small"], performing({"small": lab.org})))
            await asyncio.sleep(moment / 1000)
            failed = await asyncio.wait_for(ended(working, again_seconds=limits.WORKER_STOP_SECONDS), 60)
            assert failed is None, f"{moment} ms after its start"
        return [task.get_name() for task in asyncio.all_tasks() - before]

    assert lab.run(start_and_end()) == []


def test_a_worker_is_not_told_to_end_again_while_it_ends(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told twice it leaves what does not hear at once, and the jobs it waits for."""
    listening = asyncio.Event()

    async def deaf(*_: object, **__: object) -> None:
        listening.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(SECONDS_MAX)
        await asyncio.sleep(SECONDS_MAX)

    monkeypatch.setattr(JobManager, "listen_for_jobs", deaf)

    async def start_and_end() -> list[str]:
        before = asyncio.all_tasks()
        working = asyncio.create_task(keep_working(lab.uri, ["small"], performing({"small": lab.org})))
        await listening.wait()
        assert await ended(working, again_seconds=limits.WORKER_STOP_SECONDS) is None
        return [task.get_name() for task in asyncio.all_tasks() - before]

    assert lab.run(start_and_end()) == []
    assert limits.WORKER_STOP_SECONDS > limits.JOB_STOP_SECONDS + CANCEL_ATTEMPTS * CANCEL_TIMEOUT


def test_a_job_whose_end_could_not_be_written_is_not_stuck(
    lab: Lab, sarah: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = asyncio.Event()

    async def lost(*_: object, **__: object) -> None:
        ending.set()
        raise ConnectorException

    async def add_a_line(batch: Batch) -> None:
        batch.create(batch.records[0], "Purchase_Line", PurchaseId=batch.records[0].id, Name="l", Price=1)

    install(lab, Trigger("Purchase", add_a_line, When.ASYNC, frozenset({Operation.CREATE})))
    order, _ = new_order(sarah, buyer_of(lab))

    async def serve() -> None:
        async with open_queue(lab.uri, ["small"], performing({"small": lab.org})) as queue:
            with monkeypatch.context() as patched:
                patched.setattr(JobManager, "finish_job", lost)
                working = asyncio.create_task(queue.work())
                await ending.wait()
                await asyncio.sleep(0.1)
            for _ in range(2):
                await queue.rescue()
            await all_done(lab)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    lab.run(serve())
    assert (seen(lab, "Purchase", order)["Lines"], jobs(lab)) == (1, [])
