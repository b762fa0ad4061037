"""The jobs of an org for people: what waits, what runs, what failed and when it is tried again, and how runs ended.

The arguments of a job hold people's data; told is only what kind it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.queue.schema import QUEUE_SCHEMA
from fieldsync.server.postgres.work import Work

LISTED_MAX: Final = 100
ENDED_DAYS: Final = 7
"""How long it is known how a run ended."""
HOUR, TRIGGER, DEVICE, RECOVERY = "the hour", "trigger", "saves of a device", "recovery after a restore"
EMAIL, CHECK = "approved e-mail", "sync rules"
ASKED_FOR: Final = {
    "alignment": "alignment",
    "leaving": "records given to another",
    "import": "import of a file",
    "deploy": "deploy",
}
"""What admins and others ask for on a page: by the argument that names its note."""
_ASKED = " ".join(f"WHEN j.args ? '{key}' THEN '{what}'" for key, what in ASKED_FOR.items())
_WHAT = f"""CASE WHEN j.args ? 'timestamp' THEN '{HOUR}'
 WHEN j.args ? 'trigger' THEN '{TRIGGER} ' || (j.args ->> 'trigger')
 WHEN j.args ? 'email' THEN '{EMAIL}' WHEN j.args ? 'check' THEN '{CHECK}'
 {_ASKED} WHEN j.args ? 'device' THEN '{DEVICE}' ELSE '{RECOVERY}' END"""


@dataclass(frozen=True)
class ListedJob:
    """One job that has not ended well. `status`: todo, doing or failed."""

    id: int
    what: str
    status: str
    runs: int
    due_at: datetime | None
    deferred_at: datetime | None
    changed_at: datetime | None
    heard_at: datetime | None
    """When the worker that does it was heard of last."""


@dataclass(frozen=True)
class EndedRun:
    """One run of a job. `problem` is empty where it ended well."""

    id: int
    what: str
    begun_at: datetime
    seconds: float
    attempt: int
    problem: str


@dataclass(frozen=True)
class Jobs:
    """All there is to see. `counts`: by status; `lately`: runs of the last day, by kind, well and not."""

    listed: tuple[ListedJob, ...]
    ended: tuple[EndedRun, ...]
    counts: Mapping[str, int]
    lately: tuple[tuple[str, int, int, float], ...]


def what_of(arguments: Mapping[str, Any]) -> str:
    """What kind of job it is, in words. Pure."""
    if "timestamp" in arguments:
        return HOUR
    if "trigger" in arguments:
        return f"{TRIGGER} {arguments['trigger']}"
    if "email" in arguments:
        return EMAIL
    if "check" in arguments:
        return CHECK
    for key, what in ASKED_FOR.items():
        if key in arguments:
            return what
    return DEVICE if "device" in arguments else RECOVERY


_LISTED = Statement(
    f"""
SELECT j.id, {_WHAT}, j.status::text,
 count(e.id) FILTER (WHERE e.type = 'started'), j.scheduled_at, min(e.at), max(e.at), max(w.last_heartbeat)
FROM {QUEUE_SCHEMA}.procrastinate_jobs j
LEFT JOIN {QUEUE_SCHEMA}.procrastinate_events e ON e.job_id = j.id
LEFT JOIN {QUEUE_SCHEMA}.procrastinate_workers w ON w.id = j.worker_id
WHERE j.queue_name = %(queue)s AND j.status IN ('todo', 'doing', 'failed')
GROUP BY j.id ORDER BY j.status = 'failed' DESC, j.status = 'doing' DESC, j.scheduled_at NULLS FIRST, j.id
LIMIT {LISTED_MAX}
""",  # noqa: S608
    frozenset({"queue"}),
    {},
)
_COUNTS = Statement(
    f"SELECT status::text, count(*) FROM {QUEUE_SCHEMA}.procrastinate_jobs"  # noqa: S608
    " WHERE queue_name = %(queue)s GROUP BY status",
    frozenset({"queue"}),
    {},
)
_ENDED = Statement(
    f"""
SELECT job_id, what, begun_at, extract(epoch FROM ended_at - begun_at)::float8, attempt, coalesce(problem, '')
FROM {QUEUE_SCHEMA}.ended WHERE queue_name = %(queue)s ORDER BY ended_at DESC LIMIT {LISTED_MAX}
""",  # noqa: S608
    frozenset({"queue"}),
    {},
)
_LATELY = Statement(
    f"""
SELECT what, count(*) FILTER (WHERE problem IS NULL), count(problem),
       max(extract(epoch FROM ended_at - begun_at))::float8
FROM {QUEUE_SCHEMA}.ended WHERE queue_name = %(queue)s AND ended_at > now() - interval '1 day'
GROUP BY what ORDER BY count(*) DESC, what LIMIT {LISTED_MAX}
""",  # noqa: S608
    frozenset({"queue"}),
    {},
)
_AGAIN = Statement(
    f"""
SELECT {QUEUE_SCHEMA}.procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM {QUEUE_SCHEMA}.procrastinate_jobs
WHERE id = %(job)s AND queue_name = %(queue)s AND status = 'failed'
""",  # noqa: S608
    frozenset({"job", "queue"}),
    {},
)
FORGET_ENDED = Statement(
    f"DELETE FROM {QUEUE_SCHEMA}.ended WHERE queue_name = %(queue)s"  # noqa: S608
    f" AND ended_at < now() - interval '{ENDED_DAYS} days'",
    frozenset({"queue"}),
    {},
)
"""What is known no longer."""


async def jobs_of(database: Work, queue: str) -> Jobs:
    """The jobs of an org, failed ones first, and how the last runs ended."""
    listed = tuple(ListedJob(*row) for row in await database.rows(_LISTED, queue=queue))
    ended = tuple(EndedRun(*row) for row in await database.rows(_ENDED, queue=queue))
    counts = {str(status): int(count) for status, count in await database.rows(_COUNTS, queue=queue)}
    lately = tuple((str(r[0]), int(r[1]), int(r[2]), float(r[3])) for r in await database.rows(_LATELY, queue=queue))
    return Jobs(listed, ended, counts, lately)


async def try_again(database: Work, queue: str, job: int) -> bool:
    """Put a failed job back on its queue. False where it did not fail, or is another org's."""
    return bool(await database.rows(_AGAIN, queue=queue, job=job))
