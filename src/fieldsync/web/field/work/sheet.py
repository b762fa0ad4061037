"""The page on which a record is entered: as it is saved, or the draft that was left over it, as the form shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Problem
from fieldsync.device import Device, Mark, Record
from fieldsync.protocol.samples.judge import SAMPLE
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.family import signing
from fieldsync.schema.model import FieldType
from fieldsync.web.field.context import Field
from fieldsync.web.field.form.seen import clashes, merged, packed, unpacked
from fieldsync.web.field.form.sheet import blank, content, given, rows
from fieldsync.web.field.work.inputs import Inputs
from fieldsync.web.field.work.samples import Said, said_of
from fieldsync.web.field.work.signed import kept_of
from fieldsync.web.kit.inputs import Input
from fieldsync.web.kit.layout import Layout, Lines, layout_of
from fieldsync.web.kit.locales import place_of, zone_of
from fieldsync.web.kit.naming import label_of, told_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import N_, _, named, within

SAMPLES_RECEIVED = N_("By signing I confirm that I received the samples listed above.")
CONTENT_CONFIRMED = N_("By signing I confirm what is written above.")
SIGNED = ("signature", "signature_date")
_REFERENCES = (FieldType.LOOKUP, FieldType.MASTER_DETAIL)


@dataclass(frozen=True)
class Sheet:
    """A record to enter: its layout, the record when it is there, and what a new one begins with.

    `wrong` is why the save that was just tried is refused; `kept` are fields that a signature keeps as they are.
    """

    layout: Layout
    found: Record | None
    preset: Mapping[str, str]
    record_type: str | None
    wrong: Problem | None = None
    kept: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.layout.object.name

    @property
    def draft_key(self) -> str:
        """Under which name the half-written form is kept."""
        if self.found is not None:
            return f"sheet-{self.found.id}"
        return "-".join(["new", self.name, *(self.preset[name] for name in sorted(self.preset))])

    def zone(self, own: str) -> str:
        """In which zone its times are entered: where it takes place, the person's own for a new one."""
        return (place_of(self.found.values) if self.found is not None else "") or own

    @property
    def locked(self) -> bool:
        """A submitted record is not changed any more, unless an admin unlocked it."""
        return self.found is not None and is_locked(self.layout, self.found)

    @property
    def signed(self) -> bool:
        """It can only be submitted, or its signature taken back."""
        submit, found = self.layout.submit, self.found
        if submit is None or found is None or not signing.is_open(found.values, submit):
            return False
        return bool(signing.given(self.layout.object, found.values))

    @property
    def closed(self) -> bool:
        """Nothing can be entered."""
        return self.locked or self.signed

    @property
    def may_take_back(self) -> bool:
        """Whether its signature may be taken back here."""
        at, found = self.layout.signature, self.found
        return at is not None and found is not None and bool(found.values.get(at.field)) and not self.locked


def is_locked(layout: Layout, found: Record) -> bool:
    """Whether the record was submitted, and is not unlocked."""
    submit = layout.submit
    if submit is None or found.values.get(submit.field) != submit.value:
        return False
    return not (submit.unlocked and found.values.get(submit.unlocked))


def sheet_of(app: Field, name: str, found: Record | None, preset: Mapping[str, str]) -> Sheet:
    """The sheet of a record, or of a new one that begins with `preset`."""
    object_type = app.device.catalog[name]
    kind_id = found.values.get("RecordTypeId") if found is not None else preset.get("RecordTypeId")
    kind = record_type_name(app.device, object_type, str(kind_id or ""))
    begun = {
        k: v for k, v in preset.items() if k in object_type.column_fields and _may_preset(object_type, k, app.rights)
    }
    layout = layout_of(app.device.catalog, name, app.rights, kind)
    return Sheet(layout, found, begun, kind, kept=kept_of(app.device, layout, found))


def _may_preset(object_type: ObjectType, name: str, rights: Rights) -> bool:
    field = object_type.column_fields[name]
    return name in object_type.writable and field.type is not FieldType.BASE64 and rights.edits(object_type.name, name)


