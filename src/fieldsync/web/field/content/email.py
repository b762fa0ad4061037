"""Approved e-mail: a template is chosen and seen as it will arrive, and a record is saved, with or without a network.

The server sends it. Whether it may go out is asked here first, by the same rules as there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import World
from fieldsync.device import Record
from fieldsync.device.media.plan import Where
from fieldsync.protocol.email.consent import OBJECT, TEMPLATE, Why, is_usable, why_not, why_not_to
from fieldsync.protocol.email.template import HTML, filled, has_note, one_line, values_for
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.fields import FieldValue
from fieldsync.web.field import reading
from fieldsync.web.field.content.library import CONTENT, SLIDES_MAX
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.form.sent import Saved, form_of
from fieldsync.web.kit.locales import zone_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import N_, _

NOTE_CHARS_MAX = 2_000
SAID = {
    Why.NOT_ASKED: N_("This account has not agreed to e-mails."),
    Why.OPTED_OUT: N_("This account does not want e-mails."),
    Why.NO_ADDRESS: N_("This account has no e-mail address."),
    Why.OTHER_ADDRESS: N_("The account has another e-mail address now."),
    Why.NOT_ACTIVE: N_("This account is not active any more."),
    Why.NOT_APPROVED: N_("This template may not be used any more."),
    Why.OTHER_VERSION: N_("The template has a newer version: look at it and send that one."),
}
_FRAMED = {
    "content-security-policy": "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}


@dataclass(frozen=True)
class Letter:
    """A template on this device, and what it says to this account."""

    record: Record
    subject: str
    text: str
    html: bool
    takes_note: bool


def may_write(app: Field) -> bool:
    """Whether this person may write approved e-mails at all."""
    return OBJECT in app.device.catalog and app.rights.may(OBJECT, Access.CREATE)


def new_address(values: Mapping[str, str]) -> str:
    """Where one is begun, for this account or from this call."""
    return f"/email/new?{urlencode({k: v for k, v in values.items() if k in ('AccountId', 'CallId', 'ContentId')})}"


@get("/email/new", sync_to_thread=True)
def new_email(request: AnyRequest, app: FieldHere, world: WorldHere) -> Template:
    """The templates there are; with `ContentId` the one that was chosen, as it will arrive."""
    asked = {name: request.query_params.get(name, "") for name in ("AccountId", "CallId", "ContentId")}
    return _page(request, app, world, asked)


def _page(
    request: AnyRequest, app: Field, world: World, asked: Mapping[str, str], said: str = "", note: str = ""
) -> Template:
    if not may_write(app):
        raise Refused(problem(Code.PERMISSION, object=OBJECT, operation="create"))
    account = reading.record(app.device, "Account", asked["AccountId"])
    today = _today(app, world)
    templates = _templates(app, today)
    chosen = next((t for t in templates if t.id == asked["ContentId"]), None)
    letter = _letter(app, chosen, account, "") if chosen is not None and _is_here(app, chosen) else None
    refused = why_not_to(account.values)
    draft = app.device.drafts.get(_draft_key(asked)) or {}
    return app.page(
        request,
        "email.html",
        here="accounts",
        account=account,
        asked=asked,
        templates=[_offered(app, one, account, asked) for one in templates],
        letter=letter,
        refused=_(SAID[refused]) if refused is not None else "",
        said=said,
        note=note or str(draft.get("note", "")),
        draft_key=_draft_key(asked),
        form_id=world.chance.bytes(12).hex(),
    )


def _offered(app: Field, template: Record, account: Record, asked: Mapping[str, str]) -> dict[str, Any]:
    """A template as it is chosen from: what it is for, or what it would be about."""
    about = shown(template.values["Description"]) or one_line(
        filled(shown(template.values["Subject"]), _values(app, account, ""), html=False)
    )
    name = shown(template.values["Title"]) or shown(template.values["Name"])
    link = new_address({**asked, "ContentId": template.id})
    return {"name": name, "about": about, "here": _is_here(app, template), "link": link}


def _draft_key(asked: Mapping[str, str]) -> str:
    return f"email-{asked['AccountId']}-{asked['ContentId']}"


def _today(app: Field, world: World) -> date:
    return world.clock.now().astimezone(zone_of(app.zone)).date()


def _templates(app: Field, today: date) -> list[Record]:
    found = app.device.find(CONTENT, where={"Type": TEMPLATE, "Status": "Approved"}, limit=SLIDES_MAX)
    return [one for one in found if is_usable(one.values, today) and one.values["Checksum"]]


def _is_here(app: Field, template: Record) -> bool:
    """Whether its newest version is: an older one would not be sent."""
    item = app.device.media.item(template.id)
    return item is not None and item.where is Where.HERE


def _values(app: Field, account: Record, note: str) -> dict[str, str]:
    me = app.device.account
    user = app.device.get("User", me.user.id) if me is not None else None
    held: Mapping[str, object] = user.values if user is not None else {"Name": me.user.name if me is not None else ""}
    return values_for(account.values, held, note)


def _letter(app: Field, template: Record, account: Record, note: str) -> Letter:
    text = app.device.media.read(template.id).decode("utf-8", "replace")
    values = _values(app, account, note)
    is_html = template.values["Media_Type"] == HTML
    subject = shown(template.values["Subject"]) or shown(template.values["Title"])
    told = one_line(filled(subject, values, html=False))
    return Letter(template, told, filled(text, values, html=is_html), is_html, has_note(text))


@get("/email/frame/{template_id:str}/{account_id:str}", sync_to_thread=True)
def frame(request: AnyRequest, app: FieldHere, template_id: str, account_id: str, note: str = "") -> Template:
    """The frame that shows what was typed as it will arrive; fetched anew while the note is written."""
    inner = f"/email/body/{template_id}/{account_id}?{urlencode({'note': note[:NOTE_CHARS_MAX]})}"
    return app.page(request, "_email_frame.html", address=inner)


@get("/email/body/{template_id:str}/{account_id:str}", sync_to_thread=True)
def body(request: AnyRequest, app: FieldHere, template_id: str, account_id: str, note: str = "") -> Response[str]:
    """What will arrive: runs no script and reaches nothing."""
    app.door.page_token(request)
    account = reading.record(app.device, "Account", account_id)
    template = reading.record(app.device, CONTENT, template_id)
    letter = _letter(app, template, account, note[:NOTE_CHARS_MAX])
    kind = "text/html; charset=utf-8" if letter.html else "text/plain; charset=utf-8"
    return Response(letter.text, media_type=kind, headers=_FRAMED)


@post("/email", status_code=200)
async def send(request: AnyRequest, app: FieldHere, world: WorldHere) -> Response[Any] | Template:
    """Save it; the server sends it once it is there."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_send, request, app, world, form)


