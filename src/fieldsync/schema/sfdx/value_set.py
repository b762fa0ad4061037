"""Picklist values: of a field, of a global value set, of a standard value set; also in the older forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from fieldsync.schema.model import PicklistValue, ValueSet
from fieldsync.schema.sfdx.document import Element
from fieldsync.schema.sfdx.fates import VALUE, VALUE_SET, VALUE_SET_OF_FIELD
from fieldsync.schema.sfdx.report import Level


def field_values(element: Element) -> dict[str, Any]:
    """The values of a picklist field, or the name of the value set it uses."""
    for chosen in element.elements("valueSet"):
        restricted, value_set = chosen.flag("restricted"), chosen.text("valueSetName")
        values: tuple[PicklistValue, ...] = ()
        for definition in chosen.elements("valueSetDefinition"):
            values = _values(definition, "value")
            definition.finish(VALUE_SET_OF_FIELD)
        controlled_by = chosen.text("controllingField")
        values = _dependent(chosen, values)
        chosen.finish(VALUE_SET_OF_FIELD)
        found = {"values": () if value_set else values, "value_set": value_set, "restricted": restricted}
        return {**found, "controlled_by": controlled_by}
    for older in element.elements("picklist"):
        values = _values(older, "picklistValues")
        restricted = older.flag("restrictedPicklist")
        older.finish(VALUE_SET_OF_FIELD)
        return {"values": values, "restricted": restricted}
    return {"restricted": False}


def _dependent(element: Element, values: tuple[PicklistValue, ...]) -> tuple[PicklistValue, ...]:
    """The values with those of the controlling field that allow them."""
    allowed: dict[str, tuple[str, ...]] = {}
    for setting in element.elements("valueSettings", named="valueName"):
        name, controlling = setting.text("valueName"), tuple(setting.texts("controllingFieldValue"))
        setting.finish({})
        if name is not None:
            allowed[name] = (*allowed.get(name, ()), *controlling)
    return tuple(msgspec.structs.replace(v, valid_for=allowed.get(v.value, ())) for v in values)


def read_value_set(element: Element, name: str) -> ValueSet:
    """A `GlobalValueSet` or `StandardValueSet` file."""
    values = _values(element, "customValue") + _values(element, "standardValue")
    label = element.text("masterLabel")
    element.taken |= {"fullName"}
    kept = ValueSet(name=name, label=label, values=_once(element, values))
    element.finish(VALUE_SET)
    return kept


def _values(element: Element, tag: str) -> tuple[PicklistValue, ...]:
    """Values in their order, which is alphabetic where `sorted` says so."""
    found = [_value(item) for item in element.elements(tag, named="fullName")]
    values = _once(element, [value for value in found if value is not None])
    if element.flag("sorted"):
        values = tuple(sorted(values, key=lambda v: (v.label or v.value).casefold()))
    return values


def _value(element: Element) -> PicklistValue | None:
    name, label = element.text("fullName"), element.text("label") or element.text("masterLabel")
    default, active = element.flag("default"), element.flag("isActive", default=True)
    element.finish(VALUE)
    if name is None:
        element.note("", "a value without a name", Level.ERROR)
        return None
    return PicklistValue(value=name, label=None if label == name else label, default=default, active=active)


def _once(element: Element, values: Iterable[PicklistValue]) -> tuple[PicklistValue, ...]:
    """Each value once, without case, and one default."""
    kept: dict[str, PicklistValue] = {}
    for value in values:
        if value.value.lower() in kept:
            element.note(f"value[{value.value}]", "this value is there more than once", Level.ERROR)
            continue
        if value.default and any(other.default for other in kept.values()):
            element.note(f"value[{value.value}]", "another value is the default already", Level.ERROR)
            value = msgspec.structs.replace(value, default=False)  # noqa: PLW2901 the same value, corrected
        kept[value.value.lower()] = value
    return tuple(kept.values())
