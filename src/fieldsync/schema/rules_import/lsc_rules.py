"""DbSchema records of Life Sciences Cloud as sync rules, field by field.

Salesforce publishes what the admin console says of these fields, not every value. What is chosen here: DATA without a
condition stays a rule that wants one (so it is warned of); CONFIGURATION without one is every row. CACHE and BACKGROUND
both bring attachments. A field nobody knows is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fieldsync.schema.rules_import.lsc_record import ConfigRecord, Value
from fieldsync.schema.rules_import.report import Level, Reading, ReadRule
from fieldsync.schema.sync_rule import RuleType, SyncRule

PROFILE, USER = "Profile", "User"
FIELDS = {
    "object": "SObject",
    "where": "WhereSoql",
    "type": "Type",
    "one_way": "OneWaySync",
    "delta_date_field": "DeltaDateField",
    "profile": "assignments",
    "include_attachments": "AttachmentsSupport",
    "wanted": "MandatoryFields",
}
"""Attribute of a rule to the field it comes from."""


@dataclass
class _Draft:
    """A rule's attributes as they are read. `kept` turns false for a record that cannot be a rule here."""

    record: ConfigRecord
    reading: Reading
    attributes: dict[str, Any] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    kept: bool = True

    def tell(self, name: str, sentence: str, level: Level = Level.UNSUPPORTED) -> None:
        """One thing about this record."""
        self.reading.note(self.record.place, name, sentence, level)

    def drop(self, name: str, sentence: str, level: Level = Level.UNSUPPORTED) -> None:
        """Why the record is no rule here."""
        self.tell(name, sentence, level)
        self.kept = False


def read_rule(record: ConfigRecord, reading: Reading) -> None:
    """The rules of one DbSchema record: one for the org, one for each profile."""
    draft = _Draft(record, reading)
    for name, value in record.values.items():
        take = _TAKES.get(name)
        if take is None:
            if value is not None:
                draft.tell(name, "this field is not known here")
        else:
            take(draft, name, value)
    if "object" not in draft.attributes:
        draft.drop("SObject", "the record names no object", Level.ERROR)
    profiles = list(profiles_of(record, reading))
    if not draft.kept:
        return
    _settle_type(draft)
    for profile in profiles:
        rule = SyncRule(active=record.active, profile=profile, **draft.attributes)
        reading.rules.append(ReadRule(rule, record.place, FIELDS, draft.wanted))


def profiles_of(record: ConfigRecord, reading: Reading) -> Iterator[str | None]:
    """The profiles a record is for; None is the whole org. Other assignments are told."""
    if record.org_level:
        yield None
    for assignment in record.assignments:
        if assignment.level == PROFILE and assignment.to:
            yield assignment.to
        elif assignment.level == USER:
            sentence = f"what is assigned to one user ({assignment.to}) is not taken over"
            reading.note(record.place, "assignments", sentence)
        else:
            sentence = f"{assignment.level or 'nothing'} is no level of an assignment: Profile and User are"
            reading.note(record.place, "assignments", sentence, Level.ERROR)
    if not record.org_level and not record.assignments:
        reading.note(record.place, "assignments", "it is assigned to nobody and is not taken over")


def _settle_type(draft: _Draft) -> None:
    everything = draft.attributes.pop("whole", False) and not draft.attributes.get("where")
    draft.attributes["type"] = RuleType.FULL if everything else RuleType.TOP_LEVEL


def _take_object(draft: _Draft, name: str, value: Value) -> None:
    text = _text(draft, name, value)
    if text is not None:
        draft.attributes["object"] = text


def _take_where(draft: _Draft, name: str, value: Value) -> None:
    draft.attributes["where"] = _text(draft, name, value)


def _take_type(draft: _Draft, name: str, value: Value) -> None:
    text = (_text(draft, name, value) or "DATA").upper()
    if text == "CONFIGURATION":
        draft.attributes["whole"] = True
        draft.tell(name, "configuration travels with the data of every sync", Level.IGNORED)
    elif text != "DATA":
        draft.drop(name, f"the type {text} has no meaning here; DATA and CONFIGURATION have")


def _take_one_way(draft: _Draft, name: str, value: Value) -> None:
    if isinstance(value, bool) or value is None:
        draft.attributes["one_way"] = bool(value)
    else:
        draft.drop(name, f"{value} is neither true nor false", Level.ERROR)


def _take_delta(draft: _Draft, name: str, value: Value) -> None:
    draft.attributes["delta_date_field"] = _text(draft, name, value)


def _take_attachments(draft: _Draft, name: str, value: Value) -> None:
    text = (_text(draft, name, value) or "NONE").upper()
    if text in ("CACHE", "BACKGROUND"):
        draft.attributes["include_attachments"] = True
    elif text != "NONE":
        draft.tell(name, f"{text} has no meaning here; NONE, CACHE and BACKGROUND have")
    if text == "BACKGROUND":
        draft.tell(name, "attachments go to the device; when they do is not a rule's choice here")


def _take_mandatory(draft: _Draft, name: str, value: Value) -> None:
    names = [part.strip() for part in (_text(draft, name, value) or "").split(",") if part.strip()]
    far = [part for part in names if "." in part]
    if far:
        draft.tell(name, f"fields of other records do not travel with a rule: {', '.join(far)}")
    draft.wanted = tuple(part for part in names if "." not in part)


def _take_status(draft: _Draft, name: str, value: Value) -> None:
    if value not in (None, "VALID"):
        draft.tell(name, f"the record was {value} where it comes from", Level.WARNING)


def _take_errors(draft: _Draft, name: str, value: Value) -> None:
    if value is not None:
        draft.tell(name, f"the record had errors where it comes from: {value}", Level.WARNING)


def _take_events(draft: _Draft, name: str, value: Value) -> None:
    if value is not None:
        draft.tell(name, "platform events are not published; devices are woken by every save")


def _take_permission_sets(draft: _Draft, name: str, value: Value) -> None:
    if value is not None:
        draft.drop(name, "a rule for holders of permission sets has no meaning here and is not taken over")


def _take_notification(draft: _Draft, name: str, value: Value) -> None:
    if value is True:
        draft.tell(name, "what became of an upload is always told", Level.IGNORED)


def _text(draft: _Draft, name: str, value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    draft.drop(name, f"{value} is not a text", Level.ERROR)
    return None


_TAKES: Mapping[str, Callable[[_Draft, str, Value], None]] = {
    "SObject": _take_object,
    "WhereSoql": _take_where,
    "Type": _take_type,
    "OneWaySync": _take_one_way,
    "DeltaDateField": _take_delta,
    "AttachmentsSupport": _take_attachments,
    "MandatoryFields": _take_mandatory,
    "Status": _take_status,
    "Errors": _take_errors,
    "SobjectPlatformEvents": _take_events,
    "PermissionSets": _take_permission_sets,
    "EnableDataUploadNotification": _take_notification,
}
"""Field of a DbSchema record to what becomes of it."""
