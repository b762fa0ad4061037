"""How a field is entered: its input, what may be chosen, what it holds. Pure; which records there are
is for each app to say."""

from __future__ import annotations

from dataclasses import dataclass

from fieldsync.protocol.media import text_file
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.naming import help_of, label_of, value_of

INPUTS = {
    FieldType.CHECKBOX: "checkbox",
    FieldType.LONG_TEXT: "textarea",
    FieldType.PICKLIST: "select",
    FieldType.MULTI_PICKLIST: "multi",
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


@dataclass(frozen=True)
class Option:
    """One value to choose; `allowed_by`: values of the controlling field that allow it, empty: every one."""

    value: str
    label: str
    allowed_by: str = ""


@dataclass(frozen=True)
class Input:
    """One field of a form. Of a lookup, `shown` is the record's name, and `target` and `view` say where to search.

    `wrong` is the sentence that says why a save did not take this field; empty where nothing is wrong.
    """

    name: str
    label: str
    kind: str
    text: str
    required: bool
    options: tuple[Option, ...] = ()
    shown: str = ""
    target: str = ""
    view: str = ""
    controller: str = ""
    help: str = ""
    step: str = "any"
    wrong: str = ""
    fixed: bool = False
    """Whether it is shown and sent as it is: it may not be changed."""
    begun: str = ""
    """Of a text whose file is not here, how it begins: it is read, and not changed."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """Of a field with several values, those it has."""
        return tuple(self.text.split(";"))


def plain_input(object_type: ObjectType, name: str, text: str, record_type: str | None) -> Input:
    """The input of a field that leads to no record; `record_type`: the record's, by name."""
    field = object_type.column_fields[name]
    begun = text_file(text) if field.type is FieldType.LONG_TEXT else None
    return Input(
        name=name,
        label=label_of(field),
        kind=INPUTS.get(field.type, "text") if begun is None else "begun",
        text=text,
        required=field.required and name not in object_type.defaults,
        options=values_to_choose(object_type, field, text, record_type),
        controller=field.controlled_by or "",
        help=help_of(field),
        begun=begun.head if begun is not None else "",
        step="1" if field.type is FieldType.NUMBER and field.scale == 0 else "any",
    )


def values_to_choose(object_type: ObjectType, field: Field, text: str, record_type: str | None) -> tuple[Option, ...]:
    """The values a person may choose: in use, and offered by the record's type; what it holds already, always."""
    declared = object_type.record_types.get(record_type or "")
    offered = declared.picklists.get(field.name) if declared is not None else None
    found = [
        Option(v.value, value_of(field, v.value), ";".join(v.valid_for))
        for v in field.values
        if v.active and (offered is None or v.value in offered)
    ]
    missing = [value for value in text.split(";") if value and value not in {o.value for o in found}]
    return (*found, *(Option(value, value_of(field, value)) for value in missing if field.values))
