"""The Console's lists of records: every object, its list views, and what a lookup offers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.response import Redirect, Template

from fieldsync.base.ids import is_id, prefix_of
from fieldsync.base.problems import Code, Refused
from fieldsync.schema.access.permissions import Access
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.lists import list_columns, read_children, read_list
from fieldsync.server.oversight.reader import Reader, open_to
from fieldsync.server.oversight.records import COUNTED_MAX, PAGE, count_all
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.soql.list_view import Window
from fieldsync.web.console.door import AnyRequest
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.records.desk import desk_of, manner_of
from fieldsync.web.kit.facts import told as telling
from fieldsync.web.kit.inputs import Option
from fieldsync.web.kit.lists import Asked, asked_of, line_of

OFFERED_MAX = 20


@get("/objects")
async def objects(request: AnyRequest, served: ServedHere, search: str = "") -> Template | Response[Any]:
    """Every object, with how many records it has; a record's id leads to the record."""
    desk = await desk_of(served, request)
    org = desk.org
    named = _object_of_id(org, search.strip())
    if named:
        return Redirect(f"/console/objects/{named}/{search.strip()}", status_code=SEE_OTHER)
    async with snapshot(org.pool) as database:
        counts = await count_all(org, database, await desk.reader(database))
    rows = [_row(o.name, o.plural, counts[o.name]) for o in org.catalog if o.name in counts]
    shown = [row for row in rows if search.strip().lower() in (row["plural"] + row["name"]).lower()]
    shown.sort(key=lambda row: (row["count"] == 0, row["plural"]))
    return desk.page("objects.html", {"objects": shown, "search": search})


def _object_of_id(org: Org, text: str) -> str:
    if not is_id(text):
        return ""
    return next((o.name for o in org.catalog if o.prefix == prefix_of(text)), "")


def _row(name: str, plural: str, count: int) -> dict[str, Any]:
    said = f"{count:,}" if count <= COUNTED_MAX else f"more than {COUNTED_MAX:,}"
    return {"name": name, "plural": plural, "count": count, "said": said}


@get("/objects/{name:str}")
async def records(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """Records of one object: all, one of its lists, or those that refer to a record."""
    desk = await desk_of(served, request)
    asked, given = asked_of(request), request.query_params
    under = (str(given.get("by", "")), str(given.get("of", "")))
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        object_type = open_to(desk.org, reader, name)
        shown = await _list(desk.org, database, reader, (name, asked, under))
    may_make = reader.rights.may(name, Access.CREATE) and object_type.declared.bulk is None
    about = {"object": name, "plural": object_type.plural, "label": object_type.label, "asked": asked, "page": PAGE}
    query = urlencode({"view": asked.view, "search": asked.search, "by": under[0], "of": under[1]})
    lists = [(found.name, found.label) for found in object_type.list_views]
    more = {"lists": lists, "under": under, "query": query, "may_make": may_make}
    return desk.page("records.html", {**about, **more, **shown})


async def _list(
    org: Org, database: Database, reader: Reader, place: tuple[str, Asked, tuple[str, str]]
) -> dict[str, Any]:
    """A list as a table: (label, order) of each column, rows; or why there is none."""
    name, asked, under = place
    window = Window(asked.column, asked.descending, PAGE + 1, asked.first, asked.search)
    columns = list_columns(org, reader, name, asked.view)
    heads = [(column.label, ".".join(column.path) if column.sortable else "") for column in columns]
    try:
        if under[0] in org.catalog[name].column_fields:
            rows = await read_children(org, database, reader, (name, *under), window)
        else:
            rows = await read_list(org, database, reader, (name, asked.view), window)
    except Refused as refused:
        if refused.problem.code is not Code.UNUSABLE:
            raise
        return {"columns": heads, "records": [], "there_is_more": False, "said": refused.problem.message}
    manner = manner_of(reader)
    lines = [line_of(columns, row, telling(manner, row)) for row in rows]
    return {"columns": heads, "records": lines[:PAGE], "there_is_more": len(lines) > PAGE, "said": ""}


@get("/lookup/{name:str}")
async def lookup(request: AnyRequest, served: ServedHere, name: str, search: str = "", view: str = "") -> Template:
    """Records that a lookup may point to, by a part of their name; those of a list view where the layout says so."""
    desk = await desk_of(served, request)
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        window = Window(limit=OFFERED_MAX, search=search.strip())
        try:
            rows = await read_list(desk.org, database, reader, (name, view), window)
        except Refused:
            rows = await read_list(desk.org, database, reader, (name, ""), window)
    options = [Option(str(row["Id"]), str(row["Name"] or row["Id"])) for row in rows]
    return desk.page("_options.html", {"options": options})


LIST_PAGES = [objects, records, lookup]
