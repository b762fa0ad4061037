"""The Console's page of retention rules: how long finished transactions are kept, and the last purge (FEATURES J22)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.server.configuration.retention import keep_days, retention_saved, retentions
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.begin.retention import OBJECT
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.hourly.purge import overdue
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, wrong: Problem | None = None) -> Template:
    async with snapshot(org.pool) as database:
        rules = await retentions(org, database)
        waiting = await overdue(org.metadata, database, keep_days(rules), org.world.clock.now())
    told = {"rules": rules, "overdue": waiting, "wrong": wrong, "objects": sorted(o.name for o in org.catalog)}
    return telling(Template("retention.html", context={"here": "setup", "page_token": page_token, **told}), wrong)


@get("/retention")
async def retention_page(request: AnyRequest, served: ServedHere) -> Template:
    """Every rule, and how many finished transactions are to go with the next purge."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token)


@post("/retention/save", status_code=200)
async def save_retention(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Save what the form says of a rule, or make it where the form names none."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value).strip() for key, value in (await form_of_page(request)).items()}
    async with snapshot(org.pool) as database:
        known = next((rule for rule in await retentions(org, database) if rule.id == form.get("id")), None)
    if form.get("id") and known is None:
        raise Refused(problem(Code.NOT_FOUND, object="The retention rule", id=form["id"]))
    days = form.get("Keep_Days", "")
    if not days.isascii() or not days.isdecimal() or len(days) > 4:
        return await _page(org, page_token, problem(Code.BAD_REQUEST, reason="the days are a whole number"))
    [new_id] = await draw_ids(org, [OBJECT])
    texts = {name: form.get(name, "") for name in ("Name", "Object_Name", "Description")}
    texts["Name"] = texts["Name"] or texts["Object_Name"]
    item = retention_saved(known, new_id, {**texts, "Active": form.get("Active") == "true", "Keep_Days": int(days)})
    if item is not None and (wrong := await refusals(org, request, item)):
        return await _page(org, page_token, wrong[0])
    return Redirect("/console/retention", status_code=SEE_OTHER)


RETENTION_PAGES = [retention_page, save_retention]
