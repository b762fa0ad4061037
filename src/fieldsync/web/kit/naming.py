"""What fields, their values and lists are called: by the data model's own words, in the person's language. Pure.

A word of a field stands in the catalogs under the field's name, one of a value set under the set's: what the packs call
`Status` has a translation there, and a field that an org made or named anew is called as the org says. Values are
stored and compared as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fieldsync.schema.catalog import Catalog
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field, FieldType
from fieldsync.soql.list_view import Shown
from fieldsync.web.kit.pages import shown
from fieldsync.web.kit.tongue import SOURCE, in_context, named, present

CHOSEN = (FieldType.PICKLIST, FieldType.MULTI_PICKLIST)
"""Fields whose values have labels."""
_BETWEEN_WORDS = re.compile(r"_+|(?<=[a-z])(?=[A-Z])")


def label_of(field: Field) -> str:
    """What a field is called."""
    return in_context(field.name, field.label or field.name)


def help_of(field: Field) -> str:
    """What a form says about a field; empty for nothing."""
    return in_context(field.name, field.help) if field.help else ""


def value_of(field: Field, value: str) -> str:
    """What one value of a picklist is called; what the data model does not know is told as it is."""
    label = next((known.label for known in field.values if known.value == value), None)
    return in_context(field.value_set or field.name, label or value)


def chosen_of(field: Field, value: FieldValue) -> str | None:
    """The value of a picklist, or its values, as a person reads them; None for a field of another type."""
    if field.type not in CHOSEN or not isinstance(value, str):
        return None
    return "; ".join(value_of(field, one) for one in value.split(";"))


def told_of(field: Field, value: FieldValue) -> str:
    """A value as a line of text says it: of a picklist by its labels."""
    return chosen_of(field, value) or shown(value)


def heading_of(column: Shown) -> str:
    """The heading of a list's column: of a field along relationships with the way there."""
    way = [named(spaced(name)) for name in column.path[:-1]]
    field = label_of(column.field)
    return " ".join([*way, field]) if present().language == SOURCE else ": ".join([*way, field])


def spaced(name: str) -> str:
    """The words of a name: `Child_Accounts__r` gives `Child Accounts`, `DirectReports` gives `Direct Reports`."""
    return _BETWEEN_WORDS.sub(" ", name.removesuffix("__r"))


class ModelWords:
    """What a problem's object and field are called by the data model of the moment."""

    def __init__(self, catalog: Callable[[], Catalog]) -> None:
        self._catalog = catalog

    def object(self, name: str) -> str:
        """What this kind of record is called; its name where the data model does not know it."""
        catalog = self._catalog()
        return (named(catalog[name].label) if name in catalog else "") or name

    def field(self, object_name: str, name: str) -> str:
        """What this field is called; its name where the data model does not know it."""
        catalog = self._catalog()
        known = catalog[object_name].column_fields if object_name in catalog else {}
        return label_of(known[name]) if name in known else name
