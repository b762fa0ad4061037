"""What a person does on the pages: saves, drafts, sync, errors, open records. Each from a page of this session."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.web.field import callpage, reading
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.form import call as call_form
from fieldsync.web.field.form.entered import entered_all
from fieldsync.web.field.form.seen import changed, clashes, packed, unpacked
from fieldsync.web.field.form.sent import Saved
from fieldsync.web.field.lists import record_list
from fieldsync.web.field.pages import edit_page
from fieldsync.web.kit.lists import asked_of

SEE_OTHER: Final = 303
KEPT: Final = "kept"
"""A signature too large to be sent while a page is left: it is in the draft already."""


async def form_of(request: AnyRequest) -> dict[str, str]:
    """The fields of a form; of one that is named twice the last. A browser sends line ends its own way."""
    fields = (await request.form()).multi_items()
    return {str(name): str(value).replace("\r\n", "\n") for name, value in fields}


def _revision(form: dict[str, str]) -> int:
    """How often the person had changed the form."""
    text = form.get("revision", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


@post("/calls", status_code=200)
async def save(request: AnyRequest, app: FieldHere, world: WorldHere) -> Response[Any]:
    """Save, submit, or leave: all three save the report. A refused one stays as a draft."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_save, request, app, form, world.clock.now())


def _save(request: AnyRequest, app: Field, form: dict[str, str], now: datetime) -> Response[Any]:
    key, said = form.get("draft_key", ""), ""
    if form.get("Signature") == KEPT:
        draft = app.device.drafts.get(key) or {}
        form |= {name: str(draft.get(name, "")) for name in callpage.SIGNATURE}
    try:
        saved = _written(app, form)
    except Refused as refused:
        saved, said = None, sentence_of(refused)
    if saved is None:
        app.device.drafts.put(key, form)
        page = callpage.form_again(app.device, form, app.zone, now)
        kept = {"view": form.get("view", ""), "form_id": form.get("form_id", ""), "said": said}
        return app.page(request, "call.html", here="accounts", **kept, **page)
    app.device.drafts.drop(key)
    if form.get("view"):
        app.device.views.close(form["view"])
    return Redirect(f"/calls/{saved}", status_code=SEE_OTHER)


def _written(app: Field, form: dict[str, str]) -> RecordId | None:
    """The call this form is saved as; None when somebody else changed what the person changed. Raises Refused."""
    form_id, act = form.get("form_id", ""), form.get("act", "save")
    known = app.forms.saved(form_id)
    after = call_form.given(form)
    text = packed(after | {"Signature": form.get("Signature", ""), "act": act})
    if known is not None and known.content == text:
        return known.record_id
    call_id = form.get("call_id") or (known.record_id if known is not None else "")
    before = unpacked(form)
    if call_id:
        call = reading.record(app.device, "Call", call_id)
        if callpage.is_locked(call):
            raise Refused(problem(Code.LOCKED, object="Call", id=call_id))
        now = call_form.content(app.device, call, app.zone)
        if not form.get("call_id"):
            before = now  # saved from this very form a moment ago: nobody else wrote it
        if clashes(before, after, now):
            return None
    status = {"submit": callpage.SUBMITTED, "save": "Saved"}.get(act, None if call_id else "Saved")
    values = call_form.signed(form) | ({"Status": status} if status else {})
    if not call_id:
        values["AccountId"] = form.get("AccountId", "")
    written = call_form.Written(before, after, values)
    saved = call_form.save_call(app.device, RecordId(call_id) if call_id else None, written, app.zone)
    app.forms.remember(form_id, Saved(saved, _revision(form), text))
    return saved


@post("/objects/{name:str}/{record_id:str}/save", status_code=200)
async def save_record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Response[Any]:
    """Save the generic form of any record."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_save_record, request, app, name, record_id, form)


def _save_record(request: AnyRequest, app: Field, name: str, record_id: str, form: dict[str, str]) -> Response[Any]:
    found, said = reading.record(app.device, name, record_id), ""
    now = reading.texts(app.device.catalog[name], found.values, app.zone)
    seen = unpacked(form)
    given = {field: form[field].strip() for field in now if field in form}
    seen = {field: text for field, text in seen.items() if field in given}
    clashing = clashes(seen, given, now)
    if not clashing:
        try:
            with app.device.edit() as edit:
                columns = app.device.catalog[name].column_fields
                edit.update(name, found.id, entered_all(columns, changed(seen, given), app.zone))
        except Refused as refused:
            said = sentence_of(refused)
    if clashing or said:
        return edit_page(request, app, found, given=(seen, given), said=said, view=form.get("view", ""))
    if form.get("view"):
        app.device.views.close(form["view"])
    return Redirect(f"/objects/{name}/{record_id}", status_code=SEE_OTHER)


@post("/drafts/{key:str}", status_code=204)
async def keep_draft(request: AnyRequest, app: FieldHere, key: str) -> None:
    """Keep a half-written form, unless it was saved meanwhile."""
    app.require(request)
    form = await form_of(request)
    if not app.forms.is_late(form.get("form_id", ""), _revision(form)):
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
    said = ""
    try:
        app.device.undo(n)
    except Refused as refused:
        said = sentence_of(refused)
    return app.page(request, "_errors.html", errors=reading.error_list(app.device), said=said)


@post("/errors/{n:int}/resend", status_code=200, sync_to_thread=True)
def resend(request: AnyRequest, app: FieldHere, n: int) -> Template:
    """Send what stands here now in place of a save that was not accepted."""
    app.require(request)
    said = ""
    try:
        app.device.resend(n)
    except Refused as refused:
        said = sentence_of(refused)
    return app.page(request, "_errors.html", errors=reading.error_list(app.device), said=said)


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
            return app.page(request, "_errors.html", errors=reading.error_list(app.device), said="")
        case "queue":
            return app.page(request, "_queue.html", queue=app.device.queue())
        case "history":
            return app.page(request, "_history.html", syncs=app.device.syncs())
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
    resend,
    part,
]
