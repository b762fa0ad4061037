"""The Console's pages of CSV files: an object's records out, and lines in, with a report for each of them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect, Stream, Template

from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.schema.access.permissions import Access
from fieldsync.server.http.context import ServedHere
from fieldsync.server.oversight.reader import open_to
from fieldsync.server.oversight.sheets.bringing import (
    Brought,
    ask_checked,
    ask_import,
    may_follow,
    newest_import,
    report,
)
from fieldsync.server.oversight.sheets.export import exported
from fieldsync.server.oversight.sheets.heads import keys_of
from fieldsync.server.postgres.queue import progress
from fieldsync.server.postgres.queue.progress import Progress
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.web.console.door import AnyRequest, form_of_page, name_of, note_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.records.desk import Desk, desk_of

CSV = "text/csv; charset=utf-8"
FILE_BYTES_MAX = 256 * 1024 * 1024
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


async def _page(desk: Desk, name: str, wrong: Problem | None = None, key: str = "") -> Template:
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        object_type = open_to(desk.org, reader, name)
        p, done = await newest_import(desk.org, database, name) or (None, None)
    if not reader.rights.may(name, Access.CREATE) or object_type.declared.bulk is not None:
        raise Refused(problem(Code.PERMISSION, object=name, operation="create"))
    fields = [c for c in object_type.columns if c in object_type.writable and reader.rights.edits(name, c)]
    about = {"object": name, "plural": object_type.plural, "label": object_type.label, "fields": fields}
    mine = done is not None and _may_look(desk, done)
    told = {"keys": keys_of(object_type), "key": key, "p": p, "done": done, "mine": mine}
    told["follows"] = p is not None and done is not None and mine and may_follow(p, done)
    return desk.page("import.html", {**about, **told}, wrong)


def _may_look(desk: Desk, done: Brought) -> bool:
    """What became of a file is for who brought it, and for admins."""
    return desk.caller.rights.admin or done.user == desk.caller.user_id


@get("/import/{name:str}")
async def import_page(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """Which file, and by what records that are there are found; how far the last one is, or what came of it."""
    return await _page(await desk_of(served, request), name)


@post("/import/{name:str}", status_code=200, request_max_body_size=FILE_BYTES_MAX)
async def import_records(request: AnyRequest, served: ServedHere, name: str) -> Response[Any] | Template:
    """Have the file checked, or brought in: by a job, which the page watches."""
    desk = await desk_of(served, request)
    form = await form_of_page(request)
    key, file = str(form.get("key", "")), form.get("file")
    try:
        by = await name_of(desk.org, desk.caller)
        async with transaction(desk.org.pool) as database:
            if "checked" in form:
                await ask_checked(desk.org, database, desk.caller, name, note_of(form, "checked"), by)
            elif isinstance(file, UploadFile) and file.filename:
                lines = _lines(file)
                what = Brought(name, desk.caller.user_id, tuple(next(lines, [])), key, check=form.get("act") == "check")
                await ask_import(desk.org, database, desk.caller, what, lines, by)
            else:
                raise Refused(problem(Code.UNUSABLE, what="This form", reason="no file was chosen"))
    except Refused as refused:
        return await _page(desk, name, refused.problem, key)
    return Redirect(f"/console/import/{name}", status_code=SEE_OTHER)


async def _newest(desk: Desk, name: str) -> Progress:
    """The last one of this object. Raises Refused(NOT_FOUND) for who may not look at it."""
    async with snapshot(desk.org.pool) as database:
        open_to(desk.org, await desk.reader(database), name)
        found = await newest_import(desk.org, database, name)
    if found is None or not _may_look(desk, found[1]):
        raise Refused(problem(Code.NOT_FOUND, object="A file", id=name))
    return found[0]


@get("/import/{name:str}/report")
async def import_report(request: AnyRequest, served: ServedHere, name: str) -> Stream:
    """What became of each line, as a file. Raises Refused(NOT_FOUND)."""
    desk = await desk_of(served, request)
    found = await _newest(desk, name)
    named = {"content-disposition": f'attachment; filename="{name}-report.csv"'}
    return Stream(report(desk.org, found.id), media_type=CSV, headers=named)


@post("/import/{name:str}/cancel", status_code=200)
async def cancel_import(request: AnyRequest, served: ServedHere, name: str) -> Response[Any]:
    """Have it stop behind the batch it is at. Raises Refused(NOT_FOUND)."""
    desk = await desk_of(served, request)
    await form_of_page(request)
    found = await _newest(desk, name)
    async with transaction(desk.org.pool) as database:
        await progress.cancel(database, desk.org.name, found.id)
    return Redirect(f"/console/import/{name}", status_code=SEE_OTHER)


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


FILE_PAGES = [export_records, import_page, import_records, import_report, cancel_import]
