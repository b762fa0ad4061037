"""Files that were made here and that the server does not take: read, sent again, given up by name (FEATURES G02)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device.media.refused import NotTaken
from fieldsync.web.field import reading
from fieldsync.web.field.content.texts import PLAIN
from fieldsync.web.field.context import AnyRequest, Field, FieldHere

BYTES = "application/octet-stream"


def refusals(app: Field, said: str = "") -> dict[str, Any]:
    """What the error list shows: saves and files that were not accepted."""
    return {"errors": reading.error_list(app.device), "files": app.device.media.refused(), "said": said}


@get("/errors/files/{key:str}/{checksum:str}", sync_to_thread=True)
def unsent(request: AnyRequest, app: FieldHere, key: str, checksum: str) -> Response[bytes]:
    """All of it, to be copied or kept elsewhere."""
    app.door.page_token(request)
    one = _one(app, key, checksum)
    body = app.device.media.files.read(one.held, 0, one.held.bytes)
    return Response(body, media_type=PLAIN if one.is_text else BYTES)


@post("/errors/files/{key:str}/{checksum:str}/again", status_code=200, sync_to_thread=True)
def send_again(request: AnyRequest, app: FieldHere, key: str, checksum: str) -> Template:
    """Try it now."""
    app.require(request)
    app.device.media.send_again(_one(app, key, checksum))
    return app.page(request, "_errors.html", **refusals(app))


@post("/errors/files/{key:str}/{checksum:str}/discard", status_code=200, sync_to_thread=True)
def give_up(request: AnyRequest, app: FieldHere, key: str, checksum: str) -> Template:
    """It is needed no more."""
    app.require(request)
    app.device.media.give_up(_one(app, key, checksum))
    return app.page(request, "_errors.html", **refusals(app))


def _one(app: Field, key: str, checksum: str) -> NotTaken:
    for one in app.device.media.refused():
        if (one.held.id, one.held.checksum) == (key, checksum):
            return one
    raise Refused(problem(Code.NOT_FOUND, object="File of", id=key))


UNSENT = [unsent, send_again, give_up]
