"""The Console's pages of records: what the org holds, object by object."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.response import Template

from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.model import Field
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.records import PAGE, count_all, list_records, object_of, read_record
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin
from fieldsync.web.kit.facts import HIDDEN, SET_BY_SYSTEM, Fact, fact_of


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
async def records(request: AnyRequest, served: ServedHere, name: str, search: str = "", first: int = 0) -> Template:
    """Records of one object by name."""
    org, page_token, caller = await admin(served, request)
    async with snapshot(org.pool) as database:
        found = await list_records(org, database, caller.rights, name, search=search.strip(), first=first)
    values = {"object": name, "plural": object_of(org, name).plural, "search": search.strip(), "first": max(0, first)}
    more = {"records": found[:PAGE], "there_is_more": len(found) > PAGE, "page": PAGE}
    return _page("records.html", page_token=page_token, **values, **more)


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
    return _page("record.html", page_token=page_token, **about)


async def _fact(org: Org, database: Database, rights: Rights, field: Field, value: Any) -> Fact:
    target = field.references
    row = None
    if target is not None and rights.may(target, Access.READ) and isinstance(value, str):
        row = await database.one(org.save.read_name(target), ids=[value])
    points_to = (str(row[0]), f"/console/objects/{target}/{value}") if row is not None else None
    return fact_of(field, value, "UTC", points_to)


RECORD_PAGES = [objects, records, record]
