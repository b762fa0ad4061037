"""Photos and documents on a record: listed with how each stands, added without a network, sent after their record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect, Template

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device import Mark, Record
from fieldsync.device.media.media import NewFile
from fieldsync.device.media.plan import Item, Where
from fieldsync.protocol.media import carries_file
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.web.field import reading
from fieldsync.web.field.content.photo import media_type_of, without_metadata
from fieldsync.web.field.context import AnyRequest, Field, FieldHere
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import N_, _

LISTED_MAX = 200


@dataclass(frozen=True)
class Attached:
    """One file on a record. `percent`: of one made here, how much the server has; None once it has all. `coming`: of
    one that was asked for, how much is here; None where it was not. `problem`: why it did not come when it was."""

    id: RecordId
    name: str
    picture: bool
    bytes: int
    here: bool
    percent: int | None
    coming: int | None
    problem: Problem | None
    mark: Mark


@dataclass(frozen=True)
class Attachments:
    """What hangs on a record, and whether one more may be added."""

    object: str
    parent: RecordId
    files: tuple[Attached, ...]
    may_add: bool


def attachments(app: Field, found: Record) -> Attachments | None:
    """The files on this record; None where its object takes none."""
    kind = next(_kinds(app, found.object), None)
    if kind is None:
        return None
    object_type, way = kind
    records = app.device.find(object_type.name, where={way: found.id}, order_by="CreatedDate", limit=LISTED_MAX)
    items = {item.wanted.id: item for item in app.device.media.items()} if records else {}
    files = tuple(_attached(app, record, items.get(record.id)) for record in records)
    return Attachments(found.object, found.id, files, app.rights.may(object_type.name, Access.CREATE))


def _kinds(app: Field, parent: str) -> Iterator[tuple[ObjectType, str]]:
    """Objects with a file that hang on records of this one, and the field that leads there."""
    for object_type in app.device.catalog:
        if not object_type.system and carries_file(object_type) and app.rights.may(object_type.name, Access.READ):
            for field in object_type.references:
                if field.references == parent:
                    yield object_type, field.name


def _attached(app: Field, record: Record, item: Item | None) -> Attached:
    sent, media = app.device.media.sent_of(record.id), app.runner.media()
    size = item.wanted.bytes if item is not None else 0
    comes = app.runner.is_wished(record.id) or (media.active and media.record == record.id)
    here = size - item.left if item is not None else 0
    return Attached(
        record.id,
        shown(record.values["Name"]) or shown(record.values["File_Name"]) or _("File"),
        str(record.values["Media_Type"] or "").startswith("image/"),
        size,
        item is not None and item.where is Where.HERE,
        None if sent is None or sent >= size else 100 * sent // size,
        100 * here // size if comes and size else None,
        media.problem if media.record == record.id else None,
        record.mark,
    )


@get("/parts/attachments/{name:str}/{record_id:str}", sync_to_thread=True)
def attached_live(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Template:
    """The list, live."""
    found = attachments(app, reading.record(app.device, name, record_id))
    return app.page(request, "_attached.html", attachments=found)


@post("/attachments/{name:str}/{record_id:str}", status_code=200, request_max_body_size=limits.REQUEST_BYTES_MAX)
async def attach(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Response[None]:
    """Add one, as a save of its own."""
    form = await request.form()
    app.require(request, {"page_token": str(form.get("page_token", ""))})
    given = form.get("file")
    if not isinstance(given, UploadFile):
        raise Refused(problem(Code.REQUIRED, field=_("File")))
    body = await given.read()
    await asyncio.to_thread(_attach, app, reading.record(app.device, name, record_id), given.filename, body)
    return Redirect(request.headers.get("referer") or f"/objects/{name}/{record_id}", status_code=303)


def _attach(app: Field, found: Record, file_name: str, body: bytes) -> RecordId:
    kind = next(_kinds(app, found.object), None)
    if kind is None:
        raise Refused(problem(Code.NOT_FOUND, object="Attachments of", id=found.id))
    object_type, way = kind
    try:
        plain = without_metadata(body)
    except ValueError as bad:
        raise Refused(problem(Code.UNUSABLE, what=N_("This file"), reason=str(bad))) from None
    name = file_name.replace("\\", "/").rpartition("/")[2][-200:] or _("Photo")
    values: dict[str, FieldValue] = {"Name": name, way: found.id}
    if way != "AccountId" and "AccountId" in object_type.fields and found.values.get("AccountId"):
        values["AccountId"] = found.values["AccountId"]
    with app.device.edit() as edit:
        return app.device.media.attach(edit, object_type.name, values, NewFile(name, media_type_of(plain), plain))


@post("/attachments/{name:str}/{record_id:str}/{file_id:str}/get", status_code=200, sync_to_thread=True)
def get_file(request: AnyRequest, app: FieldHere, name: str, record_id: str, file_id: str) -> Template:
    """Get the file of one that was added elsewhere."""
    app.require(request)
    app.runner.get_media((file_id,))
    found = attachments(app, reading.record(app.device, name, record_id))
    return app.page(request, "_attached.html", attachments=found)


ATTACHING = [attached_live, attach, get_file]
