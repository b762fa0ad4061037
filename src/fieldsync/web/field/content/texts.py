"""Texts that are longer than their field: all of one, and getting the file of one that is not here (FEATURES L06)."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Template

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Record
from fieldsync.device.media.texts import key_of
from fieldsync.web.field import reading
from fieldsync.web.field.context import AnyRequest, Field, FieldHere

PLAIN = "text/plain; charset=utf-8"


@get("/texts/{name:str}/{record_id:str}/{field:str}", sync_to_thread=True)
def text(request: AnyRequest, app: FieldHere, name: str, record_id: str, field: str) -> Response[str]:
    """All of the text of this field."""
    app.door.page_token(request)
    found = reading.record(app.device, name, record_id)
    whole = app.device.media.text(found.id, field, found.values.get(field))
    if whole is None:
        raise _unknown(found)
    return Response(whole, media_type=PLAIN)


@get("/texts/{name:str}/{record_id:str}/{field:str}/state", sync_to_thread=True)
def state(request: AnyRequest, app: FieldHere, name: str, record_id: str, field: str) -> Template:
    """Whether it is here, live."""
    return app.page(request, "_rest.html", **_state(app, reading.record(app.device, name, record_id), field))


@post("/texts/{name:str}/{record_id:str}/{field:str}/get", status_code=200, sync_to_thread=True)
def get_text(request: AnyRequest, app: FieldHere, name: str, record_id: str, field: str) -> Template:
    """Get its file."""
    app.require(request)
    found = reading.record(app.device, name, record_id)
    app.runner.get_media((key_of(found.id, field),))
    return app.page(request, "_rest.html", **_state(app, found, field))


def _state(app: Field, found: Record, field: str) -> dict[str, Any]:
    fact = reading.fact_of_text(app.device, found, field)
    if fact is None:
        raise _unknown(found)
    key, media = key_of(found.id, field), app.runner.media()
    coming = app.runner.is_wished(key) or (media.active and media.record == key)
    return {"fact": fact, "coming": coming, "why": media.problem if media.record == key else None}


def _unknown(found: Record) -> Refused:
    return Refused(problem(Code.NOT_FOUND, object="Text of", id=found.id))


TEXTS = [text, state, get_text]
