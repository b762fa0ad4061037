"""Running jobs: procrastinate's worker on connections of its own, beside the server in the same event loop.

Any number of workers share the queues. A job that raises is tried again after a growing pause; one that fails for good
is told to the log and stays in the table as `failed`. What a job does is `Perform`, which this room knows nothing of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import procrastinate
import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.worker import Worker

from fieldsync.base import limits
from fieldsync.base.log import get_logger
from fieldsync.server.postgres import settings
from fieldsync.server.postgres.queue.ending import ended, go_on
from fieldsync.server.postgres.queue.listed import what_of
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA
from fieldsync.server.postgres.queue.statements import HOURLY, NOTE_ENDED, TASK

Perform = Callable[[int, Mapping[str, Any]], Awaitable[None]]
"""Does the job of this id with these arguments. Called again when it raises, unless it raises `Hopeless`."""

CONNECTIONS_MAX = 3
RESTART_SECONDS = 2.0
RESCUE_END_SECONDS = 0.5
_JSON = msgspec.json.Decoder(float_hook=Decimal)
_log = get_logger("fieldsync.server")
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # it logs arguments, which hold people's data; we tell


class Hopeless(Exception):
    """A job that would fail again however often it is tried."""


class BackOff(BaseRetryStrategy):
    """When a job that raised is tried again; None is never."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):  # the server stops; the next one takes it up
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, Hopeless) or job.attempts >= limits.JOB_RETRIES_MAX:
            return None
        return RetryDecision(retry_in={"seconds": limits.JOB_BACKOFF_BASE_SECONDS ** (job.attempts + 1)})


class Queue:
    """Jobs of some queues, done one after another. Made by `open_queue`."""

    def __init__(self, app: procrastinate.App, queues: Sequence[str], perform: Perform) -> None:
        self._app, self._queues, self._perform = app, list(queues), perform
        self._running: set[int] = set()
        self._ended: list[Job] = []
        self._ended_before: list[Job] = []
        app.task(name=TASK, pass_context=True, retry=BackOff())(self._do)
        self._hourly = app.task(name=HOURLY, pass_context=True, retry=BackOff())(self._do_hourly)

    def schedule(self) -> None:
        """From now on a run of this queue also defers what is done every hour, once for all servers. Called once."""
        for queue in self._queues:
            every = self._app.periodic(cron="0 * * * *", periodic_id=queue, queue=queue, task_kwargs={"org": queue})
            every(self._hourly)

    async def work(self) -> None:
        """Do jobs as they come, and those of every hour, until cancelled; then those begun may end. Returns when it
        lost the database."""
        self.schedule()
        worker = self._worker(wait=True)
        working = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
        rescuing = asyncio.create_task(self._rescue_forever())
        try:
            await asyncio.shield(working)
        finally:  # it hears this word at any moment; a cancellation may be taken by a wait of its start
            worker.stop()  # type: ignore[no-untyped-call]
            await ended(rescuing, again_seconds=RESCUE_END_SECONDS)
            await asyncio.gather(working, return_exceptions=True)

    async def work_off(self) -> None:
        """Do every job that is due now, then return. The hour's are deferred by servers, which work on."""
        await self.rescue()
        await self._worker(wait=False).run()  # type: ignore[no-untyped-call]

    async def rescue(self) -> None:
        """Give back to the queue jobs of processes that died, and our own whose end could not be written down."""
        jobs = self._app.job_manager
        stalled = await jobs.get_stalled_jobs(seconds_since_heartbeat=limits.JOB_RESCUE_SECONDS)
        for job in [*(job for job in stalled if job.queue in self._queues), *await self._unwritten()]:
            try:
                if job.attempts < limits.JOB_RETRIES_MAX:
                    await jobs.retry_job(job)
                else:
                    await jobs.finish_job(job, Status.FAILED, delete_job=False)
                _log.warning("job rescued", job=job.id, queue=job.queue, attempts=job.attempts)
            except ConnectorException:  # another server was first
                continue

    async def _unwritten(self) -> list[Job]:
        """Jobs that ended here a round ago and that the table still calls running, by this worker."""
        ended, self._ended_before, self._ended = self._ended_before, self._ended, []
        found: list[Job] = []
        for job in ended:
            there = await self._app.job_manager.list_jobs_async(id=job.id, status=Status.DOING.value)
            found += [now for now in there if now.worker_id == job.worker_id and now.id not in self._running]
        return found

    async def _do(self, context: procrastinate.JobContext, /, **arguments: Any) -> None:
        job = context.job
        assert job.id is not None
        self._running.add(job.id)
        try:
            await self._perform(job.id, arguments)
        except Exception as failed:
            _tell(job, failed)
            await self._note(job, what_of(arguments), f"{type(failed).__name__}: {failed}"[:500])
            raise
        else:
            await self._note(job, what_of(arguments))
        finally:
            self._running.discard(job.id)
            self._ended.append(job.evolve(task_kwargs={}))

    async def _note(self, job: Job, what: str, problem: str | None = None) -> None:
        """For the console. A database that is away takes none: the job itself counts."""
        row = {"job": job.id, "queue": job.queue, "what": what, "problem": problem}
        try:
            await self._app.connector.execute_query_async(NOTE_ENDED, **row)
        except ConnectorException as failed:
            _log.warning("run of a job not noted", job=job.id, error=str(failed))

    async def _do_hourly(self, context: procrastinate.JobContext, /, timestamp: int, **arguments: Any) -> None:
        await self._do(context, timestamp=timestamp, **arguments)

    def _worker(self, *, wait: bool) -> Worker:
        return Worker(
            self._app,
            queues=self._queues,
            wait=wait,
            concurrency=limits.JOBS_AT_ONCE_MAX,
            listen_notify=wait,
            delete_jobs="successful",
            install_signal_handlers=False,
            shutdown_graceful_timeout=limits.JOB_STOP_SECONDS,
            stalled_worker_timeout=limits.JOB_RESCUE_SECONDS,
        )

    async def _rescue_forever(self) -> None:
        while True:
            try:
                await self.rescue()
            except (ConnectorException, psycopg.Error) as failed:
                _log.error("jobs not rescued", error=str(failed))
            await asyncio.sleep(limits.JOB_RESCUE_SECONDS)