def _send(request: AnyRequest, app: Field, world: World, form: dict[str, str]) -> Response[Any] | Template:
    asked = {name: form.get(name, "") for name in ("AccountId", "CallId", "ContentId")}
    with app.forms.turn:
        known = app.forms.saved(form.get("form_id", ""))
        try:
            record_id = known.record_id if known is not None else _save(app, world, form)
        except Refused as refused:
            return _page(request, app, world, asked, sentence_of(refused), form.get("note", ""))
        app.forms.remember(form.get("form_id", ""), Saved(OBJECT, record_id, 0, ""))
    app.device.drafts.drop(_draft_key(asked))
    return Redirect(f"/objects/{OBJECT}/{record_id}", status_code=303)


def _save(app: Field, world: World, form: Mapping[str, str]) -> RecordId:
    account = reading.record(app.device, "Account", form.get("AccountId", ""))
    template = reading.record(app.device, CONTENT, form.get("ContentId", ""))
    note = form.get("note", "").strip()[:NOTE_CHARS_MAX]
    letter = _letter(app, template, account, note)
    values: dict[str, FieldValue] = {
        "AccountId": account.id,
        "CallId": form.get("CallId") or None,
        "ContentId": template.id,
        "Content_Version": template.values["Version"],
        "Content_Checksum": form.get("checksum", ""),
        "Subject": letter.subject,
        "To_Address": account.values["Email"],
        "Note": (note or None) if letter.takes_note else None,
    }
    refused = why_not(account.values, template.values, values, _today(app, world))
    if refused is not None:
        raise Refused(problem(Code.VALIDATION, object=OBJECT, field=None, message=_(SAID[refused]), rule="consent"))
    with app.device.edit() as edit:
        return edit.create(OBJECT, values)


EMAIL_PAGES = [new_email, frame, body, send]
