"""Whether page layouts name what is there: fields, details, child lists, list views. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fieldsync.schema.layout.declaration import LayoutLines, PageLayout
from fieldsync.schema.model import Field, FieldType, Object

Objects = Mapping[str, Object]
Fields = Mapping[str, Mapping[str, Field]]


def layout_faults(declared: Object, objects: Objects, fields: Fields) -> Iterator[str]:
    """What is wrong with the object's layouts."""
    kinds = {kind.name for kind in declared.record_types}
    for layout in declared.layouts:
        yield from (
            f"its layout {layout.name} {sentence}" for sentence in _faults(declared.name, layout, objects, fields)
        )
        for kind in layout.record_types:
            if kind not in kinds:
                yield f"its layout {layout.name} is for the record type {kind}, which it has not"


def _faults(name: str, layout: PageLayout, objects: Objects, fields: Fields) -> Iterator[str]:
    named = [field for section in layout.sections for field in section.fields]
    for field in (*named, *layout.read_only, *layout.required):
        if field not in fields[name]:
            yield f"names {field}, which is no field of {name}"
    for section in layout.sections:
        yield from _offer_faults(section.offers, fields[name], objects)
    for lines in layout.lines:
        yield from _line_faults(name, lines, objects, fields)
    lists = {f.children for of in fields.values() for f in of.values() if f.references == name}
    for child in layout.related or ():
        if child not in lists:
            yield f"names {child}, which is no list of child records of {name}"


def _line_faults(name: str, lines: LayoutLines, objects: Objects, fields: Fields) -> Iterator[str]:
    if lines.object not in objects:
        yield f"has lines of {lines.object}, which is no object"
        return
    own = fields[lines.object]
    ways = (f for f in own.values() if f.type is FieldType.MASTER_DETAIL or f.family)
    if all(f.references != name for f in ways):
        yield f"has lines of {lines.object}, which are no details of {name}"
    for field in lines.fields:
        if field not in own:
            yield f"names {field}, which is no field of {lines.object}"
    yield from _offer_faults(lines.offers, own, objects)


def _offer_faults(offers: Mapping[str, str], own: Mapping[str, Field], objects: Objects) -> Iterator[str]:
    for field, view in offers.items():
        target = objects.get(own[field].references or "") if field in own else None
        if target is None or view not in {v.name for v in target.list_views}:
            yield f"offers {view} for {field}, which is no list view of what it points to"