def record_type_name(device: Device, object_type: ObjectType, record_type_id: str) -> str | None:
    """The record type by its name; that of new records when none is given."""
    if not object_type.record_types:
        return None
    kind = device.get("RecordType", RecordId(record_type_id)) if record_type_id else None
    if kind is not None:
        return str(kind.values["DeveloperName"])
    return next((k.name for k in object_type.record_types.values() if k.default), None)


def values_of(app: Field, sheet: Sheet, now: datetime) -> dict[str, Any]:
    """What the template shows: the record, with the changes of a draft that was left over it."""
    draft = None if sheet.closed else app.device.drafts.get(sheet.draft_key)
    if sheet.found is None:
        texts = _fresh(sheet, app.zone, now) if draft is None else {**sheet.preset, **given(draft, sheet.layout)}
        return _page(app, sheet, texts, draft) | {"seen": packed({}), "clashing": []}
    held = content(app.device, sheet.found, sheet.layout, sheet.zone(app.zone))
    texts, clashing = held, list[str]()
    if draft is not None:
        seen, mine = unpacked(draft), given(draft, sheet.layout)
        texts, clashing = merged(seen, mine, held), clashes(seen, mine, held)
    told = [_told(sheet.layout, name, held) for name in clashing]
    return _page(app, sheet, texts, draft) | {"seen": packed(held), "clashing": told}


def _fresh(sheet: Sheet, zone: str, now: datetime) -> dict[str, str]:
    """What a new record begins with: defaults, now where a time is required, and where it was begun from."""
    object_type, here = sheet.layout.object, now.astimezone(zone_of(zone))
    texts = blank(object_type, sheet.layout.entered)
    kind = object_type.record_types.get(sheet.record_type or "")
    if kind is not None:
        texts |= {name: text for name, text in kind.defaults.items() if name in texts}
    for name in sheet.layout.entered:
        field = object_type.column_fields[name]
        if field.required and field.type is FieldType.DATETIME:
            texts[name] = here.strftime("%Y-%m-%dT%H:%M")
        elif field.required and field.type is FieldType.DATE:
            texts[name] = here.date().isoformat()
    return texts | dict(sheet.preset)


def _told(layout: Layout, name: str, held: Mapping[str, str]) -> tuple[str, str]:
    """A clashing field by its label, and what it holds now."""
    for kind in layout.lines:
        if name.startswith(f"line-{kind.object.name}-"):
            column = name.rpartition("-")[2]
            field = kind.object.column_fields[column]
            return label_of(field), told_of(field, held.get(name, ""))
    field = layout.object.column_fields[name]
    return label_of(field), told_of(field, held.get(name, ""))


def _page(app: Field, sheet: Sheet, texts: Mapping[str, str], draft: Mapping[str, Any] | None) -> dict[str, Any]:
    layout, found, inputs = sheet.layout, sheet.found, Inputs(app.device, sheet.record_type, sheet.wrong)
    label = named(layout.object.label)
    name = shown(found.values["Name"]) if found is not None else ""
    return {
        "object": sheet.name,
        "label": label,
        "plural": named(layout.object.plural),
        "record_id": found.id if found is not None else "",
        "title": (f"{label} {name}" if name else label)
        if found is not None
        else _("New %(label)s") % {"label": within(label)},
        "parents": parents_of(app.device, sheet, texts),
        "status": _status(sheet),
        "mark_state": found.mark if found is not None else Mark.CLEAN,
        "locked": sheet.locked,
        "signed": sheet.signed,
        "kept": bool(sheet.kept),
        "may_take_back": sheet.may_take_back,
        "may_submit": layout.submit is not None,
        "elsewhere": sheet.zone(app.zone) if sheet.zone(app.zone) != app.zone else "",
        "sections": _sections(sheet, inputs, texts),
        "lines": _lines(sheet, inputs, texts),
        "samples": samples_of(app, sheet, texts),
        "presets": list(sheet.preset.items()) if found is None else [],
        "draft_key": sheet.draft_key,
        "restored": draft is not None,
        "signature": _signature(sheet, draft or {}),
        "unsigned": sheet.wrong is not None and sheet.wrong.field == "Signature",
        "may_delete": found is not None
        and not (sheet.closed or sheet.kept)
        and app.rights.may(sheet.name, Access.DELETE),
    }


