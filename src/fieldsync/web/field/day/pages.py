"""Calendar and search."""

from __future__ import annotations

from datetime import timedelta

from litestar import Response, get, post
from litestar.response import Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.schema.access.permissions import Access
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.day.calendar import WEEK, day_of, days, week_of
from fieldsync.web.field.day.recent import Recent
from fieldsync.web.field.lists import none_of_days
from fieldsync.web.field.work.sheet import page_of
from fieldsync.web.kit.locales import zone_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import named

FOUND_MAX = 8
"""Of each object."""


@get("/calendar", sync_to_thread=True)
def calendar(request: AnyRequest, app: FieldHere, world: WorldHere, day: str = "", show: str = "week") -> Template:
    """A day or a week of the person's."""
    today = world.clock.now().astimezone(zone_of(app.zone)).date()
    chosen = day_of(day, today)
    count = 1 if show == "day" else WEEK
    first = chosen if count == 1 else week_of(chosen)
    step = timedelta(days=count)
    planned = days(app.device, first, count, app.zone, today)
    return app.page(
        request,
        "calendar.html",
        here="calendar",
        days=planned,
        empty=None if any(one.entries for one in planned) else none_of_days(app),
        show="day" if count == 1 else "week",
        first=first,
        last=first + step - timedelta(days=1),
        span=app.manner.span(first, first + step - timedelta(days=1)),
        back=first - step,
        onward=first + step,
        today=today,
    )


@get("/search", sync_to_thread=True)
def search(request: AnyRequest, app: FieldHere, q: str = "") -> Template:
    """Records of any object by a part of their name, accounts first."""
    found = _found(app, q.strip()) if q.strip() else []
    return app.page(request, "search.html", here="home", q=q.strip(), found=found)


@get("/parts/search", sync_to_thread=True)
def search_live(request: AnyRequest, app: FieldHere, q: str = "") -> Template:
    """The same while the person types."""
    return app.page(request, "_found.html", q=q.strip(), found=_found(app, q.strip()) if q.strip() else [])


@get("/parts/online", sync_to_thread=True)
def search_online(request: AnyRequest, app: FieldHere, q: str = "") -> Template:
    """Accounts online by a part of their name, those that are not on this device."""
    said, found = "", None
    try:
        found = app.device.mini.find("Account", q.strip())
    except Refused as refused:
        said = sentence_of(refused)
    records = [r for r in found.records if app.device.get("Account", r.id) is None] if found is not None else []
    return app.page(
        request, "_online.html", q=q.strip(), records=records, more=found is not None and found.more, said=said
    )


@post("/online/{record_id:str}", status_code=200, sync_to_thread=True)
def bring(request: AnyRequest, app: FieldHere, record_id: str) -> Response[None] | Template:
    """Get this account now, with what hangs on it."""
    app.require(request)
    try:
        app.device.mini.bring("Account", RecordId(record_id))
    except Refused as refused:
        return app.page(request, "_online.html", q="", records=[], more=False, said=sentence_of(refused))
    return Response(None, headers={"hx-redirect": f"/accounts/{record_id}"})


def _found(app: Field, text: str) -> list[tuple[str, list[Recent]]]:
    """By object: its plural, and records."""
    told = []
    objects = [o for o in app.device.catalog if not o.system and app.rights.may(o.name, Access.READ)]
    for object_type in sorted(objects, key=lambda o: (o.name != "Account", named(o.plural))):
        records = app.device.find(object_type.name, search=text, limit=FOUND_MAX)
        if records:
            rows = [
                Recent(named(object_type.label), shown(r.values["Name"]), page_of(r.object, r.id), r.mark)
                for r in records
            ]
            told.append((named(object_type.plural), rows))
    return told


DAY_PAGES = [calendar, search, search_live, search_online, bring]
