"""What a person does on the pages beside entering records: drafts, sync, errors, open records."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from litestar import get, post
from litestar.response import Template

from fieldsync.base.problems import Refused
from fieldsync.device import Network
from fieldsync.web.field import reading
from fieldsync.web.field.content.unsent import refusals
from fieldsync.web.field.context import AnyRequest, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.form.sent import form_of, revision_of
from fieldsync.web.field.lists import record_list
from fieldsync.web.kit.lists import asked_of
from fieldsync.web.kit.tongue import _


@post("/drafts/{key:str}", status_code=204)
async def keep_draft(request: AnyRequest, app: FieldHere, key: str) -> None:
    """Keep a half-written form, unless it was saved meanwhile."""
    app.require(request)
    form = await form_of(request)
    if not app.forms.is_late(form.get("form_id", ""), revision_of(form)):
        await asyncio.to_thread(app.device.drafts.put, key, form)


@post("/drafts/{key:str}/drop", status_code=204, sync_to_thread=True)
def drop_draft(request: AnyRequest, app: FieldHere, key: str) -> None:
    """Forget a half-written form."""
    app.require(request)
    app.device.drafts.drop(key)


@post("/views/{token:str}/renew", status_code=200, sync_to_thread=True)
def renew_view(request: AnyRequest, app: FieldHere, token: str) -> dict[str, bool]:
    """The page is still open; is there news of its record?"""
    app.require(request)
    held = app.device.views.renew(token)
    return {"held": held, "news": held and app.device.views.news(token)}


@post("/views/{token:str}/show", status_code=204, sync_to_thread=True)
def show_news(request: AnyRequest, app: FieldHere, token: str) -> None:
    """The person wants to see the newer version."""
    app.require(request)
    app.device.views.show_news(token)


@post("/views/{token:str}/close", status_code=204, sync_to_thread=True)
def close_view(request: AnyRequest, app: FieldHere, token: str) -> None:
    """The person left the page."""
    app.require(request)
    app.device.views.close(token)


@post("/errors/diagnostic", status_code=200, sync_to_thread=True)
def send_diagnostic(request: AnyRequest, app: FieldHere) -> Template:
    """Hand the queue over, for somebody to look into it."""
    app.require(request)
    try:
        app.device.diagnostics.send()
    except Refused as refused:
        return app.page(request, "_diagnostic.html", sent=False, wrong=sentence_of(refused))
    return app.page(request, "_diagnostic.html", sent=True, wrong="")


@post("/flight/{mode:str}", status_code=200, sync_to_thread=True)
def flight(request: AnyRequest, app: FieldHere, mode: str) -> Template:
    """Flight mode: `on` sends nothing, `off` goes on at once."""
    app.require(request)
    if mode == "on":
        app.device.go_offline()
    else:
        app.device.go_online()
    return app.widget(request)


@post("/errors/{n:int}/undo", status_code=200, sync_to_thread=True)
def undo(request: AnyRequest, app: FieldHere, n: int) -> Template:
    """Take back a save that was not accepted."""
    app.require(request)
    said = ""
    try:
        app.device.undo(n)
    except Refused as refused:
        said = sentence_of(refused)
    return app.page(request, "_errors.html", **refusals(app, said))


@post("/errors/{n:int}/resend", status_code=200, sync_to_thread=True)
def resend(request: AnyRequest, app: FieldHere, n: int) -> Template:
    """Send what stands here now in place of a save that was not accepted."""
    app.require(request)
    said = ""
    try:
        app.device.resend(n)
    except Refused as refused:
        said = sentence_of(refused)
    return app.page(request, "_errors.html", **refusals(app, said))


@post("/presence", status_code=204)
async def presence(request: AnyRequest, app: FieldHere, world: WorldHere) -> None:
    """A page came to the front, went behind, or is still there; over what the device reaches the network, and whether
    it is plugged in."""
    form = await form_of(request)
    app.require(request, form)
    if form.get("network") in set(Network):
        app.device.foreground.network = Network(form["network"])
    if app.presence is not None:
        tab, visible = form.get("tab", "")[:64], form.get("visible") == "true"
        await asyncio.to_thread(app.presence.tell, tab, visible=visible)
        if visible and app.idle is not None:
            at_rest, plugged_in = timedelta(seconds=app.idle.seconds), form.get("power") == "plugged"
            await asyncio.to_thread(app.runner.rest, world.clock.now(), at_rest, plugged_in=plugged_in)


@get("/parts/{name:str}", sync_to_thread=True)
def part(request: AnyRequest, app: FieldHere, world: WorldHere, name: str, of: str = "Account") -> Template:
    """A piece of a page that updates live."""
    match name:
        case "today":
            calls = reading.calls_of_today(app.device, app.zone, world.clock.now())
            return app.page(request, "_today.html", calls=calls)
        case "accounts":
            return app.page(request, "_accounts.html", **record_list(app, "Account", asked_of(request)))
        case "records":
            return app.page(request, "_records.html", **record_list(app, of, asked_of(request)))
        case "errors":
            return app.page(request, "_errors.html", **refusals(app))
        case "queue":
            return app.page(request, "_queue.html", queue=app.device.queue())
        case "history":
            return app.page(request, "_history.html", syncs=app.device.syncs())
        case "support":
            return app.page(request, "_support.html")
        case "badge":
            return app.page(request, "_badge.html", errors=app.device.widget().errors)
        case _:
            return app.widget(request)


@post("/support/end", status_code=200)
async def end_support(request: AnyRequest, app: FieldHere) -> Template:
    """The one who looks has seen enough. Who owns the device notices, and closes it."""
    app.require(request, await form_of(request))
    await asyncio.to_thread(app.device.support.end)
    said = {
        "heading": _("The support session has ended"),
        "sentence": _("What was loaded for it is removed."),
        "remedy": "",
    }
    return app.page(request, "refused.html", **said)


ACTS = [
    end_support,
    keep_draft,
    drop_draft,
    renew_view,
    show_news,
    close_view,
    send_diagnostic,
    flight,
    undo,
    resend,
    part,
    presence,
]
