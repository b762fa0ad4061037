"""Support sessions in the Console: begun on the view of a device, watched, allowed to save, ended (FEATURES B24)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.support import support_session
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.sync.support.support import CODE_MINUTES, begin, end, switch
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, device_id: str, wrong: Problem | None = None, **more: Any) -> Template:
    async with snapshot(org.pool) as database:
        found = await support_session(org, database, device_id)
    told = {"s": found, "wrong": wrong, "minutes": CODE_MINUTES, "code": "", **more}
    return telling(Template("support.html", context={"here": "devices", "page_token": page_token, **told}), wrong)


@get("/support/{device_id:str}")
async def one_support(request: AnyRequest, served: ServedHere, device_id: str) -> Template:
    """One session: how it stands, and what its admin may do."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, device_id)


@post("/support/{device_id:str}/begin", status_code=200)
async def begin_support(request: AnyRequest, served: ServedHere, device_id: str) -> Response[Any] | Template:
    """Begin one on the view of this device. Its code is shown once. Raises Refused: BAD_REQUEST, NOT_FOUND."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    minutes = str(form.get("minutes", ""))
    asked = device_id, str(form.get("reason", "")), int(minutes) if minutes.isdecimal() and len(minutes) < 5 else 0
    async with transaction(org.pool) as database:
        begun = await begin(org, database, caller, asked)
    server = str(request.base_url).rstrip("/")
    return await _page(org, page_token, begun.device, code=begun.code, server=server)


@post("/support/{device_id:str}/{act:str}", status_code=200)
async def act_support(request: AnyRequest, served: ServedHere, device_id: str, act: str) -> Response[Any] | Template:
    """End it, or switch saving on or off. Raises Refused(NOT_FOUND)."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    try:
        async with transaction(org.pool) as database:
            match act:
                case "end":
                    await end(org, database, caller, device_id)
                case "edit" if form.get("sure") == "true":
                    await switch(org, database, caller, device_id, on=True)
                case "look":
                    await switch(org, database, caller, device_id, on=False)
                case _:
                    raise Refused(problem(Code.BAD_REQUEST, reason="say that you know what saving does"))
    except Refused as refused:
        return await _page(org, page_token, device_id, refused.problem)
    return Redirect(f"/console/support/{device_id}", status_code=SEE_OTHER)


SUPPORT_PAGES = [one_support, begin_support, act_support]
