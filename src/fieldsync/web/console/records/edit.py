"""The Console's acts on one record: made, changed, deleted, each one save through the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect, Template

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.protocol.upload import Duplicated, Item, Linked, Operation, Outcome, Rejected
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.fields import FieldValue
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.bring_in import draw_ids
from fieldsync.server.oversight.editing import Stale, edit_from_page
from fieldsync.server.oversight.reader import Reader, open_to
from fieldsync.server.oversight.records import Whole, names_of, read_record, root_stamp
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.web.console.door import AnyRequest, as_person, form_of_page
from fieldsync.web.console.pages import SEE_OTHER
from fieldsync.web.console.records.desk import Desk, desk_of
from fieldsync.web.console.records.form import Filled, form_layout, fresh, inputs_of, met, shown_first, typed

CHANGED = "Somebody changed this record meanwhile. What you typed is still here; look at it and save again."


@dataclass(frozen=True)
class Sheet:
    """A record on its form, and the versions it was read in; `found` is None for a new one."""

    name: str
    record_id: str
    found: Whole | None
    filled: Filled
    record_type: str | None
    root: int = 0


async def _sheet(
    desk: Desk, database: Database, reader: Reader, place: tuple[str, str], form: Mapping[str, str] | None
) -> Sheet:
    """The form of a record as it is now, or with what was typed. Raises Refused."""
    name, record_id = place
    object_type = open_to(desk.org, reader, name)
    if object_type.declared.bulk is not None or not reader.rights.may(
        name, Access.EDIT if record_id else Access.CREATE
    ):
        raise Refused(problem(Code.PERMISSION, object=name, operation="edit" if record_id else "create"))
    found = await read_record(desk.org, database, reader, name, record_id) if record_id else None
    values: Mapping[str, FieldValue] = found.values if found is not None else {**(form or {})}
    known = desk.org.record_types.get(str(values.get("RecordTypeId")))
    record_type = known.declared.name if known is not None else None
    layout = form_layout(desk.org, object_type, reader.rights, record_type, new=found is None)
    if form is not None and "page_token" in form:
        filled = typed(layout, form, reader.zone)
    elif found is not None:
        filled = shown_first(layout, found.values, reader.zone)
    else:
        filled = fresh(layout, form or {}, reader.zone)
    root = await root_stamp(desk.org, database, name, values)
    return Sheet(name, record_id, found, filled, record_type, root)


async def _page(
    desk: Desk, database: Database, reader: Reader, sheet: Sheet, problems: tuple[Problem, ...] = (), said: str = ""
) -> Template:
    object_type = sheet.filled.layout.object
    fields = object_type.column_fields
    wanted: dict[str, set[str]] = {}
    for name in sheet.filled.layout.entered:
        text, target = sheet.filled.texts.get(name, ""), fields[name].references
        if target is not None and text:
            wanted.setdefault(target, set()).add(text)
    known = await names_of(desk.org, database, reader, wanted)
    sections = [
        (s.label, inputs_of(desk.org, sheet.filled, s.fields, known, sheet.record_type))
        for s in sheet.filled.layout.sections
    ]
    stamp = sheet.found.stamp if sheet.found is not None else 0
    title = (sheet.found.values.get("Name") if sheet.found is not None else None) or f"New {object_type.label}"
    about = {"object": sheet.name, "plural": object_type.plural, "label": object_type.label, "id": sheet.record_id}
    shown = {"sections": sections, "was": sheet.filled.was, "clashes": sheet.filled.clashes, "title": title}
    wrong = {p.field: p.message for p in problems if p.field}
    told = [p for p in problems if p.field is None or p.field not in sheet.filled.layout.entered]
    more = {"stamp": stamp, "root": sheet.root, "said": said, "faults": wrong, "problems": told}
    return desk.page("edit.html", {**about, **shown, **more})


@get("/objects/{name:str}/{record_id:str}/edit")
async def edit_page(request: AnyRequest, served: ServedHere, name: str, record_id: str) -> Template:
    """The form of a record."""
    desk = await desk_of(served, request)
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        sheet = await _sheet(desk, database, reader, (name, record_id), None)
        return await _page(desk, database, reader, sheet)


@get("/new/{name:str}")
async def new_page(request: AnyRequest, served: ServedHere, name: str) -> Template:
    """The form of a record to be; what the address says is filled in."""
    desk = await desk_of(served, request)
    given = {key: str(value) for key, value in request.query_params.items() if key != "page_token"}
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        return await _page(desk, database, reader, await _sheet(desk, database, reader, (name, ""), given))


@post("/save/{name:str}", status_code=200)
async def save_record(request: AnyRequest, served: ServedHere, name: str) -> Response[Any] | Template:
    """Make or change it. What is refused, or was changed by somebody else, comes back with what was typed."""
    desk, form = await _sent(served, request)
    record_id = form.get("record_id", "")
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        sheet = await _sheet(desk, database, reader, (name, record_id), form)
        try:
            item = await _item(desk, sheet, form)
        except Refused as refused:
            return await _page(desk, database, reader, sheet, (refused.problem,))
    if sheet.found is not None and not item.changes:
        return Redirect(f"/console/objects/{name}/{record_id}", status_code=SEE_OTHER)
    outcome = await edit_from_page(desk.org, as_person(desk.org, request), item)
    if not isinstance(outcome, Stale | Rejected):
        place = _place(item, outcome)
        return Redirect(f"{place}?said={'saved' if record_id else 'made'}", status_code=SEE_OTHER)
    async with snapshot(desk.org.pool) as database:
        reader = await desk.reader(database)
        return await _again(desk, database, reader, (sheet, outcome))


async def _sent(served: ServedHere, request: AnyRequest) -> tuple[Desk, dict[str, str]]:
    desk = await desk_of(served, request)
    form = await form_of_page(request)
    return desk, {key: str(form.getall(key)[-1]) for key in form}


async def _item(desk: Desk, sheet: Sheet, form: Mapping[str, str]) -> Item:
    if sheet.found is None:
        [new_id] = await draw_ids(desk.org, [sheet.name])
        return Item(sheet.name, new_id, Operation.CREATE, sheet.filled.changes(None), root_seen=sheet.root)
    seen, root = (int(form[key]) if form.get(key, "").isdecimal() else 0 for key in ("stamp", "root"))
    changes = sheet.filled.changes(sheet.found.values)
    return Item(sheet.name, RecordId(sheet.record_id), Operation.UPDATE, changes, seen, root_seen=root)


def _place(item: Item, outcome: Outcome) -> str:
    """Where the record is now: a duplicate rule may have led to one that was there."""
    if isinstance(outcome, Linked):
        return f"/console/objects/{item.object}/{outcome.existing.get(item.id, item.id)}"
    if isinstance(outcome, Duplicated):
        return f"/console/objects/{outcome.duplicate.object}/{outcome.duplicate.id}"
    return f"/console/objects/{item.object}/{item.id}"


async def _again(desk: Desk, database: Database, reader: Reader, what: tuple[Sheet, Stale | Rejected]) -> Template:
    """The form once more: as it is now where somebody else was faster, else with the reasons."""
    sheet, outcome = what
    problems = outcome.problems if isinstance(outcome, Rejected) else ()
    others = tuple(p for p in problems if p.code is not Code.CONFLICT_OLD_VALUE)
    if sheet.found is None or (others and isinstance(outcome, Rejected)):
        return await _page(desk, database, reader, sheet, problems)
    found = await read_record(desk.org, database, reader, sheet.name, sheet.record_id)
    root = await root_stamp(desk.org, database, sheet.name, found.values)
    now = Sheet(sheet.name, sheet.record_id, found, met(sheet.filled, found.values), sheet.record_type, root)
    return await _page(desk, database, reader, now, (), CHANGED)


async def _delete_page(desk: Desk, place: tuple[str, str], wrong: Problem | None = None) -> Template:
    name, record_id = place
    async with snapshot(desk.org.pool) as database:
        found = await read_record(desk.org, database, await desk.reader(database), name, record_id)
    object_type = desk.org.catalog[name]
    title = found.values.get("Name") or object_type.label
    about = {"object": name, "id": record_id, "plural": object_type.plural, "title": title, "stamp": found.stamp}
    return desk.page("delete.html", about, wrong)


@get("/delete/{name:str}/{record_id:str}")
async def delete_page(request: AnyRequest, served: ServedHere, name: str, record_id: str) -> Template:
    """Whether it is really to go."""
    return await _delete_page(await desk_of(served, request), (name, record_id))


@post("/delete/{name:str}/{record_id:str}", status_code=200)
async def delete_record(request: AnyRequest, served: ServedHere, name: str, record_id: str) -> Response[Any] | Template:
    """Delete it, unless somebody changed it since it was shown."""
    desk, form = await _sent(served, request)
    stamp = int(form["stamp"]) if form.get("stamp", "").isdecimal() else 0
    async with snapshot(desk.org.pool) as database:
        found = await read_record(desk.org, database, await desk.reader(database), name, record_id)
        root = await root_stamp(desk.org, database, name, found.values)
    item = Item(name, RecordId(record_id), Operation.DELETE, {}, stamp, root_seen=root)
    outcome = await edit_from_page(desk.org, as_person(desk.org, request), item)
    if isinstance(outcome, Stale):
        reason = "somebody changed it meanwhile; look at it as it is now"
        denied = problem(Code.DELETE_DENIED, object=name, id=record_id, reason=reason)
        return await _delete_page(desk, (name, record_id), denied)
    if isinstance(outcome, Rejected):
        return await _delete_page(desk, (name, record_id), outcome.problems[0])
    return Redirect(f"/console/objects/{name}", status_code=SEE_OTHER)


EDIT_PAGES = [edit_page, new_page, save_record, delete_page, delete_record]
