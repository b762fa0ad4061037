"""The Console's form of a record: what it shows, what was typed into it, and how both meet what is saved now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fieldsync.protocol.upload import Change
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import REFERENCE_TYPES, ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import FieldType
from fieldsync.server.org.runtime import Org
from fieldsync.web.kit.entered import as_text, entered
from fieldsync.web.kit.inputs import Input, Option, plain_input
from fieldsync.web.kit.layout import Layout, Section, layout_of

WAS = "was:"
"""Begins the name of the hidden field that holds what an input showed at first."""
RECORD_TYPE = "RecordTypeId"


@dataclass(frozen=True)
class Clash:
    """A field that somebody else changed while it was being edited here too."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class Filled:
    """A form: texts of its inputs, and what each was when the page was made."""

    layout: Layout
    zone: str
    texts: Mapping[str, str]
    was: Mapping[str, str]
    clashes: tuple[Clash, ...] = field(default=())

    @property
    def changed(self) -> tuple[str, ...]:
        """Fields the person changed."""
        return tuple(name for name in self.layout.entered if self.texts.get(name, "") != self.was.get(name, ""))

    def changes(self, now: Mapping[str, FieldValue] | None) -> dict[str, Change]:
        """What the save says; `now` is the record as it is, None for a new one. Raises Refused for a number or date
        that is none."""
        fields = self.layout.object.column_fields
        found = {}
        for name in self.changed:
            declared, was = fields[name], self.was.get(name, "")
            there = None if now is None else now.get(name)
            is_same = now is None or as_text(declared, there, self.zone) == was
            old = there if is_same else entered(declared, was, self.zone)
            found[name] = Change(old, entered(declared, self.texts[name], self.zone))
        return found


def form_layout(org: Org, object_type: ObjectType, rights: Rights, record_type: str | None, *, new: bool) -> Layout:
    """The layout with what only a browser offers: the owner, and of a new record its master."""
    found = layout_of(org.catalog, object_type.name, rights, record_type)
    more = ["OwnerId"] if not new else []
    more += [f.name for f in object_type.references if new and f.type is FieldType.MASTER_DETAIL]
    more = [
        n for n in more if n in object_type.writable and n not in found.entered and rights.edits(object_type.name, n)
    ]
    head = Section("Belongs to", tuple(more), {})
    sections = tuple(
        Section(s.label, tuple(n for n in s.fields if n in found.entered), s.offers) for s in found.sections
    )
    kept = tuple(s for s in (sections if not new else (head, *sections)) if s.fields)
    tail = (head,) if more and not new else ()
    return Layout(
        object=object_type,
        sections=(*kept, *tail),
        lines=(),
        related=None,
        entered=(*found.entered, *more),
        required=found.required,
        signature=None,
        submit=found.submit,
    )


def shown_first(layout: Layout, values: Mapping[str, FieldValue], zone: str) -> Filled:
    """The form of a record as it is."""
    texts = _texts(layout, values, zone)
    return Filled(layout, zone, texts, texts)


def fresh(layout: Layout, presets: Mapping[str, str], zone: str) -> Filled:
    """The form of a record to be: defaults, and what the address says."""
    empty = dict.fromkeys(layout.entered, "")
    defaults = {name: value for name, value in layout.object.defaults.items() if name in empty}
    texts = {**empty, **_texts(layout, defaults, zone), **{n: t for n, t in presets.items() if n in empty}}
    blank = {name: as_text(layout.object.column_fields[name], None, zone) for name in empty}
    return Filled(layout, zone, texts, blank)


def _texts(layout: Layout, values: Mapping[str, FieldValue], zone: str) -> dict[str, str]:
    fields = layout.object.column_fields
    return {name: as_text(fields[name], values.get(name), zone) for name in layout.entered if name in values}


def typed(layout: Layout, form: Mapping[str, str], zone: str) -> Filled:
    """What came back. A field that is not in it was not offered."""
    texts = {name: _plain(form[name]) for name in layout.entered if name in form}
    was = {name: _plain(form.get(WAS + name, "")) for name in texts}
    return Filled(layout, zone, texts, was)


def _plain(text: str) -> str:
    """Browsers send lines with both signs of an end."""
    return text.replace("\r\n", "\n").strip()


def met(mine: Filled, now: Mapping[str, FieldValue]) -> Filled:
    """The form after somebody else's save: his values where nothing was typed, and what both changed is named."""
    there = _texts(mine.layout, now, mine.zone)
    changed = set(mine.changed)
    texts = {name: mine.texts.get(name, text) if name in changed else text for name, text in there.items()}
    fields = mine.layout.object.column_fields
    clashes = tuple(
        Clash(fields[name].label or name, there[name], mine.texts[name])
        for name in mine.layout.entered
        if name in changed and name in there and there[name] not in (mine.was.get(name, ""), mine.texts[name])
    )
    return Filled(mine.layout, mine.zone, texts, there, clashes)


def inputs_of(
    org: Org, filled: Filled, names: Iterable[str], known: Mapping[str, str], record_type: str | None
) -> list[Input]:
    """The inputs of these fields; `known` are names of records by id."""
    object_type, found = filled.layout.object, []
    offers = {n: view for section in filled.layout.sections for n, view in section.offers.items()}
    for name in names:
        declared, text = object_type.column_fields[name], filled.texts.get(name, "")
        label = declared.label or name
        needed = (declared.required or name in filled.layout.required) and name not in object_type.defaults
        if name == RECORD_TYPE:
            found.append(Input(name, label, "select", text, False, _record_types(org, object_type.name)))
        elif declared.type in REFERENCE_TYPES and declared.references in org.catalog:
            needed = needed or declared.type is FieldType.MASTER_DETAIL
            shown = known.get(text, "")
            target, view = str(declared.references), offers.get(name, "")
            found.append(Input(name, label, "lookup", text, needed, (), shown, target, view))
        else:
            found.append(plain_input(object_type, name, text, record_type))
    return found


def _record_types(org: Org, name: str) -> tuple[Option, ...]:
    known = ((i, kind.declared) for i, kind in org.record_types.items() if kind.object == name)
    return tuple(Option(i, declared.label or declared.name) for i, declared in known)
