"""The Console's page of devices: who has which, what waits for them, and clearing the errors of a person whose device
is stuck (FEATURES G08)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import CATALOGUE, Problem, Refused
from fieldsync.protocol import wire
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.feeds import feeds
from fieldsync.server.oversight.transactions import Oversight
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.processor.clearing import ask, exported
from fieldsync.web.console.door import AnyRequest, admin, admin_org, require_page
from fieldsync.web.console.pages import SEE_OTHER


async def _page(org: Org, page_token: str, wrong: Problem | None = None) -> Template:
    async with snapshot(org.pool) as database:
        waiting = await feeds(org, database)
    told = {"devices": await Oversight(org).devices(), "feeds": waiting, "wrong": wrong}
    page = Template("devices.html", context={"here": "devices", "page_token": page_token, **told})
    if wrong is not None:
        page.status_code = CATALOGUE[wrong.code].status
    return page


@get("/devices")
async def devices(request: AnyRequest, served: ServedHere) -> Template:
    """Every device, and what waits for them on feeds."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token)


@post("/devices/clear", status_code=200)
async def clear_errors(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Have each device of a person give up its errors at its next sync, or take that back."""
    org, page_token, caller = await admin(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    try:
        async with transaction(org.pool) as database:
            await ask(org, database, str(form.get("username", "")), on=form.get("on") == "true", by=caller)
    except Refused as refused:
        return await _page(org, page_token, refused.problem)
    return Redirect("/console/devices", status_code=SEE_OTHER)


@get("/devices/cleared", media_type=wire.CONTENT_LINES)
async def cleared(request: AnyRequest, served: ServedHere) -> Response[bytes]:
    """All that was ever cleared, as a file: whole saves as the devices had them, a JSON object a line."""
    org, _ = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        content = b"".join(await exported(org, database))
    named = {"content-disposition": f'attachment; filename="{org.name}-cleared.jsonl"'}
    return Response(content, media_type=wire.CONTENT_LINES, headers=named)


DEVICE_PAGES = [devices, clear_errors, cleared]
