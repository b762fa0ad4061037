"""What the pages show, read from the engine and put together for the templates. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device import Device, Mark, QueueEntry, Record
from fieldsync.device.queue.states import State
from fieldsync.protocol.media import text_file
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.facts import HIDDEN, SET_BY_SYSTEM, Fact, fact_of, reach_of
from fieldsync.web.kit.locales import Manner, place_of, zone_of
from fieldsync.web.kit.naming import label_of, told_of, value_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import _, named, ngettext, present

TODAY_LOOKED_AT_MAX = 500
MAP = "https://www.openstreetmap.org/search"
ACCOUNT_FACTS = ("Kind", "Specialty", "Segment", "Status", "Phone", "MobilePhone", "Email", "Best_Times", "Description")


@dataclass(frozen=True)
class TodayCall:
    """One line of the calls of today."""

    id: RecordId
    account: str
    when: str
    zone: str
    status: str
    name: str
    mark: Mark


@dataclass(frozen=True)
class ErrorLine:
    """One entry of the error list, and what undoing it takes back: None when that cannot be done now."""

    device: Device
    entry: QueueEntry
    question: str | None
    undo: str
    """What taking it back is called: of a delete that was refused, of a record that was never accepted."""
    fix: str = ""
    """Where it is corrected."""

    def of(self, object_name: str) -> str:
        """What this kind of record is called."""
        known = object_name in self.device.catalog
        return named(self.device.catalog[object_name].label if known else "") or object_name

    def called(self, object_name: str | None, field: str) -> str:
        """What this field is called; the model may have dropped it since it was refused."""
        name = object_name or self.entry.object
        fields = self.device.catalog[name].column_fields if name in self.device.catalog else {}
        return label_of(fields[field]) if field in fields else field

    def told(self, object_name: str | None, field: str, value: FieldValue) -> str:
        """A value of this field as the record's page tells it."""
        name = object_name or self.entry.object
        fields = self.device.catalog[name].column_fields if name in self.device.catalog else {}
        return cell_of(self.device, fields[field], value, present().manner) if field in fields else shown(value)

    def who(self, problem: Problem) -> str:
        """Who changed it online, as far as this device knows people."""
        user = RecordId(str(problem.details.get("who") or ""))
        return (self.device.name_of("User", user) or self.device.mini.name_of(user) or "") if user else ""


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
    status = device.catalog["Call"].fields["Status"]
    return [
        TodayCall(
            id=call.id,
            account=device.name_of("Account", RecordId(str(call.values["AccountId"]))) or _("An account"),
            when=str(call.values["Call_Date"]),
            zone=place_of(call.values),
            status=value_of(status, shown(call.values["Status"])),
            name=shown(call.values["Name"]),
            mark=call.mark,
        )
        for call in reversed(todays)
    ]


def _day(call: Record, zone: str) -> object:
    moment = call.values["Call_Date"]
    there = zone_of(place_of(call.values) or zone)
    return datetime.fromisoformat(moment).astimezone(there).date() if isinstance(moment, str) else None


def error_list(device: Device) -> list[ErrorLine]:
    """What was not accepted, with the question to ask before it is taken back."""
    errors = device.errors()
    names = {entry.n: entry.name or entry.object for entry in [*errors, *device.queue()]}
    return [_error_line(device, entry, _question(device, entry, names)) for entry in errors]


def _error_line(device: Device, entry: QueueEntry, question: str | None) -> ErrorLine:
    found = device.get(entry.object, entry.record_id) if entry.object in device.catalog else None
    if found is None:
        return ErrorLine(device, entry, question, _("Undelete"))
    undo = _("Undo") if found.stamp else _("Remove it from this device")
    return ErrorLine(device, entry, question, undo, f"/objects/{entry.object}/{entry.record_id}/edit")


def _question(device: Device, entry: QueueEntry, names: Mapping[int, str]) -> str | None:
    if entry.state != State.FAILED:
        return None
    try:
        others = [names.get(n) or _("save {n}").format(n=n) for n in device.undone_with(entry.n) if n != entry.n]
    except Refused:
        return None
    asked = _("Take back your save of {name}?").format(name=names[entry.n])
    if not others:
        return asked
    also = ngettext(
        "This also takes back {n} later: {names}.", "This also takes back {n} later ones: {names}.", len(others)
    )
    return f"{asked} {also.format(n=len(others), names=', '.join(others[:5]))}"


