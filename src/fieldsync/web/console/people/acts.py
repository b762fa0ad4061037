"""The Console's pages of bigger acts on people: why somebody sees a record, who leaves, and alignments by file."""

from __future__ import annotations

import csv
import io
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId, is_id, prefix_of
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.session import Platform
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.people.access import explain_record
from fieldsync.server.oversight.people.aligning import PREVIEWING, ask_alignment, newest_alignment, previewed_file
from fieldsync.server.oversight.people.alignment import File, read_file
from fieldsync.server.oversight.people.leaving import ask_leaving, newest_leaving
from fieldsync.server.oversight.people.shift import PEOPLE_MAX
from fieldsync.server.oversight.scope.holders import holder_of
from fieldsync.server.oversight.scope.kept import usernames
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot, transaction
from fieldsync.web.console.door import AnyRequest, admin, admin_org, form_of_page, name_of, note_of
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.people.pages import person_page
from fieldsync.web.kit.pages import telling

ALIGNMENT_BYTES_MAX = 8 * 1024 * 1024


@get("/access")
async def access_page(
    request: AnyRequest, served: ServedHere, record: str = "", user: str = "", device: str = ""
) -> Template:
    """Why a person sees a record, or does not."""
    org, page_token = await admin_org(served, request)
    record, found, wrong, name = record.strip(), None, None, ""
    async with snapshot(org.pool) as database:
        everybody = await usernames(org, database)
        if record:
            try:
                name, found = await _explained(org, database, record, (user.strip(), device))
            except Refused as refused:
                wrong = refused.problem
    told = {"found": found, "wrong": wrong, "object": name, "people": everybody, "devices": tuple(Platform)}
    asked = {"record": record, "user": user, "device": device, "here": "people", "page_token": page_token}
    return Template("access.html", context={**told, **asked})


async def _explained(org: Org, database: Database, record: str, who: tuple[str, str]) -> tuple[str, Any]:
    named = next((o.name for o in org.catalog if is_id(record) and o.prefix == prefix_of(record)), "")
    if not named:
        raise Refused(problem(Code.UNUSABLE, what=record[:40], reason="it is not the id of a record here"))
    if not who[0]:
        return named, None
    holder = await holder_of(org, database, who[0], who[1] or None)
    return named, (holder, await explain_record(org, database, holder, (named, record)))


@post("/people/{user_id:str}/reassign", status_code=200)
async def reassign_all(request: AnyRequest, served: ServedHere, user_id: str) -> Response[Any] | Template:
    """Have all that a person owns given to another, by a job."""
    org, page_token, caller = await admin(served, request)
    form = {key: str(value) for key, value in (await form_of_page(request)).items()}
    heir = form.get("heir", "")
    if not is_id(heir) or heir == user_id:
        return await person_page(org, page_token, user_id, problem(Code.BAD_REQUEST, reason="choose who gets it"))
    by = await name_of(org, caller)
    try:
        async with transaction(org.pool) as database:
            await ask_leaving(org, database, caller, (RecordId(user_id), RecordId(heir)), by)
    except Refused as refused:
        return await person_page(org, page_token, user_id, refused.problem)
    return Redirect("/console/leaving", status_code=SEE_OTHER)


@get("/leaving")
async def leaving_page(request: AnyRequest, served: ServedHere) -> Template:
    """How far it is, or what came of it."""
    org, page_token = await admin_org(served, request)
    async with snapshot(org.pool) as database:
        p, done = await newest_leaving(org, database) or (None, None)
        people = [done.leaver, done.heir] if done else []
        names = dict(zip(people, [await _named(org, database, one) for one in people], strict=True))
    told = {"p": p, "done": done, "names": names, "here": "people", "page_token": page_token}
    plurals = {one.name: one.plural for one in org.catalog}
    return Template("leaving.html", context={**told, "plurals": plurals})


async def _named(org: Org, database: Database, user_id: str) -> str:
    row = await database.one(org.save.read_name("User"), ids=[user_id])
    return str(row[0]) if row and row[0] else user_id


async def _alignment(org: Org, page_token: str, wrong: Problem | None = None) -> Template:
    async with snapshot(org.pool) as database:
        newest = await newest_alignment(org, database)
    p, done = newest or (None, None)
    told = {"p": p, "done": done, "preview": p is not None and p.what == PREVIEWING, "people_max": PEOPLE_MAX}
    page = Template("alignment.html", context={**told, "wrong": wrong, "here": "people", "page_token": page_token})
    return telling(page, wrong)


@get("/alignment")
async def alignment_page(request: AnyRequest, served: ServedHere) -> Template:
    """Which file; and how far the last one is, or what came of it."""
    org, page_token = await admin_org(served, request)
    return await _alignment(org, page_token)


@post("/alignment", status_code=200, request_max_body_size=ALIGNMENT_BYTES_MAX)
async def bring_alignment(request: AnyRequest, served: ServedHere) -> Response[Any] | Template:
    """Have what the file would do said, or done: by a job, which the page watches."""
    org, page_token, caller = await admin(served, request)
    form = await form_of_page(request)
    try:
        brought = None if "previewed" in form else await _file(form)
        how = form.get("act") != "align", await name_of(org, caller)
        async with transaction(org.pool) as database:
            found = brought or await previewed_file(org, database, note_of(form, "previewed"))
            await ask_alignment(org, database, caller, found, how)
    except (UnicodeDecodeError, csv.Error):
        return await _alignment(
            org, page_token, problem(Code.UNUSABLE, what="This file", reason="it is no CSV in UTF-8")
        )
    except Refused as refused:
        return await _alignment(org, page_token, refused.problem)
    return Redirect("/console/alignment", status_code=SEE_OTHER)


async def _file(form: FormMultiDict) -> File:
    """What was chosen. Raises Refused, UnicodeDecodeError, csv.Error."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Refused(problem(Code.UNUSABLE, what="This form", reason="no file was chosen"))
    text = (await file.read()).decode("utf-8-sig")
    return read_file(csv.reader(io.StringIO(text, newline="")))


ACT_PAGES = [access_page, reassign_all, leaving_page, alignment_page, bring_alignment]
