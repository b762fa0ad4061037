"""The Field app's pages: read from the engine, answer with a template."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.response import Redirect, Template

from fieldsync.device import Record
from fieldsync.schema.access.permissions import Access
from fieldsync.web.field import callpage, reading
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere
from fieldsync.web.field.form.seen import Texts, clashes, merged, packed
from fieldsync.web.field.lists import record_list
from fieldsync.web.field.sales import sales_of
from fieldsync.web.kit.lists import asked_of

Given = tuple[Texts, Texts]
"""What a sent form had shown, and what it says."""


@get("/", sync_to_thread=True)
def home(request: AnyRequest, app: FieldHere, world: WorldHere, launch: str = "") -> Template | Response[None]:
    """Home; or, with a launch token, the way in."""
    if launch:
        return app.door.enter(launch)
    account = app.device.account
    first_name = account.user.name.split()[0] if account else ""
    calls = reading.calls_of_today(app.device, app.zone, world.clock.now())
    values = {"first_name": first_name, "device_name": app.device_name, "calls": calls, **app.widget_values()}
    return app.page(request, "home.html", here="home", **values)


@get("/accounts", sync_to_thread=True)
def accounts(request: AnyRequest, app: FieldHere) -> Template:
    """The list of accounts."""
    return app.page(request, "accounts.html", here="accounts", **record_list(app, "Account", asked_of(request)))


@get("/accounts/{record_id:str}", sync_to_thread=True)
def account(request: AnyRequest, app: FieldHere, record_id: str) -> Template:
    """One account with addresses, sales and calls."""
    found = reading.record(app.device, "Account", record_id)
    facts = reading.account_facts(found, app.device.catalog["Account"])
    view = app.device.view("Account", found.id)
    return app.page(
        request,
        "account.html",
        here="accounts",
        account=found,
        facts=facts,
        view=view.token,
        draft=app.device.drafts.get(callpage.draft_key("", found.id)) is not None,
        addresses=app.device.find("Address", where={"AccountId": found.id}),
        sales=sales_of(app.device, found.id),
        calls=app.device.find("Call", where={"AccountId": found.id}, order_by="Call_Date", descending=True, limit=20),
    )


@get("/calls/new", sync_to_thread=True)
def new_call(
    request: AnyRequest, app: FieldHere, world: WorldHere, account: str, form: str = ""
) -> Template | Response[None]:
    """An empty call report. Its address names the form, so that a reload never makes a second call of it."""
    saved = app.forms.saved(form)
    if saved is not None:
        return Redirect(f"/calls/{saved.record_id}")
    if not form:
        app.door.page_token(request)
        draft = app.device.drafts.get(callpage.draft_key("", account)) or {}
        form_id = str(draft.get("form_id") or "") or world.chance.bytes(12).hex()
        return Redirect(f"/calls/new?{urlencode({'account': account, 'form': form_id})}")
    values = callpage.new_call(app.device, account, app.zone, world.clock.now())
    return app.page(request, "call.html", here="accounts", view="", said="", form_id=form, **values)


@get("/forms/{form_id:str}", sync_to_thread=True)
def what_became(request: AnyRequest, app: FieldHere, form_id: str) -> dict[str, str]:
    """The call a form was saved as; a page that was reloaded asks, because the page before it may have saved."""
    app.door.page_token(request)
    saved = app.forms.saved(form_id)
    return {"call": saved.record_id if saved is not None else ""}


@get("/calls/{record_id:str}", sync_to_thread=True)
def call(request: AnyRequest, app: FieldHere, world: WorldHere, record_id: str) -> Template:
    """A call report that is there."""
    found = reading.record(app.device, "Call", record_id)
    view = app.device.view("Call", found.id)
    values = callpage.existing_call(app.device, found, app.zone)
    form_id = world.chance.bytes(12).hex()
    return app.page(request, "call.html", here="accounts", view=view.token, said="", form_id=form_id, **values)


@get("/objects", sync_to_thread=True)
def objects(request: AnyRequest, app: FieldHere) -> Template:
    """Every object this person may read, with how many records are here."""
    rights = app.rights
    rows = [
        {"name": o.name, "plural": o.plural, "count": app.device.count(o.name)}
        for o in app.device.catalog
        if not o.system and rights.may(o.name, Access.READ)
    ]
    rows.sort(key=lambda row: (row["count"] == 0, row["plural"]))
    return app.page(request, "objects.html", here="records", objects=rows)


@get("/objects/{name:str}", sync_to_thread=True)
def records(request: AnyRequest, app: FieldHere, name: str) -> Template:
    """Records of one object."""
    return app.page(request, "records.html", here="records", **record_list(app, name, asked_of(request)))


@get("/objects/{name:str}/{record_id:str}", sync_to_thread=True)
def record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """One record of any object."""
    found = reading.record(app.device, name, record_id)
    values = _about(app, found, "")
    facts = reading.facts(app.device, found, app.zone)
    return app.page(request, "record.html", here="records", facts=facts, **values)


@get("/objects/{name:str}/{record_id:str}/edit", sync_to_thread=True)
def edit_record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """The edit form of any record."""
    return edit_page(request, app, reading.record(app.device, name, record_id))


def edit_page(
    request: AnyRequest, app: Field, found: Record, *, given: Given | None = None, said: str = "", view: str = ""
) -> Template:
    """The generic form; with what the person typed, and what of it somebody else changed too."""
    object_type = app.device.catalog[found.object]
    now = reading.texts(object_type, found.values, app.zone)
    shown, clashing = now, list[str]()
    if given is not None:
        shown, clashing = merged(*given, now), clashes(*given, now)
    rights = app.rights
    offered = {name: text for name, text in shown.items() if rights.edits(found.object, name)}
    return app.page(
        request,
        "edit.html",
        here="records",
        fields=reading.inputs(app.device, object_type, offered),
        seen=packed(now),
        clashing=[(object_type.fields[name].label or name, now[name]) for name in clashing],
        said=said,
        **_about(app, found, view),
    )


def _about(app: Field, found: Record, view: str) -> dict[str, Any]:
    object_type = app.device.catalog[found.object]
    return {
        "object": found.object,
        "label": object_type.label,
        "plural": object_type.plural,
        "record": found,
        "may_edit": app.rights.may(found.object, Access.EDIT) and object_type.declared.bulk is None,
        "view": view or app.device.view(found.object, found.id).token,
    }


@get("/errors", sync_to_thread=True)
def errors(request: AnyRequest, app: FieldHere) -> Template:
    """The error list."""
    return app.page(request, "errors.html", here="errors", errors=reading.error_list(app.device), said="")


@get("/sync", sync_to_thread=True)
def sync(request: AnyRequest, app: FieldHere) -> Template:
    """The queue and the history."""
    account = app.device.account
    model_at = account.model_at if account is not None else None
    values = {"queue": app.device.queue(), "syncs": app.device.syncs(), "model_at": model_at, **app.widget_values()}
    return app.page(request, "sync.html", here="sync", **values)


PAGES = [home, accounts, account, new_call, what_became, call, objects, records, record, edit_record, errors, sync]
