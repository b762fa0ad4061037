"""Saving what was entered: save, submit or leave, all three one save. A refused one stays as a draft."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from litestar import Response, post
from litestar.response import Redirect

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.world import instant
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.soql.list_view import PLACE
from fieldsync.web.field import reading
from fieldsync.web.field.context import AnyRequest, Field, FieldHere, WorldHere, sentence_of
from fieldsync.web.field.form.seen import clashes, packed, unpacked
from fieldsync.web.field.form.sent import Saved, form_of, revision_of
from fieldsync.web.field.form.sheet import Written, content, given, rows, save_sheet
from fieldsync.web.field.work.samples import Said
from fieldsync.web.field.work.sheet import SIGNED, Sheet, disclaimer, page_of, samples_of, sheet_of, values_of
from fieldsync.web.kit.layout import Layout

SEE_OTHER: Final = 303
KEPT: Final = "kept"
"""A signature too large to be sent while a page is left: it is in the draft already."""
SIGNATURE_HEAD = "data:image/png;base64,"
TAKE_BACK: Final = "take_back"
"""The signature goes; with it what kept the record as it was."""
SAVED, PLANNED = "Saved", "Planned"
"""Where a submit field has these values: what a saved record is, and one whose day is to come."""


@post("/sheets/{name:str}", status_code=200)
async def save(request: AnyRequest, app: FieldHere, world: WorldHere, name: str) -> Response[Any]:
    """Save, submit, or leave a record's page."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_save, request, app, (name, form), world.clock.now())


def _save(request: AnyRequest, app: Field, sent: tuple[str, dict[str, str]], now: datetime) -> Response[Any]:
    name, form = sent
    reading.known_object(app.device, name)
    key, said = form.get("draft_key", ""), ""
    if form.get("signature") == KEPT:
        draft = app.device.drafts.get(key) or {}
        form |= {field: str(draft.get(field, "")) for field in SIGNED}
    with app.forms.turn:
        sheet = _sheet(app, name, form)
        try:
            saved = _written(app, sheet, form, now)
        except Refused as refused:
            saved, said = None, sentence_of(refused)
            sheet = replace(sheet, wrong=refused.problem)
    if saved is None:
        app.device.drafts.put(key, form)
        kept = {"view": form.get("view", ""), "form_id": form.get("form_id", ""), "said": said}
        return app.page(request, "sheet.html", here=here_of(name), **kept, **values_of(app, sheet, now))
    app.device.drafts.drop(key)
    if form.get("view"):
        app.device.views.close(form["view"])
    return Redirect(after_saving(app, name, saved), status_code=SEE_OTHER)


def here_of(name: str) -> str:
    """Which entry of the navigation is lit."""
    return "accounts" if name in ("Account", "Call") else "records"


def after_saving(app: Field, name: str, record_id: str) -> str:
    """A family stays open for the next entry; of anything else the record is shown."""
    if name in app.device.catalog.families:
        return f"/objects/{name}/{record_id}/edit"
    return page_of(name, record_id) if name != "Account" else f"/objects/{name}/{record_id}"


def _sheet(app: Field, name: str, form: Mapping[str, str]) -> Sheet:
    """The sheet this form was made from; one that was saved meanwhile is that record's."""
    known = app.forms.saved(form.get("form_id", ""))
    record_id = form.get("record_id") or (known.record_id if known is not None else "")
    if record_id:
        return sheet_of(app, name, reading.record(app.device, name, record_id), {})
    preset = {k.removeprefix("preset-"): v for k, v in form.items() if k.startswith("preset-")}
    return sheet_of(app, name, None, preset)


def _written(app: Field, sheet: Sheet, form: dict[str, str], now: datetime) -> RecordId | None:
    """The record this form is saved as; None when somebody else changed what the person changed. Raises Refused."""
    form_id, act, layout = form.get("form_id", ""), form.get("act", "save"), sheet.layout
    zone = sheet.zone(app.zone)
    known = app.forms.saved(form_id)
    after = given(form, layout)
    text = packed(after | {"signature": form.get("signature", ""), "act": act})
    if known is not None and known.content == text:
        return known.record_id
    before = unpacked(form)
    found = sheet.found
    if found is not None and (sheet.signed or act == TAKE_BACK):
        return _of_signed(app, sheet, act, now)
    if found is not None:
        if sheet.locked:
            raise Refused(problem(Code.LOCKED, object=sheet.name, id=found.id))
        held = content(app.device, found, layout, zone)
        if not form.get("record_id"):
            before = held  # saved from this very form a moment ago: nobody else wrote it
        if clashes(before, after, held):
            return None
    _require(layout, after)
    signed = _signed(layout, form)
    _require_samples(samples_of(app, sheet, after), sheet, signed=bool(signed) or act != "submit")
    own: dict[str, FieldValue] = {} if found is not None else _begun(sheet) | _placed(app, sheet)
    values = own | signed | _status(sheet, act, after, now, zone)
    record_id = found.id if found is not None else None
    saved = save_sheet(app.device, layout, record_id, Written(before, after, values), zone)
    app.forms.remember(form_id, Saved(sheet.name, saved, revision_of(form), text))
    return saved


