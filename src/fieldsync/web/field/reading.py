"""What the pages show, read from the engine and put together for the templates. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Device, Mark, QueueEntry, Record
from fieldsync.device.queue.states import State
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType, PicklistValue
from fieldsync.web.field.form.entered import as_text
from fieldsync.web.kit.facts import HIDDEN, SET_BY_SYSTEM, Fact, fact_of
from fieldsync.web.kit.pages import shown, zone_of

TODAY_LOOKED_AT_MAX = 500
ACCOUNT_FACTS = ("Kind", "Specialty", "Segment", "Status", "Phone", "MobilePhone", "Email", "Best_Times", "Description")
INPUTS = {
    FieldType.CHECKBOX: "checkbox",
    FieldType.LONG_TEXT: "textarea",
    FieldType.PICKLIST: "select",
    FieldType.NUMBER: "number",
    FieldType.CURRENCY: "number",
    FieldType.PERCENT: "number",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime-local",
    FieldType.TIME: "time",
    FieldType.EMAIL: "email",
    FieldType.PHONE: "tel",
    FieldType.URL: "url",
}
"""How each field type is entered; every other one as text."""
NOT_ENTERED = (FieldType.BASE64, FieldType.GEOLOCATION, FieldType.ID)


@dataclass(frozen=True)
class TodayCall:
    """One line of the calls of today."""

    id: RecordId
    account: str
    when: str
    status: str
    name: str
    mark: Mark


@dataclass(frozen=True)
class Input:
    """One field of the generic edit form."""

    name: str
    label: str
    kind: str
    text: str
    required: bool
    options: tuple[PicklistValue, ...]
    hint: str = ""


@dataclass(frozen=True)
class ErrorLine:
    """One entry of the error list, and what undoing it takes back: None when that cannot be done now."""

    entry: QueueEntry
    question: str | None


def record(device: Device, object_name: str, record_id: str) -> Record:
    """A record of this device. Raises Refused(NOT_FOUND)."""
    known = object_name in device.catalog
    found = device.get(object_name, RecordId(record_id)) if known else None
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object=object_name, id=record_id))
    return found


def calls_of_today(device: Device, zone: str, now: datetime) -> list[TodayCall]:
    """The person's own calls whose day is today, in the person's zone."""
    account = device.account
    if account is None:
        return []
    today = now.astimezone(zone_of(zone)).date()
    mine = device.find(
        "Call", where={"OwnerId": account.user.id}, order_by="Call_Date", descending=True, limit=TODAY_LOOKED_AT_MAX
    )
    todays = [call for call in mine if _day(call, zone) == today]
    return [
        TodayCall(
            id=call.id,
            account=device.name_of("Account", RecordId(str(call.values["AccountId"]))) or "An account",
            when=str(call.values["Call_Date"]),
            status=shown(call.values["Status"]),
            name=shown(call.values["Name"]),
            mark=call.mark,
        )
        for call in reversed(todays)
    ]


def _day(call: Record, zone: str) -> object:
    moment = call.values["Call_Date"]
    return datetime.fromisoformat(moment).astimezone(zone_of(zone)).date() if isinstance(moment, str) else None


def error_list(device: Device) -> list[ErrorLine]:
    """What was not accepted, with the question to ask before it is taken back."""
    errors = device.errors()
    names = {entry.n: entry.name or entry.object for entry in [*errors, *device.queue()]}
    return [ErrorLine(entry, _question(device, entry, names)) for entry in errors]


def _question(device: Device, entry: QueueEntry, names: Mapping[int, str]) -> str | None:
    if entry.state != State.FAILED:
        return None
    try:
        others = [names.get(n, f"save {n}") for n in device.undone_with(entry.n) if n != entry.n]
    except Refused:
        return None
    also = f" This also takes back {len(others)} later: {', '.join(others[:5])}." if others else ""
    return f"Take back your save of {names[entry.n]}?{also}"


def account_facts(account: Record, object_type: ObjectType) -> list[tuple[str, str]]:
    """What an account page tells, filled fields only."""
    return [
        (object_type.fields[name].label or name, shown(account.values[name]))
        for name in ACCOUNT_FACTS
        if name in object_type.fields and account.values[name] not in (None, False)
    ]


def texts(object_type: ObjectType, values: Mapping[str, FieldValue], zone: str) -> dict[str, str]:
    """The fields a person may enter, in order, as their inputs show them."""
    return {
        field.name: as_text(field, values[field.name], zone)
        for field in object_type.stored
        if field.name in object_type.writable and _is_entered(field)
    }


def inputs(device: Device, object_type: ObjectType, shown_texts: Mapping[str, str]) -> list[Input]:
    """The edit form with these texts in it."""
    return [
        Input(
            name=name,
            label=field.label or name,
            kind=INPUTS.get(field.type, "text"),
            text=text,
            required=field.required,
            options=_options(device, object_type, field, shown_texts),
            hint=_name_of(device, field, text),
        )
        for name, text in shown_texts.items()
        for field in (object_type.column_fields[name],)
    ]


def _options(
    device: Device, object_type: ObjectType, field: Field, texts: Mapping[str, str]
) -> tuple[PicklistValue, ...]:
    """The values a person may choose: in use, and offered by the record's type."""
    kind = device.get("RecordType", RecordId(texts["RecordTypeId"])) if texts.get("RecordTypeId") else None
    declared = object_type.record_types.get(str(kind.values["DeveloperName"])) if kind is not None else None
    offered = declared.picklists.get(field.name) if declared is not None else None
    return tuple(v for v in field.values if v.active and (offered is None or v.value in offered))


def _is_entered(field: Field) -> bool:
    return field.type not in NOT_ENTERED and field.name != "OwnerId" and field.type is not FieldType.MASTER_DETAIL


def _name_of(device: Device, field: Field, value: FieldValue) -> str:
    """The name of the record a field points to, when it is on this device."""
    target = field.references
    if not isinstance(value, str) or not value or target is None or target not in device.catalog:
        return ""
    return device.name_of(target, RecordId(value)) or ""


def facts(device: Device, found: Record, zone: str) -> list[Fact]:
    """Every filled field of a record; what the platform set comes last."""
    object_type = device.catalog[found.object]
    own = {**object_type.column_fields, **{field.name: field for field in object_type.formulas}}
    fields = sorted(own.items(), key=lambda item: item[0] in SET_BY_SYSTEM)
    return [
        _fact(device, field, value, zone)
        for name, field in fields
        if (value := found.values.get(name)) not in (None, False, "") and name not in HIDDEN
    ]


def _fact(device: Device, field: Field, value: FieldValue, zone: str) -> Fact:
    linked = _name_of(device, field, value)
    return fact_of(field, value, zone, (linked, f"/objects/{field.references}/{value}") if linked else None)


def now_input(zone: str, now: datetime) -> str:
    """This minute, as a date and time input takes it."""
    return now.astimezone(UTC).astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def known_object(device: Device, name: str) -> ObjectType:
    """An object of the catalog. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in device.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    found: ObjectType = device.catalog[name]
    return found
