"""All sync rules checked for everybody, as a job: asked for, watched, canceled, and what came of it (FEATURES A18)."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.scope.checking import WHAT, ask_check, read_report
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, name_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.rules.pages import page

_BACK: Final = {"check": "/console/rules/check"} | {
    page: f"/console/{page}" for page in ("alignment", "leaving", "deploy")
}
"""Pages that watch a piece of work."""


async def _found(org: Org) -> dict[str, Any]:
    async with snapshot(org.pool) as database:
        known = [one for one in await progress.listed(database, org.name) if one.what == WHAT]
    newest = known[0] if known else None
    return {"check": newest, "report": read_report(newest.result) if newest is not None else None}


@get("/rules/check")
async def check_page(request: AnyRequest, served: ServedHere) -> Template:
    """How the last check stands, and what it found."""
    org, page_token = await admin_org(served, request)
    return page("rules_check.html", page_token=page_token, **await _found(org))


@post("/rules/check", status_code=200)
async def begin_check(request: AnyRequest, served: ServedHere) -> Response[Any]:
    """Have it done; one that is under way goes on."""
    org, _, caller = await admin(served, request)
    await form_of_page(request)
    by = await name_of(org, caller)
    async with transaction(org.pool) as database:
        await ask_check(org, database, by)
    return Redirect("/console/rules/check", status_code=SEE_OTHER)


@post("/progress/{known:int}/cancel", status_code=200)
async def cancel_progress(request: AnyRequest, served: ServedHere, known: int) -> Response[Any]:
    """Have a piece of work stop at its next step; one that has ended stays as it is."""
    org, _, _ = await admin(served, request)
    form = await form_of_page(request)
    async with transaction(org.pool) as database:
        await progress.cancel(database, org.name, known)
    return Redirect(_BACK.get(str(form.get("from")), "/console/jobs"), status_code=SEE_OTHER)


CHECK_PAGES = [check_page, begin_check, cancel_progress]
