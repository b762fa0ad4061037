"""The Console's page of jobs: what waits, what runs, what failed and is tried again, and how runs ended."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.log import get_logger
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.http.context import ServedHere
from fieldsync.server.oversight.catalog.deploying import DEPLOYING
from fieldsync.server.oversight.people.aligning import ALIGNING, PREVIEWING
from fieldsync.server.oversight.people.leaving import REASSIGNING
from fieldsync.server.oversight.scope.checking import WHAT
from fieldsync.server.oversight.sheets.bringing import IMPORTING
from fieldsync.server.postgres.queue.listed import ENDED_DAYS, jobs_of, try_again
from fieldsync.server.postgres.queue.progress import listed
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.processor.hourly.purge import PURGE
from fieldsync.server.recovery.apply import RECOVERED
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page
from fieldsync.web.console.pages import SEE_OTHER

WATCHED: Final = {
    WHAT: ("/console/rules/check", "Validating", "Valid"),
    PURGE: ("/console/retention", "Removing", "Done"),
    RECOVERED: ("/console/recovery", "Applying", "Done"),
    ALIGNING: ("/console/alignment", "Saving", "Done"),
    PREVIEWING: ("/console/alignment", "Trying", "Done"),
    DEPLOYING: ("/console/deploy", "Deploying", "Active"),
    REASSIGNING: ("/console/leaving", "Giving", "Done"),
}
"""By what it is: the page it belongs to, and what it is called while it runs and when it ended well."""
_log = get_logger("fieldsync.server")


def _watched(what: str) -> tuple[str, str, str] | None:
    if what.startswith(IMPORTING):
        return f"/console/import/{what.removeprefix(IMPORTING)}", "Bringing in", "Done"
    return WATCHED.get(what)


@get("/jobs")
async def jobs_page(request: AnyRequest, served: ServedHere) -> Template:
    """Every job that has not ended well, and the last runs."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        jobs, watched = await jobs_of(database, org.name), await listed(database, org.name)
    known = [(one, *found) for one in watched if (found := _watched(one.what)) is not None]
    told = {"jobs": jobs, "watched": known, "days": ENDED_DAYS, "now": org.world.clock.now()}
    return Template("jobs.html", context={"here": "setup", "page_token": page_token, **told})


@post("/jobs/{job:int}/again", status_code=200)
async def try_job_again(request: AnyRequest, served: ServedHere, job: int) -> Response[Any]:
    """Put a job that failed for good back on the queue. Raises Refused(NOT_FOUND)."""
    org, _, caller = await admin(served, request)
    await form_of_page(request)
    async with transaction(org.pool) as database:
        if not await try_again(database, org.name, job):
            raise Refused(problem(Code.NOT_FOUND, object="A failed job", id=str(job)))
    _log.info("job tried again by an admin", org=org.name, job=job, user=caller.user_id)
    return Redirect("/console/jobs", status_code=SEE_OTHER)


JOB_PAGES = [jobs_page, try_job_again]