def _of_signed(app: Field, sheet: Sheet, act: str, now: datetime) -> RecordId:
    """What can be done with a signed record: submit it, or take its signature back. Raises Refused(SIGNED)."""
    found, at, zone = sheet.found, sheet.layout.signature, sheet.zone(app.zone)
    assert found is not None
    values: dict[str, FieldValue]
    if act == TAKE_BACK and at is not None and sheet.may_take_back:
        values = dict.fromkeys(name for name in (at.field, at.date, at.disclaimer) if name is not None)
    elif act == "submit" and sheet.signed:
        held = content(app.device, found, sheet.layout, zone)
        _require(sheet.layout, held)
        _require_samples(samples_of(app, sheet, held), sheet, signed=True)
        values = _status(sheet, act, held, now, zone)
    else:
        raise Refused(problem(Code.SIGNED, object=sheet.name, id=found.id))
    with app.device.edit() as edit:
        edit.update(sheet.name, found.id, values)
    return found.id


def _require_samples(said: Said, sheet: Sheet, *, signed: bool) -> None:
    """What the server would refuse of them is refused here, with its sentence."""
    at = sheet.layout.signature
    held = sheet.found is not None and at is not None and sheet.found.values.get(at.field)
    unsigned = {"Signature": said.unsigned} if said.unsigned and not (signed or held) else {}
    for field, wrong in [*((None, one) for one in said.wrong.values()), *unsigned.items()]:
        raise Refused(problem(Code.VALIDATION, object=sheet.name, field=field, message=wrong, rule="samples"))


def _require(layout: Layout, after: Mapping[str, str]) -> None:
    """What the object or the layout wants filled in."""
    _filled_in(layout.object, layout.entered, after, layout.required)
    for kind in layout.lines:
        for line in rows(after, kind).values():
            _filled_in(kind.object, kind.fields, line, frozenset())


def _filled_in(
    object_type: ObjectType, names: Iterable[str], texts: Mapping[str, str], required: Collection[str]
) -> None:
    """Refused here, before a save is begun."""
    for name in names:
        field = object_type.column_fields[name]
        if (name in required or (field.required and name not in object_type.defaults)) and not texts.get(name):
            raise Refused(problem(Code.REQUIRED, object=object_type.name, field=name))


def _begun(sheet: Sheet) -> dict[str, FieldValue]:
    """What a new record was begun from and nobody may change on its page: its master, the account it is for."""
    return {name: text or None for name, text in sheet.preset.items() if name not in sheet.layout.entered}


def _placed(app: Field, sheet: Sheet) -> dict[str, FieldValue]:
    """Where a new visit takes place: in the person's zone, where its page does not ask."""
    may = PLACE in sheet.layout.object.writable and app.rights.edits(sheet.name, PLACE)
    return {PLACE: app.zone} if may and PLACE not in sheet.layout.entered else {}


def _signed(layout: Layout, form: Mapping[str, str]) -> dict[str, FieldValue]:
    """The signature drawn on this form, with the words it stands under (FEATURES L01)."""
    drawn, at = form.get("signature", ""), layout.signature
    if at is None or not drawn.startswith(SIGNATURE_HEAD):
        return {}
    values: dict[str, FieldValue] = {at.field: drawn.removeprefix(SIGNATURE_HEAD)}
    if at.date is not None:
        values[at.date] = form.get("signature_date") or None
    if at.disclaimer is not None:
        values[at.disclaimer] = disclaimer(layout)
    return values


def _status(sheet: Sheet, act: str, after: Mapping[str, str], now: datetime, zone: str) -> dict[str, FieldValue]:
    """What saving or submitting makes of the field that says so."""
    submit, object_type = sheet.layout.submit, sheet.layout.object
    if submit is None or (act == "leave" and sheet.found is not None):
        return {}
    if act == "submit":
        values: dict[str, FieldValue] = {submit.field: submit.value}
        if "Submitted_Date" in object_type.fields:
            values["Submitted_Date"] = instant(now)
        return values
    offered = {v.value for v in object_type.fields[submit.field].values}
    day = after.get(submit.date or "", "")
    if PLANNED in offered and day > reading.now_input(zone, now):
        return {submit.field: PLANNED}
    return {submit.field: SAVED} if SAVED in offered else {}


@post("/objects/{name:str}/{record_id:str}/delete", status_code=200)
async def delete(request: AnyRequest, app: FieldHere, name: str, record_id: str) -> Response[Any]:
    """Delete a record, and what travels with it."""
    form = await form_of(request)
    app.require(request, form)
    return await asyncio.to_thread(_delete, request, app, name, record_id)


def _delete(request: AnyRequest, app: Field, name: str, record_id: str) -> Response[Any]:
    found = reading.record(app.device, name, record_id)
    with app.device.edit() as edit:
        edit.delete(name, found.id)
    app.device.drafts.drop(f"sheet-{found.id}")
    account = found.values.get("AccountId")
    back = f"/accounts/{account}" if account and name != "Account" else f"/objects/{name}"
    if request.headers.get("hx-request"):
        return Response(None, headers={"hx-redirect": back})
    return Redirect(back, status_code=SEE_OTHER)


SAVING = [save, delete]
