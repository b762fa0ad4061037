"""The Console's pages of records: what the org holds, object by object."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.base.problems import Code, Refused
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.model import Field
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.lists import Reader, list_columns, read_list
from fieldsync.server.oversight.records import PAGE, count_all, list_records, object_of, read_record
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.soql.list_view import Window
from fieldsync.web.console.door import AnyRequest, admin
from fieldsync.web.kit.facts import HIDDEN, SET_BY_SYSTEM, Fact, fact_of
from fieldsync.web.kit.lists import Line, asked_of, line_of


def _page(name: str, **values: Any) -> Template:
    return Template(template_name=name, context={"here": "records", **values})


@get("/objects")
async def objects(request: AnyRequest, served: ServedHere) -> Template:
    """Every object, with how many records it has."""
    org, page_token, caller = await admin(served, request)
    async with snapshot(org.pool) as database:
        counts = await count_all(org, database, caller.rights)
    rows = [{"name": o.name, "plural": o.plural, "count": counts[o.name]} for o in org.catalog if o.name in counts]
    rows.sort(key=lambda row: (row["count"] == 0, row["plural"]))
    return _page("objects.html", objects=rows, page_token=page_token)


@get("/objects/{name:str}")
async def records(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """Records of one object by name, or one of its lists."""
    org, page_token, caller = await admin(served, request)
    object_type, asked = object_of(org, name), asked_of(request)
    about = {"object": name, "plural": object_type.plural, "asked": asked, "page": PAGE}
    lists = [(found.name, found.label) for found in object_type.list_views]
    async with snapshot(org.pool) as database:
        if asked.view:
            window = Window(asked.column, asked.descending, PAGE + 1, asked.first, asked.search)
            shown = await _list(org, database, Reader(caller.user_id, caller.rights), (name, asked.view), window)
        else:
            found = await list_records(org, database, caller.rights, name, search=asked.search, first=asked.first)
            shown = {"lines": [Line(line.id, line.name, ()) for line in found], "columns": (), "said": ""}
    lines = shown.pop("lines")
    more = {"records": lines[:PAGE], "there_is_more": len(lines) > PAGE, **shown}
    return _page("records.html", page_token=page_token, lists=lists, **about, **more)


async def _list(org: Org, database: Database, reader: Reader, place: tuple[str, str], window: Window) -> dict[str, Any]:
    """A list as a table: (label, order) of each column, rows; or why there is none."""
    columns = list_columns(org, reader, *place)
    heads = [(column.label, ".".join(column.path) if column.sortable else "") for column in columns]
    try:
        rows = await read_list(org, database, reader, place, window)
    except Refused as refused:
        if refused.problem.code is not Code.UNUSABLE:
            raise
        return {"columns": heads, "lines": [], "said": refused.problem.message}
    return {"columns": heads, "lines": [line_of(columns, row, reader.zone) for row in rows], "said": ""}


@get("/objects/{name:str}/{record_id:str}")
async def record(request: AnyRequest, served: ServedHere, name: str, record_id: str) -> Template:
    """One record with every field, formula fields as they are now."""
    org, page_token, caller = await admin(served, request)
    object_type = object_of(org, name)
    async with snapshot(org.pool) as database:
        values = await read_record(org, database, caller.rights, name, record_id)
        fields = {**object_type.column_fields, **{field.name: field for field in object_type.formulas}}
        ordered = sorted(fields.items(), key=lambda item: item[0] in SET_BY_SYSTEM)
        filled = [(n, f) for n, f in ordered if values.get(n) not in (None, False, "") and n not in HIDDEN]
        facts = [await _fact(org, database, caller.rights, field, values[column]) for column, field in filled]
    title = values.get("Name") or object_type.label
    about = {"object": name, "plural": object_type.plural, "title": title, "id": record_id, "facts": facts}
    about["mergeable"] = object_type.declared.mergeable
    return _page("record.html", page_token=page_token, **about)


async def _fact(org: Org, database: Database, rights: Rights, field: Field, value: Any) -> Fact:
    target = field.references
    row = None
    if target is not None and rights.may(target, Access.READ) and isinstance(value, str):
        row = await database.one(org.save.read_name(target), ids=[value])
    points_to = (str(row[0]), f"/console/objects/{target}/{value}") if row is not None else None
    return fact_of(field, value, "UTC", points_to)


RECORD_PAGES = [objects, records, record]
