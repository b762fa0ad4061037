"""The Console's page of schedules: the shipped template is cloned, the clone changed and activated (FEATURES J04)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Item
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.begin.schedules import OBJECT
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot
from fieldsync.server.processor.hourly.schedule import Schedule, changed, cloned, schedules, stuck
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, wrong: Problem | None = None) -> Template:
    async with snapshot(org.pool) as database:
        found, waiting = await schedules(org, database), await stuck(org, database)
    told = {"schedules": found, "stuck": waiting, "wrong": wrong}
    return telling(Template("schedules.html", context={"here": "setup", "page_token": page_token, **told}), wrong)


@get("/schedules")
async def schedule_page(request: AnyRequest, served: ServedHere) -> Template:
    """Every schedule, and how many transactions are stuck."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token)


@post("/schedules/{schedule_id:str}/{act:str}", status_code=200)
async def act_on_schedule(
    request: AnyRequest, served: ServedHere, schedule_id: str, act: str
) -> Response[Any] | Template:
    """Clone it, or save what the form says of it."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value) for key, value in (await form_of_page(request)).items()}
    async with snapshot(org.pool) as database:
        found = next((one for one in await schedules(org, database) if one.id == schedule_id), None)
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object="The schedule", id=schedule_id))
    try:
        item = await _item(org, found, act, form)
    except Refused as refused:
        return await _page(org, page_token, refused.problem)
    if item is not None and (wrong := await refusals(org, request, item)):
        return await _page(org, page_token, wrong[0])
    return Redirect("/console/schedules", status_code=SEE_OTHER)


async def _item(org: Org, schedule: Schedule, act: str, form: dict[str, str]) -> Item | None:
    if act == "clone":
        [new_id] = await draw_ids(org, [OBJECT])
        return cloned(schedule, new_id, f"{schedule.name} (copy)")
    numbers = {name: form.get(name, "").strip() for name in ("Hour", "Look_Back_Days")}
    if act != "save" or not all(text.isascii() and text.isdecimal() and len(text) < 6 for text in numbers.values()):
        raise Refused(problem(Code.BAD_REQUEST, reason="the hour and the days are whole numbers"))
    values = {name: int(text) for name, text in numbers.items()}
    return changed(schedule, {"Name": form.get("Name", "")[:80], "Active": form.get("Active") == "true", **values})


SCHEDULE_PAGES = [schedule_page, act_on_schedule]
