"""The Console's pages of CSV files: an object's records out, and lines in, with a report for each of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Stream, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.server.http.context import ServedHere
from fieldsync.server.oversight.reader import open_to
from fieldsync.server.oversight.sheets.bring import Bringing, Told, bring
from fieldsync.server.oversight.sheets.export import exported, line
from fieldsync.server.oversight.sheets.heads import heads_of, keys_of
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, as_person, require_page
from fieldsync.web.console.records.desk import Desk, desk_of

CSV = "text/csv; charset=utf-8"
FILE_BYTES_MAX = 256 * 1024 * 1024
SHOWN_MAX = 200
REPORT = ("line", "became", "record", "field", "code", "message")
_UTF_8 = "utf-8-sig"


@get("/export/{name:str}")
async def export_records(request: AnyRequest, served: ServedHere, name: str) -> Stream:
    """Every record of an object that the person may see."""
    desk = await desk_of(served, request)
    async with snapshot(desk.org.pool) as database:
        open_to(desk.org, await desk.reader(database), name)

    async def content() -> AsyncIterator[bytes]:
        async with snapshot(desk.org.pool) as database:
            async for block in exported(desk.org, database, await desk.reader(database), name):
                yield block

    named = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Stream(content(), media_type=CSV, headers=named)


async def _page(desk: Desk, name: str, values: dict[str, Any], wrong: Problem | None = None) -> Template:
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        object_type = open_to(desk.org, reader, name)
    if not reader.rights.may(name, Access.CREATE) or object_type.declared.bulk is not None:
        raise Refused(problem(Code.PERMISSION, object=name, operation="create"))
    fields = [c for c in object_type.columns if c in object_type.writable and reader.rights.edits(name, c)]
    about = {"object": name, "plural": object_type.plural, "label": object_type.label, "fields": fields}
    empty: dict[str, Any] = {
        "keys": keys_of(object_type),
        "key": "",
        "told": None,
        "counts": {},
        "left_out": (),
        "checked": False,
    }
    return desk.page("import.html", {**about, **empty, **values}, wrong)


@get("/import/{name:str}")
async def import_page(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """Which file, and by what records that are there are found."""
    return await _page(await desk_of(served, request), name, {})


@post("/import/{name:str}", status_code=200, request_max_body_size=FILE_BYTES_MAX)
async def import_records(request: AnyRequest, served: ServedHere, name: str) -> Response[Any] | Template:
    """Check the file, or bring it in; the report is a page, or a file with a line for each line."""
    desk = await desk_of(served, request)
    form = await request.form()
    require_page(request, str(form.get("page_token", "")))
    key, file = str(form.get("key", "")), form.get("file")
    check, as_file = form.get("act") == "check", form.get("report") == "file"
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise Refused(problem(Code.UNUSABLE, what="This form", reason="no file was chosen"))
        lines = _lines(file)
        async with snapshot(desk.org.pool) as database:
            reader = await desk.reader(database)
            object_type = open_to(desk.org, reader, name)
        heads = heads_of(desk.org.catalog, object_type, reader.rights, next(lines, []), key)
    except Refused as refused:
        return await _page(desk, name, {"key": key}, refused.problem)
    bringing = Bringing(desk.org, as_person(desk.org, request), heads, reader.zone, check)
    if as_file:
        named = {"content-disposition": f'attachment; filename="{name}-report.csv"'}
        return Stream(_report(bring(bringing, lines)), media_type=CSV, headers=named)
    counts: Counter[str] = Counter()
    told: list[Told] = []
    wrong = None
    try:
        async for one in bring(bringing, lines):
            counts[one.became] += 1
            if one.became == "refused" and len(told) < SHOWN_MAX:
                told.append(one)
    except Refused as refused:
        wrong = refused.problem
    values = {"key": key, "told": told, "counts": dict(counts), "left_out": heads.left_out, "checked": check}
    return await _page(desk, name, values, wrong)


def _lines(file: UploadFile) -> Iterator[list[str]]:
    """The lines of a file, one after another. Raises Refused(UNUSABLE) for what is no CSV in UTF-8."""
    text = io.TextIOWrapper(file.file, encoding=_UTF_8, newline="")
    try:
        yield from csv.reader(text)
    except (UnicodeDecodeError, csv.Error) as bad:
        reason = "it is no text in UTF-8" if isinstance(bad, UnicodeDecodeError) else str(bad)
        raise Refused(problem(Code.UNUSABLE, what="This file", reason=reason)) from None
    finally:
        text.detach()


async def _report(told: AsyncIterator[Told]) -> AsyncIterator[bytes]:
    yield line(REPORT)
    try:
        async for one in told:
            for found in one.problems or (None,):
                reason = (found.field or "", found.code.value, found.message) if found is not None else ("", "", "")
                yield line((one.line, one.became, one.record, *reason))
    except Refused as refused:
        yield line(("", "stopped", "", "", refused.problem.code.value, refused.problem.message))


FILE_PAGES = [export_records, import_page, import_records]
