"""One `CustomField` as a field of the catalog. `TYPES` is the table of the source's field types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.schema import autonumber
from fieldsync.schema.model import Field, FieldType, OnDelete, RollUp, RollUpFilter
from fieldsync.schema.sfdx.document import Element
from fieldsync.schema.sfdx.fates import FIELD
from fieldsync.schema.sfdx.report import Level
from fieldsync.schema.sfdx.value_set import field_values

Attributes = dict[str, Any]


class Unsupported(Exception):
    """A field that cannot be taken over; the message says why."""


@dataclass(frozen=True)
class FieldDraft:
    """A field as its own element describes it; whether what it refers to exists is found out later."""

    field: Field
    element: Element
    order: int
    """Place among several master-detail fields."""

    def without_children(self) -> FieldDraft:
        """The same without a name for the list of children."""
        return FieldDraft(msgspec.structs.replace(self.field, children=None), self.element, self.order)


def read_field(element: Element, name: str) -> FieldDraft | None:
    """The field, or None when it cannot be taken over, which is then noted with its reason."""
    type_name = element.text("type")
    try:
        attributes = _attributes(element, type_name)
        field = Field(name=name, **_common(element), **attributes)
    except Unsupported as reason:
        element.leave()
        element.note("" if element.path else name, str(reason))
        return None
    order = element.number("relationshipOrder") or 0
    element.finish(FIELD)
    return FieldDraft(field, element, order)


def _attributes(element: Element, type_name: str | None) -> Attributes:
    if type_name is None:
        raise Unsupported("it has no type: a standard field of the other platform that is not known here")
    element.taken |= {"fullName"}
    if type_name in NOT_SUPPORTED:
        raise Unsupported(f"{type_name}: {NOT_SUPPORTED[type_name]}")
    if type_name not in TYPES:
        raise Unsupported(f"{type_name} is not a field type that is known here")
    field_type, convert = TYPES[type_name]
    formula = element.text("formula")
    if formula is not None:
        return _formula(element, field_type, formula)
    return {"type": field_type, **convert(element)}


def _common(element: Element) -> Attributes:
    """What fields of every type may say."""
    return {
        "label": element.text("label"),
        "required": element.flag("required"),
        "description": element.text("description"),
        "help": element.text("inlineHelpText"),
    }


def _formula(element: Element, returns: FieldType, formula: str) -> Attributes:
    if returns in (FieldType.LONG_TEXT, FieldType.PHONE, FieldType.EMAIL, FieldType.URL, FieldType.PICKLIST):
        returns = FieldType.TEXT
    blanks = element.text("formulaTreatBlanksAs")
    for stray in ("unique", "externalId", "length", "caseSensitive"):
        element.text(stray)
    return {
        "type": FieldType.FORMULA,
        "formula": formula,
        "formula_returns": returns,
        "formula_blanks_as_zero": blanks != "BlankAsBlank",
        **_digits(element),
    }


def _digits(element: Element) -> Attributes:
    precision, scale = element.number("precision"), element.number("scale")
    if precision is not None and precision > limits.NUMBER_DIGITS_MAX:
        element.note("precision", f"numbers have at most {limits.NUMBER_DIGITS_MAX} digits", Level.ERROR)
        precision = limits.NUMBER_DIGITS_MAX
    return {"precision": precision, "scale": scale}


def _key(element: Element) -> Attributes:
    """Uniqueness, and use as the id of another system."""
    return {"unique": element.flag("unique"), "external_id": element.flag("externalId")}


def _no_key(element: Element) -> None:
    """`externalId` and `unique` are written for every field; they mean something only where they may be true."""
    for tag in ("externalId", "unique"):
        if element.flag(tag):
            element.note(tag, "it means nothing for this type")


def _default(element: Element) -> Attributes:
    return {"default": element.text("defaultValue")}


def _text(element: Element) -> Attributes:
    length = element.number("length")
    return {"length": length, "case_sensitive": element.flag("caseSensitive"), **_key(element), **_default(element)}


def _text_area(element: Element) -> Attributes:
    _no_key(element)
    return {"length": element.number("length") or 255, **_default(element)}


def _long_text(element: Element) -> Attributes:
    _no_key(element)
    return {"length": element.number("length") or 32_768, **_default(element)}


def _rich_text(element: Element) -> Attributes:
    element.note("type", "rich text is kept as its HTML and shown as text", Level.IGNORED)
    return _long_text(element)


def _keyed(element: Element) -> Attributes:
    element.flag("caseSensitive")
    return {**_key(element), **_default(element)}


def _number(element: Element) -> Attributes:
    return {**_digits(element), **_key(element), **_default(element)}


def _plain(element: Element) -> Attributes:
    _no_key(element)
    return _default(element)


def _checkbox(element: Element) -> Attributes:
    _no_key(element)
    return {"default": (element.text("defaultValue") or "false").lower()}


def _choice(element: Element) -> Attributes:
    _no_key(element)
    return {**field_values(element), **_default(element)}


def _reference(element: Element) -> Attributes:
    _no_key(element)
    target = element.text("referenceTo")
    if target is None:
        raise Unsupported("it does not say which object it refers to")
    children = element.text("relationshipName")
    return {"references": target, "children": f"{children}__r" if children else None}


_ON_DELETE = {"SetNull": OnDelete.SET_NULL, "Restrict": OnDelete.RESTRICT, "Cascade": OnDelete.CASCADE}


def _lookup(element: Element) -> Attributes:
    constraint = element.text("deleteConstraint") or "SetNull"
    if constraint not in _ON_DELETE:
        element.note("deleteConstraint", f"{constraint} is not known here", Level.ERROR)
    return {**_reference(element), **_default(element), "on_delete": _ON_DELETE.get(constraint, OnDelete.SET_NULL)}


def _hierarchy(element: Element) -> Attributes:
    element.note("type", "it is an ordinary lookup here: circles are not refused", Level.IGNORED)
    if element.text("referenceTo") is None:
        children = element.text("relationshipName")
        return {"references": "User", "children": f"{children}__r" if children else None}
    return _lookup(element)


def _auto_number(element: Element) -> Attributes:
    display_format = element.text("displayFormat") or "{0}"
    try:
        autonumber.parse(display_format)
    except autonumber.BadFormat as bad:
        raise Unsupported(f"its display format {display_format} cannot be used: {bad}") from None
    start = element.number("startingNumber")
    element.flag("unique")
    return {
        "display_format": display_format,
        "starting_number": 1 if start is None else start,
        "external_id": element.flag("externalId"),
    }


def _location(element: Element) -> Attributes:
    _no_key(element)
    scale = element.number("scale")
    scale = 6 if scale is None else min(scale, limits.NUMBER_DIGITS_MAX - 3)
    return {"precision": scale + 3, "scale": scale}


def _summary(element: Element) -> Attributes:
    _no_key(element)
    operation = (element.text("summaryOperation") or "").upper()
    key = element.text("summaryForeignKey") or ""
    child, _, reference = key.partition(".")
    if operation not in ("COUNT", "SUM", "MIN", "MAX") or not reference:
        raise Unsupported("it does not say what it sums up")
    summed = element.text("summarizedField")
    if summed is not None and summed.partition(".")[0] != child:
        raise Unsupported(f"it sums up {summed}, which is no field of {child}")
    filters = tuple(_filter(item, child) for item in element.elements("summaryFilterItems"))
    field = summed.partition(".")[2] if summed is not None and operation != "COUNT" else None
    return {
        "roll_up": RollUp(
            operation=operation, child_object=child, child_reference=reference, field=field, filters=filters
        ),
        **_digits(element),
    }


def _filter(element: Element, child: str) -> RollUpFilter:
    name = (element.text("field") or "").removeprefix(f"{child}.")
    operator, value = element.text("operation") or "equals", element.text("value")
    element.finish({"valueField": (Level.UNSUPPORTED, "comparing two fields in a filter is not supported")})
    return RollUpFilter(field=name, operator=operator, value=value)


TYPES: dict[str, tuple[FieldType, Callable[[Element], Attributes]]] = {
    "Text": (FieldType.TEXT, _text),
    "TextArea": (FieldType.LONG_TEXT, _text_area),
    "LongTextArea": (FieldType.LONG_TEXT, _long_text),
    "Html": (FieldType.LONG_TEXT, _rich_text),
    "Picklist": (FieldType.PICKLIST, _choice),
    "MultiselectPicklist": (FieldType.MULTI_PICKLIST, _choice),
    "Checkbox": (FieldType.CHECKBOX, _checkbox),
    "Number": (FieldType.NUMBER, _number),
    "Currency": (FieldType.CURRENCY, _number),
    "Percent": (FieldType.PERCENT, _number),
    "Date": (FieldType.DATE, _plain),
    "DateTime": (FieldType.DATETIME, _plain),
    "Time": (FieldType.TIME, _plain),
    "Email": (FieldType.EMAIL, _keyed),
    "Phone": (FieldType.PHONE, _plain),
    "Url": (FieldType.URL, _plain),
    "Lookup": (FieldType.LOOKUP, _lookup),
    "MasterDetail": (FieldType.MASTER_DETAIL, _reference),
    "Hierarchy": (FieldType.LOOKUP, _hierarchy),
    "AutoNumber": (FieldType.AUTO_NUMBER, _auto_number),
    "Summary": (FieldType.ROLL_UP, _summary),
    "Location": (FieldType.GEOLOCATION, _location),
}
"""The source's field type to ours, and the function that reads what is its own."""

NOT_SUPPORTED: dict[str, str] = {
    "EncryptedText": "text that is encrypted and masked for display is not supported",
    "ExternalLookup": "references to another system are not supported",
    "IndirectLookup": "references to another system are not supported",
    "MetadataRelationship": "references to metadata are not supported",
    "File": "files in fields are not supported",
    "Array": "lists of values in a field are not supported",
}
