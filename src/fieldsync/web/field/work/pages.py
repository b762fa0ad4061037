"""The pages of any object's records: read, made, edited, printed; and what a lookup finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Record
from fieldsync.protocol.email.consent import OBJECT as EMAIL
from fieldsync.schema.access.permissions import Access
from fieldsync.web.field import reading
from fieldsync.web.field.content.attached import attachments
from fieldsync.web.field.content.email import new_address
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.day.recent import looked_at
from fieldsync.web.field.work.inputs import CHOICES_MAX, offered
from fieldsync.web.field.work.related import details, makeable, related
from fieldsync.web.field.work.saving import here_of
from fieldsync.web.field.work.sheet import is_locked, parents_of, sheet_of, values_of
from fieldsync.web.kit.layout import Layout
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import _, named


@get("/objects/{name:str}/{record_id:str}", sync_to_thread=True)
def record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """One record of any object."""
    found = reading.record(app.device, name, record_id)
    looked_at(app.device, found)
    return app.page(request, "record.html", here=here_of(name), view=_opened(app, found), **_read(app, found))


@post("/objects/{name:str}/{record_id:str}/renew", status_code=200, sync_to_thread=True)
def renew(request: AnyRequest, app: FieldHere, name: str, record_id: str, view: str = "") -> Template | Response[None]:
    """Send what waits of this record, and get it as the server has it (FEATURES E19); the open page shows it."""
    app.require(request)
    found = reading.record(app.device, name, record_id)
    try:
        app.device.mini.renew(name, found.id)
    except Refused as refused:
        return app.page(request, "_renewed.html", said=sentence_of(refused))
    app.device.views.show_news(view)
    return Response(None, headers={"hx-redirect": f"/objects/{name}/{record_id}"})


@get("/objects/{name:str}/{record_id:str}/print", sync_to_thread=True)
def printed(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """One record with everything on it, for paper."""
    found = reading.record(app.device, name, record_id)
    whole = replace(found, values={n: app.device.media.text(found.id, n, v) or v for n, v in found.values.items()})
    return app.page(request, "print.html", here=here_of(name), printed_by=_printed_by(app), **_read(app, whole))


def _printed_by(app: Field) -> str:
    account = app.device.account
    return account.user.name if account is not None else ""


def _opened(app: Field, found: Record) -> str:
    return app.device.view(found.object, found.id).token


def _read(app: Field, found: Record) -> dict[str, Any]:
    sheet = sheet_of(app, found.object, found, {})
    layout, object_type = sheet.layout, app.device.catalog[found.object]
    may_edit = app.rights.may(found.object, Access.EDIT) and object_type.declared.bulk is None
    groups = _groups(app, found, layout)
    return {
        "object": found.object,
        "label": named(object_type.label),
        "plural": named(object_type.plural),
        "record": found,
        "parents": parents_of(app.device, sheet, {}),
        "may_edit": may_edit,
        "locked": is_locked(layout, found),
        "may_renew": app.device.online and not object_type.system and object_type.declared.bulk is None,
        "groups": groups,
        "details": details(app, found, layout),
        "related": related(app, found, layout),
        "attachments": attachments(app, found),
        "makeable": makeable(app, found, layout),
    }


def _groups(app: Field, found: Record, layout: Layout) -> list[tuple[str, list[Any]]]:
    """The facts by the layout's sections; the rest, and what the platform set, at the end."""
    facts = reading.facts_by_name(app.device, found, app.manner)
    groups = [(s.label, [facts.pop(n) for n in s.fields if n in facts]) for s in layout.sections]
    return [(label, shown) for label, shown in (*groups, (_("More"), list(facts.values()))) if shown]


@get("/objects/{name:str}/new", sync_to_thread=True)
def new_record(
    request: AnyRequest, app: FieldHere, world: WorldHere, name: str, form: str = ""
) -> Template | Response[None]:
    """An empty form. Its address names it, so that a reload never makes a second record of it."""
    object_type = reading.known_object(app.device, name)
    if not app.rights.may(name, Access.CREATE) or object_type.declared.bulk is not None:
        raise Refused(problem(Code.PERMISSION, object=named(object_type.plural), operation="create"))
    saved = app.forms.saved(form)
    if saved is not None:
        return Redirect(f"/objects/{saved.object}/{saved.record_id}/edit")
    preset = {k: str(v) for k, v in request.query_params.items() if k != "form"}
    if name == EMAIL:
        return Redirect(new_address(preset) if "AccountId" in preset else "/accounts")
    sheet = sheet_of(app, name, None, preset)
    if len(object_type.record_types) > 1 and "RecordTypeId" not in sheet.preset:
        kinds = _kinds(app, name, sheet.preset)
        if len(kinds) > 1:
            return app.page(request, "kinds.html", here=here_of(name), label=named(object_type.label), kinds=kinds)
    if not form:
        app.door.page_token(request)
        draft = app.device.drafts.get(sheet.draft_key) or {}
        form_id = str(draft.get("form_id") or "") or world.chance.bytes(12).hex()
        return Redirect(f"/objects/{name}/new?{urlencode({**sheet.preset, 'form': form_id})}")
    values = values_of(app, sheet, world.clock.now())
    return app.page(request, "sheet.html", here=here_of(name), view="", said="", form_id=form, **values)


def _kinds(app: Field, name: str, preset: Any) -> list[tuple[str, str, str]]:
    """The record types a new record may have: label, what it is, address."""
    allowed = app.rights.record_types(name)
    kinds = app.device.find("RecordType", where={"SobjectType": name, "IsActive": True})
    return [
        (
            shown(kind.values["Name"]),
            shown(kind.values["Description"]),
            f"/objects/{name}/new?{urlencode({**preset, 'RecordTypeId': kind.id})}",
        )
        for kind in kinds
        if allowed is None or kind.values["DeveloperName"] in allowed
    ]


@get("/objects/{name:str}/{record_id:str}/edit", sync_to_thread=True)
def edit_record(request: AnyRequest, app: FieldHere, world: WorldHere, name: str, record_id: str) -> Template:
    """The form of a record that is there."""
    found = reading.record(app.device, name, record_id)
    looked_at(app.device, found)
    view = _opened(app, found)
    values = values_of(app, sheet_of(app, name, found, {}), world.clock.now())
    form_id = world.chance.bytes(12).hex()
    return app.page(request, "sheet.html", here=here_of(name), view=view, said="", form_id=form_id, **values)


@get("/forms/{form_id:str}", sync_to_thread=True)
def what_became(request: AnyRequest, app: FieldHere, form_id: str) -> dict[str, str]:
    """What a form was saved as; a page that was reloaded asks, because the page before it may have saved."""
    app.door.page_token(request)
    saved = app.forms.saved(form_id)
    return {"page": f"/objects/{saved.object}/{saved.record_id}/edit" if saved is not None else ""}


@get("/lookup/{name:str}", sync_to_thread=True)
def lookup(request: AnyRequest, app: FieldHere, name: str, search: str = "", view: str = "") -> Template:
    """Records a lookup may point to, by a part of their name."""
    reading.known_object(app.device, name)
    found = offered(app.device, name, view, search.strip())
    values = {"options": found[:CHOICES_MAX], "more": len(found) > CHOICES_MAX}
    return app.page(request, "_options.html", **values)


RECORD_PAGES = [record, renew, printed, new_record, edit_record, what_became, lookup]
