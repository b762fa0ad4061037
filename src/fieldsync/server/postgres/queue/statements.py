"""What a save, and a job that saves, run on the queue in their own database transaction."""

from __future__ import annotations

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA

TASK = "fieldsync"
"""The one task that procrastinate knows; what a job is about stands in its arguments."""

HOURLY = "fieldsync_hour"
"""The task that every queue gets once an hour; its `timestamp` is the hour in seconds."""

_JOBS = frozenset({"queue", "jobs", "at"})


def _defer(priority: int) -> Statement:
    text = f"""
SELECT {QUEUE_SCHEMA}.procrastinate_defer_jobs_v1(array_agg(ROW(
    CAST(%(queue)s AS text), '{TASK}', {priority}, NULL, NULL, job.args, CAST(%(at)s AS timestamptz)
)::{QUEUE_SCHEMA}.procrastinate_job_to_defer_v1))
FROM jsonb_array_elements(CAST(%(jobs)s AS jsonb)) AS job (args)
"""  # noqa: S608
    return Statement(text, _JOBS, {})


DEFER = _defer(0)
"""Put jobs on a queue: `jobs` is a JSON array of their arguments, `at` when they are due, null for now. They are there
when the transaction commits."""
DEFER_FIRST = _defer(1)
"""As `DEFER`; of the jobs that are due they are done before the others."""

NOTE_ENDED = f"""
INSERT INTO {QUEUE_SCHEMA}.ended (job_id, queue_name, what, begun_at, ended_at, attempt, problem)
SELECT %(job)s, %(queue)s, %(what)s, coalesce(max(at), now()), now(), count(*), %(problem)s
FROM {QUEUE_SCHEMA}.procrastinate_events WHERE job_id = %(job)s AND type = 'started'
"""  # noqa: S608
"""One run of a job, which ended: well, or with a problem."""

IS_APPLIED = Statement(
    f"SELECT 1 FROM {QUEUE_SCHEMA}.applied WHERE job_id = %(job)s",  # noqa: S608
    frozenset({"job"}),
    {},
)

MARK_APPLIED = Statement(
    f"INSERT INTO {QUEUE_SCHEMA}.applied (job_id) VALUES (%(job)s) ON CONFLICT DO NOTHING",  # noqa: S608
    frozenset({"job"}),
    {},
)
"""Write no row when another worker has applied the job; wait for one that is about to (law L2)."""
