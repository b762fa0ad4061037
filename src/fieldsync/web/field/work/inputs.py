"""How a field is entered on a device: a lookup offers records of the engine. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused
from fieldsync.device import Device
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import FieldType
from fieldsync.web.kit.inputs import Input, Option, plain_input
from fieldsync.web.kit.naming import label_of
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import named, sentence

CHOICES_MAX = 40
"""A lookup with more records to choose from is searched."""
_REFERENCES = (FieldType.LOOKUP, FieldType.MASTER_DETAIL)


class Inputs:
    """Makes the inputs of one page; what a lookup offers is read once. `wrong` is why a save was refused."""

    def __init__(self, device: Device, record_type: str | None, wrong: Problem | None = None) -> None:
        self._device, self._record_type, self._wrong = device, record_type, wrong
        self._offered: dict[tuple[str, str, str], tuple[Option, ...] | None] = {}

    def of(
        self, object_type: ObjectType, names: Iterable[str], texts: Mapping[str, str], offers: Mapping[str, str]
    ) -> list[Input]:
        """Inputs of these fields with these texts."""
        inputs = [self._input(object_type, name, texts.get(name, ""), offers.get(name, "")) for name in names]
        wrong = self._wrong
        if wrong is None:
            return inputs
        return [replace(one, wrong=sentence(wrong)) if is_at(wrong, object_type, one) else one for one in inputs]

    def _input(self, object_type: ObjectType, name: str, text: str, view: str) -> Input:
        field = object_type.column_fields[name]
        label, target = label_of(field), field.references or ""
        if field.type in _REFERENCES and target in self._device.catalog:
            options = self._choices(object_type.name, target, view)
            name_shown = self._shown(target, RecordId(text)) if text else ""
            if options is None or (text and text not in {o.value for o in options} and not name_shown):
                return Input(name, label, "lookup", text, field.required, (), name_shown, target, view)
            if text and text not in {o.value for o in options}:
                options = (*options, Option(text, name_shown))
            return Input(name, label, "select", text, field.required, options)
        return plain_input(object_type, name, text, self._record_type)

    def _shown(self, target: str, record_id: RecordId) -> str:
        return self._device.name_of(target, record_id) or self._device.mini.name_of(record_id) or ""

    def _choices(self, object_name: str, target: str, view: str) -> tuple[Option, ...] | None:
        """The records of a small object or list; None: too many, they are searched."""
        key = (object_name if target == "RecordType" else "", target, view)
        if key not in self._offered:
            found = offered(self._device, target, view, "", object_name)
            self._offered[key] = found if len(found) <= CHOICES_MAX else None
        return self._offered[key]


def is_at(wrong: Problem, object_type: ObjectType, one: Input) -> bool:
    """Whether it is this input that the problem speaks of. Pure."""
    if named(wrong.field) not in (named(one.name), one.label) or wrong.object not in (None, object_type.name):
        return False
    return wrong.code is not Code.REQUIRED or not one.text


def offered(device: Device, target: str, view: str, search: str, object_name: str = "") -> tuple[Option, ...]:
    """Records to choose from, one more than are shown; by a list view where there is one."""
    if target == "RecordType":
        kinds = device.find(target, where={"SobjectType": object_name, "IsActive": True})
        return tuple(Option(kind.id, shown(kind.values["Name"])) for kind in kinds)
    if view:
        try:
            rows = device.list_view(target, view, limit=CHOICES_MAX + 1, search=search)
            return tuple(Option(str(row["Id"]), str(row["Name"] or row["Id"])) for row in rows)
        except Refused:
            pass  # the list is no more, or cannot be run here: everything is offered
    records = device.find(target, search=search or None, limit=CHOICES_MAX + 1)
    return tuple(Option(record.id, shown(record.values["Name"]) or record.id) for record in records)
