"""Whom alerts are told to: channels by e-mail and web address, with their quiet time; each can be tried at once."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Item
from fieldsync.server.alerts.channels import OBJECT, Channel, changed, channels, dropped, entered, made
from fieldsync.server.alerts.found import found_alerts
from fieldsync.server.alerts.secret import NONCE_BYTES
from fieldsync.server.alerts.telling import TEST, send
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org, form_of_page, refusals
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.pages import telling


async def _page(org: Org, page_token: str, wrong: Problem | None = None, said: str = "") -> Template:
    async with snapshot(org.pool) as database:
        told = {"alerts": await found_alerts(org, database), "channels": await channels(org, database)}
    told |= {"wrong": wrong, "said": said}  # type: ignore[dict-item]
    return telling(Template("alerts.html", context={"here": "home", "page_token": page_token, **told}), wrong)


@get("/alerts")
async def alerts(request: AnyRequest, served: ServedHere) -> Template:
    """What needs somebody now, and who is told."""
    org, page_token = await admin_org(served, request)
    return await _page(org, page_token)


@post("/alerts/{channel_id:str}/{act:str}", status_code=200)
async def act_on_channel(
    request: AnyRequest, served: ServedHere, channel_id: str, act: str
) -> Response[Any] | Template:
    """Make, change, drop or try a channel."""
    org, page_token = await admin_org(served, request)
    form = {key: str(value) for key, value in (await form_of_page(request)).items()}
    async with snapshot(org.pool) as database:
        found = next((one for one in await channels(org, database) if one.id == channel_id), None)
    try:
        if act == "test" and found is not None:
            wrong = await send(org, found, (TEST,))
            return await _page(org, page_token, said=f"It did not work: {wrong}" if wrong else "A test was sent.")
        item = await _item(org, found, act, form)
    except Refused as refused:
        return await _page(org, page_token, refused.problem)
    if item is not None and (faults := await refusals(org, request, item)):
        return await _page(org, page_token, faults[0])
    return Redirect("/console/alerts", status_code=SEE_OTHER)


async def _item(org: Org, channel: Channel | None, act: str, form: dict[str, str]) -> Item | None:
    if channel is not None and act == "drop":
        return dropped(channel)
    values = entered(form, org.mac_key, org.world.chance.bytes(NONCE_BYTES))
    if act == "save" and channel is None:
        [new_id] = await draw_ids(org, [OBJECT])
        return made(new_id, values)
    if channel is None:
        raise Refused(problem(Code.NOT_FOUND, object="The channel", id="asked for"))
    return changed(channel, values)


ALERT_PAGES = [alerts, act_on_channel]
