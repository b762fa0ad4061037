"""What the pages show, read from the engine and put together for the templates. Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.device import Device, Mark, Record
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field, FieldType, PicklistValue
from fieldsync.web.kit.pages import shown, when, zone_of

PAGE = 50
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
    value: Any
    required: bool
    options: tuple[PicklistValue, ...]


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
    mine = device.find("Call", where={"OwnerId": account.user.id}, order_by="Call_Date", descending=True, limit=100)
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


def account_list(device: Device, search: str, first: int) -> dict[str, Any]:
    """A page of accounts by name."""
    found = device.find("Account", search=search or None, limit=PAGE, offset=first)
    total = device.count("Account") if not search else first + len(found) + (PAGE if len(found) == PAGE else 0)
    return {"accounts": found, "total": total, "first": first, "page": PAGE, "search": search}


def account_facts(account: Record, object_type: ObjectType) -> list[tuple[str, str]]:
    """What an account page tells, filled fields only."""
    return [
        (object_type.fields[name].label or name, shown(account.values[name]))
        for name in ACCOUNT_FACTS
        if name in object_type.fields and account.values[name] not in (None, False)
    ]


def inputs(object_type: ObjectType, values: Any) -> list[Input]:
    """The fields a person may enter, in order."""
    return [
        Input(
            name=field.name,
            label=field.label or field.name,
            kind=INPUTS.get(field.type, "text"),
            value=values[field.name],
            required=field.required,
            options=field.values,
        )
        for field in object_type.stored
        if field.name in object_type.writable and _is_entered(field)
    ]


def _is_entered(field: Field) -> bool:
    return field.type not in NOT_ENTERED and field.name != "OwnerId" and field.type is not FieldType.MASTER_DETAIL


def system_facts(found: Record, object_type: ObjectType, zone: str) -> list[tuple[str, str]]:
    """What the platform set."""
    dates = {"CreatedDate", "LastModifiedDate"}
    names = ("Id", "Name", "CreatedDate", "LastModifiedDate")
    return [
        (object_type.fields[name].label or name, when(value, zone) if name in dates else shown(value))
        for name in names
        if (value := found.values[name]) is not None
    ]


def now_input(zone: str, now: datetime) -> str:
    """This minute, as a date and time input takes it."""
    return now.astimezone(UTC).astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def known_object(device: Device, name: str) -> ObjectType:
    """An object of the catalog. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in device.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    found: ObjectType = device.catalog[name]
    return found
