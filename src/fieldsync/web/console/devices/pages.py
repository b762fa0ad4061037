"""The Console's page of devices: who has which, what waits for them, and clearing the errors of a person whose device
is stuck (FEATURES G08)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol import wire
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.feeds import feeds
from fieldsync.server.oversight.people.devices import (
    end_sessions,
    refresh_change,
    service_change,
    standing,
    standings,
    syncs_of,
)
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.processor.clearing import ask, exported
from fieldsync.web.console.door import AnyRequest, admin, admin_org, refusals, require_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, wrong: Problem | None = None, search: str = "") -> Template:
    async with snapshot(org.pool) as database:
        waiting, found = await feeds(org, database), await standings(org, database, search)
    told = {"devices": found, "feeds": waiting, "wrong": wrong, "search": search}
    return telling(Template("devices.html", context={"here": "devices", "page_token": page_token, **told}), wrong)


@get("/devices")
async def devices(request: AnyRequest, served: ServedHere, search: str = "") -> Template:
    """Every device, and what waits for them on feeds."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, search=search.strip())


async def _device(org: Org, page_token: str, device_id: str, wrong: Problem | None = None) -> Template:
    async with snapshot(org.pool) as database:
        found, syncs = await standing(org, database, device_id), await syncs_of(org, database, device_id)
    told = {"d": found, "syncs": syncs, "wrong": wrong, "here": "devices", "page_token": page_token}
    return Template("device.html", context=told)


@get("/devices/{device_id:str}")
async def one_device(request: AnyRequest, served: ServedHere, device_id: str) -> Template:
    """One device with its syncs."""
    org, page_token = await admin_org(served, request)
    return await _device(org, page_token, device_id)


@post("/devices/{device_id:str}/{act:str}", status_code=200)
async def ask_device(request: AnyRequest, served: ServedHere, device_id: str, act: str) -> Response[Any] | Template:
    """Ask for a full refresh, or take the device out of service: a save, so it is in the journal."""
    org, page_token = await admin_org(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    on = form.get("on") == "true"
    async with snapshot(org.pool) as database:
        found = await standing(org, database, device_id)
    changes = {"refresh": refresh_change, "service": service_change}
    if act not in changes:
        raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))
    item = changes[act](found, on=on)
    if wrong := await refusals(org, request, item):
        return await _device(org, page_token, device_id, wrong[0])
    if act == "service" and not on:
        async with transaction(org.pool) as database:
            await end_sessions(org, database, device_id)
    return Redirect(f"/console/devices/{device_id}", status_code=SEE_OTHER)


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


DEVICE_PAGES = [devices, clear_errors, cleared, one_device, ask_device]