@asynccontextmanager
async def open_queue(uri: str, queues: Sequence[str], perform: Perform) -> AsyncIterator[Queue]:
    """The queues of the database at `uri`, whose tables `make_queue` made."""
    connector = procrastinate.PsycopgConnector(
        conninfo=uri,
        json_loads=_JSON.decode,
        kwargs={"application_name": "fieldsync jobs"},
        configure=_configure,
        min_size=1,
        max_size=CONNECTIONS_MAX,
    )
    app = procrastinate.App(connector=connector)
    try:
        await app.open_async()
        go_on()
        yield Queue(app, queues, perform)
    finally:
        await app.close_async()


async def keep_working(uri: str, queues: Sequence[str], perform: Perform) -> None:
    """Do the jobs of these queues until cancelled. A database that is away is waited for (law L7)."""
    while True:
        try:
            async with open_queue(uri, queues, perform) as queue:
                await queue.work()
        except (ConnectorException, psycopg.Error) as failed:
            _log.error("jobs stopped", error=str(failed))
        go_on()
        await asyncio.sleep(RESTART_SECONDS)


def _tell(job: Job, failed: Exception) -> None:
    """Log a failure: a warning while it will be tried again."""
    facts = {"job": job.id, "queue": job.queue, "attempt": job.attempts + 1, "kind": type(failed).__name__}
    if BackOff().get_retry_decision(exception=failed, job=job) is None:
        _log.error("job failed for good", reason=str(failed)[:500], **facts)
    else:
        _log.warning("job failed", reason=str(failed)[:500], **facts)


async def _configure(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
    await connection.execute(settings.set_all({**settings.COMMON, "search_path": QUEUE_SCHEMA}))
    await connection.commit()