def samples_of(app: Field, sheet: Sheet, texts: Mapping[str, str]) -> Said:
    """What there is to say of the samples of a call that is still open."""
    if sheet.locked:
        return Said()
    held = sheet.found.values if sheet.found is not None else sheet.preset
    account = texts.get("AccountId") or str(held.get("AccountId") or "")
    record_id = sheet.found.id if sheet.found is not None else ""
    return said_of(app.device, sheet.layout, {**texts, "AccountId": account}, record_id, sheet.zone(app.zone))


def _status(sheet: Sheet) -> str:
    submit = sheet.layout.submit
    if sheet.found is None:
        return _("Not saved yet")
    if submit is None:
        return ""
    return told_of(sheet.layout.object.fields[submit.field], sheet.found.values[submit.field])


def parents_of(device: Device, sheet: Sheet, texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """The records this one stands under, by name and page: its account, its call, its master."""
    told: list[tuple[str, str]] = []
    for field in sheet.layout.object.references:
        value = texts.get(field.name) or (sheet.found.values.get(field.name) if sheet.found else None)
        is_above = field.required or field.type is FieldType.MASTER_DETAIL or field.name in ("AccountId", "CallId")
        if not value or not is_above or field.references is None or field.references not in device.catalog:
            continue
        name = device.name_of(field.references, RecordId(str(value)))
        if name or field.references == "Call":
            told.append((name or named(device.catalog[field.references].label), page_of(field.references, str(value))))
    return told


def page_of(object_name: str, record_id: str) -> str:
    """Where a record is read."""
    return f"/accounts/{record_id}" if object_name == "Account" else f"/objects/{object_name}/{record_id}"


def _sections(sheet: Sheet, inputs: Inputs, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    layout = sheet.layout
    told = []
    for section in layout.sections:
        names = [name for name in section.fields if name in layout.entered]
        signed = layout.signature is not None and layout.signature.field in section.fields
        if names or signed:
            fields = inputs.of(layout.object, names, texts, section.offers)
            fields = [replace(one, fixed=one.name in sheet.kept) for one in fields]
            told.append({"label": section.label, "fields": fields, "signed": signed})
    if layout.signature is not None and not any(one["signed"] for one in told):
        told.append({"label": _("Signature"), "fields": [], "signed": True})
    return told


def _lines(sheet: Sheet, inputs: Inputs, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    def covered(kind: Lines) -> bool:
        return bool(sheet.kept) and signing.covered(kind.object)

    def entered(kind: Lines, line: Mapping[str, str]) -> list[Input]:
        fields = inputs.of(kind.object, kind.fields, line, kind.offers)
        return [replace(one, fixed=covered(kind)) for one in fields]

    return [
        {
            "object": kind.object.name,
            "label": kind.label,
            "one": kind.one,
            "editable": kind.editable and not sheet.closed and not covered(kind),
            "rows": [(row, entered(kind, line)) for row, line in found.items()],
            "empty": inputs.of(kind.object, kind.fields, blank(kind.object, kind.fields), kind.offers),
        }
        for kind in sheet.layout.lines
        for found in (rows(texts, kind),)
        if found or (kind.editable and not sheet.closed and not covered(kind))
    ]


def disclaimer(layout: Layout) -> str:
    """The words that a signature stands under: of a visit that samples may be left at, and of anything else."""
    samples = any(kind.object.name == SAMPLE for kind in layout.lines)
    return _(SAMPLES_RECEIVED if samples else CONTENT_CONFIRMED)


def _signature(sheet: Sheet, draft: Mapping[str, Any]) -> dict[str, str]:
    """What is signed already, what is drawn in the draft, and the words it stands under."""
    layout, found = sheet.layout, sheet.found
    if layout.signature is None:
        return {}
    held = found.values if found is not None else {}
    words = shown(held.get(layout.signature.disclaimer or "")) or disclaimer(layout)
    drawn = {name: str(draft.get(name, "")) for name in SIGNED}
    return {"signed": shown(held.get(layout.signature.field)), "disclaimer": words, **drawn}