def account_facts(device: Device, account: Record) -> list[Fact]:
    """What an account page tells, filled fields only; the address that calls or writes to it, and where all of a long
    text is."""
    fields = device.catalog[account.object].fields
    told = (fields[name] for name in ACCOUNT_FACTS if name in fields and account.values[name])
    return [fact_of_text(device, account, field.name) or _account_fact(field, account) for field in told]


def _account_fact(field: Field, account: Record) -> Fact:
    text = told_of(field, account.values[field.name])
    return Fact(label_of(field), text, reach_of(field, text))


@dataclass(frozen=True)
class Place:
    """An address; `map` shows it on a map."""

    id: RecordId
    street: str
    town: str
    primary: bool
    map: str


def addresses(device: Device, account: Record) -> list[Place]:
    """An account's addresses, the primary one first."""
    found = device.find("Address", where={"AccountId": account.id})
    return [_place(address) for address in sorted(found, key=lambda a: not a.values.get("Primary"))]


def _place(address: Record) -> Place:
    street, values = shown(address.values["Name"]), address.values
    town = " ".join(shown(values[name]) for name in ("Postal_Code", "City") if values.get(name))
    asked = urlencode({"query": f"{street}, {town}"})
    return Place(address.id, street, town, bool(values.get("Primary")), f"{MAP}?{asked}")


def _name_of(device: Device, field: Field, value: FieldValue) -> str:
    """The name of the record a field points to, when it is on this device."""
    target = field.references
    if not isinstance(value, str) or not value or target is None or target not in device.catalog:
        return ""
    return device.name_of(target, RecordId(value)) or ""


def _told(device: Device, field: Field, value: FieldValue) -> str:
    """The name of the record a field points to, which is not on this device, where the server told it."""
    return (device.mini.name_of(RecordId(value)) or "") if field.references and isinstance(value, str) else ""


def facts_by_name(device: Device, found: Record, manner: Manner) -> dict[str, Fact]:
    """Every filled field of a record, by name; what the platform set comes last."""
    object_type = device.catalog[found.object]
    own = {**object_type.column_fields, **{field.name: field for field in object_type.formulas}}
    fields = sorted(own.items(), key=lambda item: item[0] in SET_BY_SYSTEM)
    there = manner.of(found.values)
    return {
        name: fact_of_text(device, found, name)
        or _fact(device, field, value, manner if name in SET_BY_SYSTEM else there)
        for name, field in fields
        if (value := found.values.get(name)) not in (None, False, "") and name not in HIDDEN
    }


def cell_of(device: Device, field: Field, value: FieldValue, manner: Manner) -> str:
    """A value in a table: a reference by the name of its record, a picture as what it is."""
    if value in (None, ""):
        return ""
    if field.type is FieldType.BASE64:
        return _("Signed") if "signature" in field.name.lower() else _("A file")
    return _name_of(device, field, value) or _told(device, field, value) or fact_of(field, value, manner, None).text


def _fact(device: Device, field: Field, value: FieldValue, manner: Manner) -> Fact:
    linked = _name_of(device, field, value)
    if linked:
        return fact_of(field, value, manner, (linked, f"/objects/{field.references}/{value}"))
    told = _told(device, field, value)
    return Fact(label_of(field), told) if told else fact_of(field, value, manner, None)


def fact_of_text(device: Device, found: Record, name: str) -> Fact | None:
    """A long text of which the row has only the beginning; None for any other."""
    begun = text_file(found.values.get(name))
    if begun is None or name not in device.catalog[found.object].fields:
        return None
    here = device.media.is_here(found.id, name, begun.checksum)
    label = label_of(device.catalog[found.object].fields[name])
    return Fact(label, f"{begun.head} …", rest=f"/texts/{found.object}/{found.id}/{name}", bytes=begun.bytes, here=here)


def now_input(zone: str, now: datetime) -> str:
    """This minute, as a date and time input takes it."""
    return now.astimezone(UTC).astimezone(zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def known_object(device: Device, name: str) -> ObjectType:
    """An object of the catalog. Raises Refused(UNKNOWN_OBJECT)."""
    if name not in device.catalog:
        raise Refused(problem(Code.UNKNOWN_OBJECT, object=name))
    found: ObjectType = device.catalog[name]
    return found
