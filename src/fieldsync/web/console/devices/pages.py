"""The Console's page of devices: who has which, what waits for them, and clearing the errors of a person whose device
is stuck (FEATURES G08)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol import wire
from fieldsync.protocol.upload import Item
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.feeds import feeds
from fieldsync.server.oversight.people.devices import (
    Standing,
    queue_change,
    refresh_change,
    service_change,
    standing,
    standings,
    syncs_of,
    wipe_change,
)
from fieldsync.server.oversight.people.support import support_sessions
from fieldsync.server.postgres.listen import CHANNEL, news_for
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.server.processor.clearing import ask, exported
from fieldsync.server.sync.forcing.reload import Asked, reload_asked
from fieldsync.server.sync.orders.orders import end_sessions
from fieldsync.server.sync.tracking.log import log_of
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling

LOG_SHOWN, LOG_EXPORTED = 100, 50_000
WRONG = ("warning", "error")
"""Levels of the log that tell what went wrong."""


async def _page(org: Org, page_token: str, wrong: Problem | None = None, search: str = "") -> Template:
    async with snapshot(org.pool) as database:
        waiting, found = await feeds(org, database), await standings(org, database, search)
        sessions, asked = await support_sessions(org, database), await reload_asked(org, database)
    told = {
        "asked": None if asked is None else _reload(org, asked),
        "devices": found,
        "feeds": waiting,
        "wrong": wrong,
        "search": search,
        "sessions": sessions,
    }
    return telling(Template("devices.html", context={"here": "devices", "page_token": page_token, **told}), wrong)


def _reload(org: Org, asked: Asked) -> dict[str, Any]:
    """What every device is to load anew, and since when."""
    overdue = asked.due <= org.world.clock.now().date()
    return {"since": instant(asked.asked_at), "due": asked.due, "overdue": overdue}


@get("/devices")
async def devices(request: AnyRequest, served: ServedHere, search: str = "") -> Template:
    """Every device, and what waits for them on feeds."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token, search=search.strip())


async def _device(
    org: Org, page_token: str, device_id: str, wrong: Problem | None = None, levels: Sequence[str] = ()
) -> Template:
    async with snapshot(org.pool) as database:
        found, syncs = await standing(org, database, device_id), await syncs_of(org, database, device_id)
        sessions = await support_sessions(org, database, found.user_id)
        log = await log_of(database, found.id, LOG_SHOWN, levels)
    told = {
        "d": found,
        "syncs": syncs,
        "log": log,
        "wrong_only": bool(levels),
        "sessions": sessions,
        "wrong": wrong,
        "here": "devices",
        "page_token": page_token,
    }
    return Template("device.html", context=told)


@get("/devices/{device_id:str}")
async def one_device(request: AnyRequest, served: ServedHere, device_id: str, log: str = "") -> Template:
    """One device with its syncs, and the newest lines of its log: all, or with `log=wrong` what went wrong."""
    org, page_token = await admin_org(served, request)
    return await _device(org, page_token, device_id, levels=WRONG if log == "wrong" else ())


@get("/devices/{device_id:str}/log", media_type="text/plain")
async def device_log(request: AnyRequest, served: ServedHere, device_id: str) -> Response[str]:
    """What this device logged, as a file: the newest first."""
    org, _ = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        lines = await log_of(database, (await standing(org, database, device_id)).id, LOG_EXPORTED)
    named = {"content-disposition": f'attachment; filename="{org.name}-{device_id}.log"'}
    content = "".join(f"{line.at} {line.level} {line.text}\n" for line in lines)
    return Response(content, media_type="text/plain", headers=named)


@post("/devices/{device_id:str}/{act:str}", status_code=200)
async def ask_device(request: AnyRequest, served: ServedHere, device_id: str, act: str) -> Response[Any] | Template:
    """Ask for a full refresh, its queue or a wipe, or take it out of service: each a save, so it is in the journal."""
    org, page_token = await admin_org(served, request)
    form = await form_of_page(request)
    told = {str(name): str(value) for name, value in form.items()}
    async with snapshot(org.pool) as database:
        found = await standing(org, database, device_id)
    try:
        item = _asked(found, act, told, instant(org.world.clock.now()))
    except Refused as refused:
        return await _device(org, page_token, device_id, refused.problem)
    if wrong := await refusals(org, request, item):
        return await _device(org, page_token, device_id, wrong[0])
    async with transaction(org.pool) as database:
        if act == "service" and told.get("on") != "true":
            await end_sessions(org, database, device_id)
        database.later(org.save.wake, channel=CHANNEL, payload=news_for(org.schema, found.user_id))
    return Redirect(f"/console/devices/{device_id}", status_code=SEE_OTHER)


def _asked(found: Standing, act: str, told: dict[str, str], now: str) -> Item:
    """The save that an act is. Raises Refused: BAD_REQUEST, UNUSABLE."""
    on = told.get("on") == "true"
    match act:
        case "refresh":
            return refresh_change(found, on=on)
        case "service":
            return service_change(found, on=on)
        case "queue":
            return queue_change(found, on=on, at=now)
        case "wipe":
            if on and told.get("name", "").strip().lower() != found.username.lower():
                raise Refused(problem(Code.BAD_REQUEST, reason="a wipe needs the user name of the person, typed"))
            return wipe_change(found, on=on, at=now, send_first=told.get("first") == "true")
    raise Refused(problem(Code.BAD_REQUEST, reason="there is no such act"))


@get("/devices/{device_id:str}/handed", media_type=wire.CONTENT_LINES)
async def handed_over(request: AnyRequest, served: ServedHere, device_id: str) -> Response[bytes]:
    """What this device handed over, as a file: whole saves, a JSON object a line."""
    org, _ = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        content = b"".join(await exported(org, database, device_id))
    named = {"content-disposition": f'attachment; filename="{org.name}-{device_id}.jsonl"'}
    return Response(content, media_type=wire.CONTENT_LINES, headers=named)


@post("/devices/clear", status_code=200)
async def clear_errors(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Have each device of a person give up its errors at its next sync, or take that back."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
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


DEVICE_PAGES = [devices, clear_errors, cleared, handed_over, device_log, one_device, ask_device]
