"""What a person does on the pages: saves, drafts, sync, errors, open records. Each from a page of this session."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.web.field import callpage, reading
from fieldsync.web.field.callform import save_call
from fieldsync.web.field.context import AnyRequest, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.entered import entered_all
from fieldsync.web.field.pages import record_page

SEE_OTHER: Final = 303


async def form_of(request: AnyRequest) -> dict[str, str]:
    """The fields of a form; of one that is named twice the last."""
    return {str(name): str(value) for name, value in (await request.form()).multi_items()}


@post("/calls", status_code=200)
async def save(request: AnyRequest, app: FieldHere, world: WorldHere) -> Response[Any]:
    """Save, submit, or leave: all three save the report. A refused one stays as a draft."""
    form = await form_of(request)
    app.require(request, form)
    key, act = form.get("draft_key", ""), form.get("act", "save")
    status = {"submit": callpage.SUBMITTED, "save": "Saved"}.get(act, None if form.get("call_id") else "Saved")
    call_id = RecordId(form["call_id"]) if form.get("call_id") else None
    try:
        saved = save_call(app.device, call_id, form, app.zone, status)
    except Refused as refused:
        app.device.draft_put(key, form)
        page = callpage.form_again(app.device, form, app.zone, world.clock.now())
        said = sentence_of(refused)
        return app.page(request, "call.html", here="accounts", view=form.get("view", ""), said=said, **page)
    app.device.draft_drop(key)
    if form.get("view"):
        app.device.close_view(form["view"])
    return Redirect(f"/calls/{saved}", status_code=SEE_OTHER)


@post("/objects/{name:str}/{record_id:str}/save", status_code=200)
async def save_record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Response[Any]:
    """Save the generic form of any record."""
    form = await form_of(request)
    app.require(request, form)
    object_type = reading.known_object(app.device, name)
    try:
        with app.device.edit() as edit:
            edit.update(name, RecordId(record_id), entered_all(dict(object_type.column_fields), form, app.zone))
    except Refused as refused:
        said = sentence_of(refused)
        return record_page(request, app, name, record_id, said=said)
    if form.get("view"):
        app.device.close_view(form["view"])
    return Redirect(f"/objects/{name}/{record_id}", status_code=SEE_OTHER)


@post("/drafts/{key:str}", status_code=204)
async def keep_draft(request: AnyRequest, app: FieldHere, key: str) -> None:
    """Keep a half-written form."""
    app.require(request)
    app.device.draft_put(key, await form_of(request))


@post("/drafts/{key:str}/drop", status_code=204, sync_to_thread=True)
def drop_draft(request: AnyRequest, app: FieldHere, key: str) -> None:
    """Forget a half-written form."""
    app.require(request)
    app.device.draft_drop(key)


@post("/views/{token:str}/renew", status_code=200, sync_to_thread=True)
def renew_view(request: AnyRequest, app: FieldHere, token: str) -> dict[str, bool]:
    """The page is still open; is there news of its record?"""
    app.require(request)
    held = app.device.renew_view(token)
    return {"news": held and app.device.view_news(token)}


@post("/views/{token:str}/show", status_code=204, sync_to_thread=True)
def show_news(request: AnyRequest, app: FieldHere, token: str) -> None:
    """The person wants to see the newer version."""
    app.require(request)
    app.device.show_view_news(token)


@post("/views/{token:str}/close", status_code=204, sync_to_thread=True)
def close_view(request: AnyRequest, app: FieldHere, token: str) -> None:
    """The person left the page."""
    app.require(request)
    app.device.close_view(token)


@post("/sync/start", status_code=200, sync_to_thread=True)
def start_sync(request: AnyRequest, app: FieldHere) -> Template:
    """An incremental sync, which only the person starts."""
    app.require(request)
    try:
        app.device.sync()
    except Refused as refused:
        return app.widget(request, sentence_of(refused))
    return app.widget(request)


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
    app.device.undo(n)
    return app.page(request, "_errors.html", errors=app.device.errors())


@get("/parts/{name:str}", sync_to_thread=True)
def part(
    request: AnyRequest, app: FieldHere, world: WorldHere, name: str, search: str = "", first: int = 0
) -> Template:
    """A piece of a page that updates live."""
    match name:
        case "today":
            calls = reading.calls_of_today(app.device, app.zone, world.clock.now())
            return app.page(request, "_today.html", calls=calls)
        case "accounts":
            return app.page(request, "_accounts.html", **reading.account_list(app.device, search, first))
        case "errors":
            return app.page(request, "_errors.html", errors=app.device.errors())
        case "queue":
            return app.page(request, "_queue.html", queue=app.device.queue())
        case "badge":
            return app.page(request, "_badge.html", errors=len(app.device.errors()))
        case _:
            return app.widget(request)


ACTS = [
    save,
    save_record,
    keep_draft,
    drop_draft,
    renew_view,
    show_news,
    close_view,
    start_sync,
    flight,
    undo,
    part,
]
