"""The Field app's pages: read from the engine, answer with a template."""

from __future__ import annotations

from litestar import get
from litestar.response import Template

from fieldsync.schema.access.permissions import Access
from fieldsync.web.field import reading
from fieldsync.web.field.content.attached import attachments
from fieldsync.web.field.content.unsent import refusals
from fieldsync.web.field.context import AnyRequest, FieldHere, WorldHere
from fieldsync.web.field.day.recent import looked_at, recent
from fieldsync.web.field.lists import none_of_one, record_list
from fieldsync.web.field.sales import sales_of
from fieldsync.web.field.sync.reload import reload_values
from fieldsync.web.field.work.related import makeable, related
from fieldsync.web.field.work.sheet import sheet_of
from fieldsync.web.kit.lists import asked_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import named


@get("/", sync_to_thread=True)
def home(request: AnyRequest, app: FieldHere, world: WorldHere) -> Template:
    """Home; who comes with a launch token is let in before."""
    account = app.device.account
    first_name = account.user.name.split()[0] if account else ""
    calls = reading.calls_of_today(app.device, app.zone, world.clock.now())
    app.runner.opened()
    values = {"first_name": first_name, "device_name": app.device_name, "calls": calls, "recent": recent(app.device)}
    values |= reload_values(app, world.clock.now().date())
    return app.page(request, "home.html", here="home", **values, **app.widget_values(), **app.update_values())


@get("/accounts", sync_to_thread=True)
def accounts(request: AnyRequest, app: FieldHere) -> Template:
    """The list of accounts."""
    return app.page(request, "accounts.html", here="accounts", **record_list(app, "Account", asked_of(request)))


@get("/accounts/{record_id:str}", sync_to_thread=True)
def account(request: AnyRequest, app: FieldHere, record_id: str) -> Template:
    """One account with addresses, sales, calls and all that hangs on it."""
    found = reading.record(app.device, "Account", record_id)
    looked_at(app.device, found)
    layout = sheet_of(app, "Account", found, {}).layout
    draft = app.device.drafts.get(f"new-Call-{found.id}") is not None
    name = shown(found.values["Name"])
    return app.page(
        request,
        "account.html",
        here="accounts",
        account=found,
        facts=reading.account_facts(app.device, found),
        view=app.device.view("Account", found.id).token,
        draft=draft,
        makeable=makeable(app, found, layout),
        addresses=reading.addresses(app.device, found),
        no_address=none_of_one(app, "Address", name, f"/objects/Address/new?AccountId={found.id}"),
        sales=sales_of(app.device, found.id),
        no_sales=none_of_one(app, "Sales_Data", name, ""),
        calls=app.device.find("Call", where={"AccountId": found.id}, order_by="Call_Date", descending=True, limit=20),
        related=related(app, found, layout, without=("Call", "Address", "Sales_Data")),
        attachments=attachments(app, found),
    )


@get("/objects", sync_to_thread=True)
def objects(request: AnyRequest, app: FieldHere) -> Template:
    """Every object this person may read, with how many records are here."""
    rights = app.rights
    rows = [
        {"name": o.name, "plural": named(o.plural), "count": app.device.count(o.name)}
        for o in app.device.catalog
        if not o.system and rights.may(o.name, Access.READ)
    ]
    rows.sort(key=lambda row: (row["count"] == 0, row["plural"]))
    return app.page(request, "objects.html", here="records", objects=rows)


@get("/objects/{name:str}", sync_to_thread=True)
def records(request: AnyRequest, app: FieldHere, name: str) -> Template:
    """Records of one object."""
    return app.page(request, "records.html", here="records", **record_list(app, name, asked_of(request)))


@get("/errors", sync_to_thread=True)
def errors(request: AnyRequest, app: FieldHere) -> Template:
    """The error list; who looks at it has been told."""
    app.runner.saw_errors()
    return app.page(
        request,
        "errors.html",
        here="errors",
        **refusals(app),
        notices=app.device.notices(),
        sent=False,
        wrong="",
    )


PAGES = [home, accounts, account, objects, records, errors]
