"""The Field app's pages: read from the engine, answer with a template."""

from __future__ import annotations

from litestar import Response, get
from litestar.response import Template

from fieldsync.schema.model import Access
from fieldsync.web.field import callpage, reading
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere


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
def accounts(request: AnyRequest, app: FieldHere, search: str = "", first: int = 0) -> Template:
    """The list of accounts."""
    return app.page(request, "accounts.html", here="accounts", **reading.account_list(app.device, search, first))


@get("/accounts/{record_id:str}", sync_to_thread=True)
def account(request: AnyRequest, app: FieldHere, record_id: str) -> Template:
    """One account with addresses and calls."""
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
        addresses=app.device.find("Address", where={"AccountId": found.id}),
        calls=app.device.find("Call", where={"AccountId": found.id}, order_by="Call_Date", descending=True, limit=20),
    )


@get("/calls/new", sync_to_thread=True)
def new_call(request: AnyRequest, app: FieldHere, world: WorldHere, account: str) -> Template:
    """An empty call report."""
    values = callpage.new_call(app.device, account, app.zone, world.clock.now())
    return app.page(request, "call.html", here="accounts", view="", said="", **values)


@get("/calls/{record_id:str}", sync_to_thread=True)
def call(request: AnyRequest, app: FieldHere, record_id: str) -> Template:
    """A call report that is there."""
    found = reading.record(app.device, "Call", record_id)
    view = app.device.view("Call", found.id)
    values = callpage.existing_call(app.device, found, app.zone)
    return app.page(request, "call.html", here="accounts", view=view.token, said="", **values)


@get("/objects", sync_to_thread=True)
def objects(request: AnyRequest, app: FieldHere) -> Template:
    """Every object this person may read, with how many records are here."""
    account = app.device.account
    profile = account.user.profile if account else ""
    catalog = app.device.catalog
    rows = [
        {"name": o.name, "plural": o.plural, "count": app.device.count(o.name)}
        for o in catalog
        if not o.system and catalog.may(profile, o.name, Access.READ)
    ]
    return app.page(request, "objects.html", here="records", objects=rows)


@get("/objects/{name:str}", sync_to_thread=True)
def records(request: AnyRequest, app: FieldHere, name: str, search: str = "", first: int = 0) -> Template:
    """Records of one object."""
    object_type = reading.known_object(app.device, name)
    found = app.device.find(name, search=search or None, limit=reading.PAGE, offset=first)
    total = app.device.count(name) if not search else first + len(found)
    values = {"object": name, "plural": object_type.plural, "records": found, "total": total, "first": first}
    return app.page(request, "records.html", here="records", search=search, page=reading.PAGE, **values)


@get("/objects/{name:str}/{record_id:str}", sync_to_thread=True)
def record(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """One record of any object, with its edit form."""
    return record_page(request, app, name, record_id, said="")


def record_page(request: AnyRequest, app: Field, name: str, record_id: str, *, said: str) -> Template:
    """The generic record page, with a sentence about a refused save."""
    found = reading.record(app.device, name, record_id)
    object_type = app.device.catalog[name]
    return app.page(
        request,
        "record.html",
        here="records",
        object=name,
        label=object_type.label,
        plural=object_type.plural,
        record=found,
        fields=reading.inputs(object_type, found.values),
        system=reading.system_facts(found, object_type, app.zone),
        view=app.device.view(name, found.id).token,
        said=said,
    )


@get("/errors", sync_to_thread=True)
def errors(request: AnyRequest, app: FieldHere) -> Template:
    """The error list."""
    return app.page(request, "errors.html", here="errors", errors=app.device.errors())


@get("/sync", sync_to_thread=True)
def sync(request: AnyRequest, app: FieldHere) -> Template:
    """The queue and the history."""
    values = {"queue": app.device.queue(), "syncs": app.device.syncs(), **app.widget_values()}
    return app.page(request, "sync.html", here="sync", **values)


PAGES = [home, accounts, account, new_call, call, objects, records, record, errors, sync]
