"""The Console's page of merging two records: what would move and which fields win, then the act (FEATURES E22)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Problem, Refused
from fieldsync.server.http.context import ServedHere
from fieldsync.server.merge.merge import Merging, merge
from fieldsync.server.merge.preview import Preview, preview
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, merging: Merging, wrong: Problem | None = None) -> Template:
    found: Preview | None = None
    if merging.loser and merging.winner:
        try:
            async with snapshot(org.pool) as database:
                found = await preview(org, database, merging)
        except Refused as refused:
            wrong = wrong or refused.problem
    names = [o.name for o in org.catalog if o.declared.mergeable]
    told = {"merging": merging, "preview": found, "wrong": wrong, "objects": names}
    return telling(Template("merge.html", context={"here": "records", "page_token": page_token, **told}), wrong)


@get("/merge")
async def merge_page(
    request: AnyRequest, served: ServedHere, object_name: str = "Account", loser: str = "", winner: str = ""
) -> Template:
    """Which two; with both, what would become of them."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, Merging(object_name, RecordId(loser.strip()), RecordId(winner.strip())))


@post("/merge", status_code=200)
async def merge_now(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Do it."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    name, loser, winner, reason = (
        str(form.get(key, "")).strip() for key in ("object_name", "loser", "winner", "reason")
    )
    take = tuple(key.removeprefix("take:") for key in form if key.startswith("take:"))
    merging = Merging(name, RecordId(loser), RecordId(winner), take, reason[:1_000])
    try:
        await merge(org, merging, caller)
    except Refused as refused:
        return await _page(org, page_token, merging, refused.problem)
    return Redirect(f"/console/objects/{name}/{winner}", status_code=SEE_OTHER)


MERGE_PAGES = [merge_page, merge_now]
