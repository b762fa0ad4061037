"""The layout a person has for a record: the declared one, or one worked out from the fields. Pure.

What he may not see is left out, what he may not write is shown only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog, ObjectType
from fieldsync.schema.family.declaration import Submit
from fieldsync.schema.family.signing import date_of, signatures
from fieldsync.schema.layout.declaration import LayoutLines, PageLayout, chosen
from fieldsync.schema.model import Field, FieldType
from fieldsync.web.kit.tongue import _, named, within

LINE_FIELDS_MAX = 8
_NOT_ENTERED = (FieldType.BASE64, FieldType.GEOLOCATION, FieldType.ID, FieldType.MASTER_DETAIL)
_LAST = (FieldType.LONG_TEXT,)


@dataclass(frozen=True)
class Section:
    """Fields under one heading; `offers`: lookups and the list views that say what may be chosen."""

    label: str
    fields: tuple[str, ...]
    offers: Mapping[str, str]


@dataclass(frozen=True)
class Lines:
    """Details that are entered with the record: their object, and the field that leads to the record."""

    object: ObjectType
    reference: str
    fields: tuple[str, ...]
    label: str
    one: str
    offers: Mapping[str, str]
    editable: bool


@dataclass(frozen=True)
class Signature:
    """The field a signature is drawn for, and what is written beside it, where the object has that."""

    field: str
    date: str | None
    disclaimer: str | None


@dataclass(frozen=True)
class Layout:
    """What the pages of a record show, in order."""

    object: ObjectType
    sections: tuple[Section, ...]
    lines: tuple[Lines, ...]
    related: tuple[str, ...] | None
    entered: tuple[str, ...]
    """Fields with an input, in order."""
    required: frozenset[str]
    signature: Signature | None
    submit: Submit | None

    @property
    def shown(self) -> tuple[str, ...]:
        """Every field, those of the sections in order."""
        return tuple(name for section in self.sections for name in section.fields)


def layout_of(catalog: Catalog, name: str, rights: Rights, record_type: str | None = None) -> Layout:
    """The layout of an object for a person with these rights. `record_type`: the record's, by name."""
    object_type = catalog[name]
    declared = chosen(object_type.declared.layouts, rights.profile, record_type)
    family = catalog.families.get(name)
    submit = family.declaration.submit if family is not None else None
    sections = (*_sections(object_type, declared, rights, submit), *_lock(object_type, rights, submit))
    read_only = set(declared.read_only) if declared else set()
    fields = [field for section in sections for field in section.fields]
    return Layout(
        object=object_type,
        sections=sections,
        lines=tuple(_lines(catalog, object_type, declared, rights)),
        related=declared.related if declared else None,
        entered=tuple(f for f in fields if f not in read_only and is_entered(object_type, f, rights)),
        required=frozenset(declared.required) if declared else frozenset(),
        signature=_signature(object_type, rights),
        submit=submit,
    )


def is_entered(object_type: ObjectType, name: str, rights: Rights) -> bool:
    """Whether the person may type into this field."""
    field = object_type.fields.get(name)
    if field is None or name not in object_type.writable or name == "OwnerId":
        return False
    return field.type not in _NOT_ENTERED and rights.edits(object_type.name, name)


def _sections(
    object_type: ObjectType, declared: PageLayout | None, rights: Rights, submit: Submit | None
) -> Iterator[Section]:
    hidden = set[str]() if submit is None else {submit.field, submit.unlocked, submit.override}
    if declared is None or not declared.sections:
        names = [n for n in _usual(object_type, rights) if n not in hidden]
        long = [n for n in names if object_type.fields[n].type in _LAST]
        yield Section(_("Details"), tuple(n for n in names if n not in long), {})
        if long:
            yield Section(_("Texts"), tuple(long), {})
        return
    for section in declared.sections:
        fields = tuple(n for n in section.fields if rights.sees(object_type.name, n) and n not in hidden)
        if fields:
            yield Section(named(section.label), fields, section.offers)


def _lock(object_type: ObjectType, rights: Rights, submit: Submit | None) -> Iterator[Section]:
    """Where an admin lets what was submitted be corrected; nobody else may."""
    if rights.admin and submit is not None and submit.unlocked and is_entered(object_type, submit.unlocked, rights):
        yield Section(_("Lock"), (submit.unlocked,), {})


def _usual(object_type: ObjectType, rights: Rights) -> list[str]:
    """The fields that are entered, the name first."""
    names = [name for name in object_type.fields if is_entered(object_type, name, rights)]
    return sorted(names, key=lambda name: name != "Name")


def _lines(catalog: Catalog, object_type: ObjectType, declared: PageLayout | None, rights: Rights) -> Iterator[Lines]:
    for one in declared.lines if declared is not None and declared.sections else _details(catalog, object_type):
        line = catalog[one.object]
        way = reference_to(line, object_type.name)
        if way is None or not rights.may(line.name, Access.READ):
            continue
        known = one.fields or tuple(_usual(line, rights))[:LINE_FIELDS_MAX]
        fields = tuple(n for n in known if n != way.name and is_entered(line, n, rights))
        label = named(one.label or line.plural)
        told = named(one.one) if one.one else _("a {thing}").format(thing=within(line.label))
        editable = rights.may(line.name, Access.CREATE) and bool(fields)
        yield Lines(line, way.name, fields, label, told, one.offers, editable)


def _details(catalog: Catalog, object_type: ObjectType) -> Sequence[LayoutLines]:
    """Every object that is a detail of this one."""
    return [
        LayoutLines(object=other.name, fields=())
        for other in catalog
        if other.master is not None
        and other.master.type is FieldType.MASTER_DETAIL
        and other.master.references == object_type.name
        and other.declared.bulk is None
    ]


def reference_to(line: ObjectType, master: str) -> Field | None:
    """The field of a detail that leads to its master."""
    return next((f for f in line.references if f.references == master and (f == line.master)), None)


def _signature(object_type: ObjectType, rights: Rights) -> Signature | None:
    """The first field a person signs for; `X_Date` and `Disclaimer` go with it."""
    name = next((n for n in signatures(object_type) if rights.edits(object_type.name, n)), None)
    if name is None:
        return None
    disclaimer = "Disclaimer__c" if name.endswith("__c") else "Disclaimer"
    beside = [n if rights.edits(object_type.name, n) else None for n in (date_of(name), disclaimer)]
    return Signature(name, *beside)
