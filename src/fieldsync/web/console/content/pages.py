"""What representatives present and send: listed, brought in, described, replaced by a new version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect, Template
from sqlalchemy import select

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.fields import FieldValue
from fieldsync.server.http.context import ServedHere
from fieldsync.server.media.kinds import Brought
from fieldsync.server.media.publish import ENTERED, OBJECT, Publication, content_of, listed, publish
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, admin_org, as_person, form_of_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.kit.entered import as_text, entered
from fieldsync.web.kit.pages import telling

FORM_BYTES_MAX = 1024 * 1024
CHOICES_MAX = 500
LISTED = ("Title", "Type", "Status", "Version", "Valid_Until")


@dataclass(frozen=True)
class Choice:
    """A record to choose."""

    id: str
    name: str


@get("/content")
async def content_page(request: AnyRequest, served: ServedHere) -> Template:
    """Everything there is."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        found = await listed(org, database)
        products = await _names(org, database, "Product")
    names = {product.id: product.name for product in products}
    today = org.world.clock.now().date()
    rows = [
        {**row, "product": names.get(str(row.get("ProductId") or ""), ""), "over": _over(row, today)} for row in found
    ]
    return Template("content.html", context={"here": "content", "page_token": page_token, "rows": rows})


def _over(row: Mapping[str, Any], today: Any) -> bool:
    return row["Valid_Until"] is not None and row["Valid_Until"] < today


@get("/content/new")
async def new_content(request: AnyRequest, served: ServedHere) -> Template:
    """An empty form."""
    org, page_token = await admin_org(served, request)
    return await _form(org, page_token, "", {"Type": "Document", "Status": "Draft", "Version": "1"})


@get("/content/{record_id:str}")
async def one_content(request: AnyRequest, served: ServedHere, record_id: str) -> Template:
    """What is said of one, and where its new version is given."""
    org, page_token = await admin_org(served, request)
    now = await content_of(org, record_id)
    if now is None:
        raise Refused(problem(Code.NOT_FOUND, object=OBJECT, id=record_id))
    fields = org.catalog[OBJECT].column_fields
    texts = {name: as_text(fields[name], now.get(name), "UTC") for name in ENTERED if name in fields}
    return await _form(org, page_token, record_id, texts | {"File_Name": str(now.get("File_Name") or "")})


async def _form(
    org: Org, page_token: str, record_id: str, texts: Mapping[str, str], wrong: Problem | None = None
) -> Template:
    fields = org.catalog[OBJECT].fields
    async with snapshot(org.pool) as database:
        products = await _names(org, database, "Product")
        parents = [Choice(r["Id"], r["Title"]) for r in await listed(org, database) if r["Type"] == "Presentation"]
    told = {
        "record_id": record_id,
        "texts": dict.fromkeys((*ENTERED, "File_Name"), "") | dict(texts),
        "types": [value.value for value in fields["Type"].values if value.active],
        "statuses": [value.value for value in fields["Status"].values if value.active],
        "products": products if "ProductId" in fields else None,
        "parents": [parent for parent in parents if parent.id != record_id],
        "megabytes": limits.FILE_BYTES_MAX // 2**20,
        "wrong": wrong,
    }
    page = Template("content_one.html", context={"here": "content", "page_token": page_token, **told})
    return telling(page, wrong)


async def _names(org: Org, database: Any, object_name: str) -> list[Choice]:
    if object_name not in org.catalog:
        return []
    t = org.metadata.tables[object_name].c
    query = select(t.Id, t.Name).where(t.IsDeleted.is_(False)).order_by(t.Name).limit(CHOICES_MAX)
    return [Choice(row[0], row[1] or row[0]) for row in await database.rows(compile_statement(query))]


@post("/content/save", status_code=200, request_max_body_size=limits.FILE_BYTES_MAX + FORM_BYTES_MAX)
async def save_content(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Bring it in, or change it; a file that comes with it is its new version."""
    org, page_token = await admin_org(served, request)
    form = await form_of_page(request)
    texts = {name: str(form.get(name, "")).strip() for name in ENTERED if name in form}
    record_id = str(form.get("record_id", ""))
    try:
        wanted = Publication(_values(org, texts), RecordId(record_id) or None, _file(form.get("file"), record_id))
        done = await publish(org, as_person(org, request), wanted)
    except Refused as refused:
        return await _form(org, page_token, record_id, texts, refused.problem)
    if done.problems:
        return await _form(org, page_token, record_id, texts, done.problems[0])
    return Redirect("/console/content", status_code=SEE_OTHER)


def _values(org: Org, texts: Mapping[str, str]) -> dict[str, FieldValue]:
    fields = org.catalog[OBJECT].column_fields
    if "Title" in texts and not texts["Title"]:
        raise Refused(problem(Code.REQUIRED, object=OBJECT, field="Title"))
    return {name: entered(fields[name], text, "UTC") for name, text in texts.items() if name in fields}


def _file(given: Any, record_id: str) -> Brought | None:
    if isinstance(given, UploadFile) and given.filename:
        size = given.file.seek(0, os.SEEK_END)
        return Brought(given.filename, size, cast("BinaryIO", given.file))
    if record_id:
        return None
    raise Refused(problem(Code.REQUIRED, object=OBJECT, field="File"))


CONTENT_PAGES = [content_page, new_content, one_content, save_content]
