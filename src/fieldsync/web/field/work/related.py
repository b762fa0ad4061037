"""What hangs on a record: its details and the lists of child records, and what can be made from here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from fieldsync.device import Mark, Record
from fieldsync.protocol.email.consent import OBJECT as EMAIL
from fieldsync.protocol.media import carries_file
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import Field as Column
from fieldsync.schema.model import FieldType
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_view import shown_columns, view_named
from fieldsync.web.field.content.email import new_address
from fieldsync.web.field.context import Field
from fieldsync.web.field.form.sheet import lines_of
from fieldsync.web.field.reading import cell_of
from fieldsync.web.field.work.sheet import page_of
from fieldsync.web.kit.facts import SET_BY_SYSTEM
from fieldsync.web.kit.layout import Layout
from fieldsync.web.kit.naming import label_of, spaced
from fieldsync.web.kit.tongue import named

ROWS_MAX = 10
COLUMNS_MAX = 4


@dataclass(frozen=True)
class Row:
    """One child record: its page, its cells, how it stands."""

    link: str
    cells: tuple[str, ...]
    mark: Mark


@dataclass(frozen=True)
class RelatedList:
    """Child records of one kind under a heading."""

    label: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    new: str
    """Where one more is made; empty when the person may not."""


def details(app: Field, found: Record, layout: Layout) -> list[RelatedList]:
    """The lines of a record, as tables."""
    told = []
    for kind in layout.lines:
        records = lines_of(app.device, found, kind)
        if records:
            told.append(_list(app, kind.label, kind.object, kind.fields, records, len(records)))
    return told


def related(app: Field, found: Record, layout: Layout, *, without: Iterable[str] = ()) -> list[RelatedList]:
    """The child lists that have records, newest first; `without`: objects that the page shows elsewhere."""
    files = (o.name for o in app.device.catalog if carries_file(o))
    shown_elsewhere = {*without, *files, *(kind.object.name for kind in layout.lines)}
    told: list[RelatedList] = []
    for object_type, field in _children(app, found.object, layout):
        total = 0 if object_type.name in shown_elsewhere else app.device.count(object_type.name, {field.name: found.id})
        if total:
            columns = _columns(app, object_type, without=field.name)
            records = app.device.find(
                object_type.name,
                where={field.name: found.id},
                order_by=_date_of(object_type, columns),
                descending=True,
                limit=ROWS_MAX,
            )
            heading = (
                named(object_type.plural)
                if field.children in (None, object_type.name)
                else named(spaced(field.children))
            )
            new = _new(object_type, field, found) if _may_make(app, object_type) else ""
            told.append(_list(app, heading, object_type, columns, records, total, new=new))
    return told


def makeable(app: Field, found: Record, layout: Layout) -> list[tuple[str, str]]:
    """What can be made from this record: label and address."""
    lines = {kind.object.name for kind in layout.lines} | {o.name for o in app.device.catalog if carries_file(o)}
    told = {
        named(object_type.label): _new(object_type, field, found)
        for object_type, field in reversed(_children(app, found.object, layout))
        if object_type.name not in lines and _may_make(app, object_type) and _leads_here(object_type, field)
    }
    return sorted(told.items())


def _leads_here(object_type: ObjectType, field: Column) -> bool:
    """The usual way to a record of this kind: the first reference that points there."""
    first = next(f for f in object_type.references if f.references == field.references)
    return first.name == field.name


def _children(app: Field, name: str, layout: Layout) -> list[tuple[ObjectType, Column]]:
    """Objects with a named list on records of this one, in the layout's order."""
    found = [
        (other, field)
        for other in app.device.catalog
        if not other.system and app.rights.may(other.name, Access.READ)
        for field in other.references
        if field.references == name and field.children and app.rights.sees(other.name, field.name)
    ]
    if layout.related is None:
        return found
    order = {child: place for place, child in enumerate(layout.related)}
    return sorted((one for one in found if one[1].children in order), key=lambda one: order[str(one[1].children)])


def _date_of(object_type: ObjectType, columns: tuple[str, ...]) -> str:
    """What says how new a record is: the first date among what is shown, or when it was made."""
    dates = (FieldType.DATE, FieldType.DATETIME)
    fields = object_type.column_fields
    return next((name for name in columns if name in fields and fields[name].type in dates), "CreatedDate")


def _may_make(app: Field, object_type: ObjectType) -> bool:
    return app.rights.may(object_type.name, Access.CREATE) and object_type.declared.bulk is None


def _new(object_type: ObjectType, field: Column, found: Record) -> str:
    """The address of a new child, with what it has in common with the record it hangs on."""
    given = {field.name: str(found.id)}
    for shared in ("AccountId",):
        if shared in object_type.fields and shared not in given and found.values.get(shared):
            given[shared] = str(found.values[shared])
    if object_type.name == EMAIL:
        return new_address(given)
    return f"/objects/{object_type.name}/new?{urlencode(given)}"


def _columns(app: Field, object_type: ObjectType, *, without: str) -> tuple[str, ...]:
    """The columns of the object's first list, without the one that leads back."""
    names: list[str] = []
    if object_type.list_views:
        try:
            view = view_named(object_type, object_type.list_views[0].name)
            shown = shown_columns(app.device.catalog, object_type, view)
            names = [column.path[0] for column in shown if len(column.path) == 1]
        except SoqlError:
            names = []
    if not names:
        plain = (FieldType.LONG_TEXT, FieldType.BASE64, FieldType.GEOLOCATION)
        own = (f for f in object_type.stored if f.name in object_type.writable and f.type not in plain)
        names = ["Name", *(f.name for f in own if f.name not in ("Name", "OwnerId"))]
    seen = (n for n in names if n != without and app.rights.sees(object_type.name, n))
    return tuple(dict.fromkeys(seen))[:COLUMNS_MAX]


def _list(
    app: Field,
    label: str,
    object_type: ObjectType,
    columns: tuple[str, ...],
    records: list[Record],
    total: int,
    *,
    new: str = "",
) -> RelatedList:
    fields = [object_type.column_fields[name] for name in columns if name in object_type.column_fields]
    rows = tuple(
        Row(
            page_of(object_type.name, record.id),
            tuple(_cell(app, field, record) for field in fields),
            record.mark,
        )
        for record in records
    )
    return RelatedList(label, tuple(label_of(f) for f in fields), rows, total, new)


def _cell(app: Field, field: Column, record: Record) -> str:
    manner = app.manner if field.name in SET_BY_SYSTEM else app.manner.of(record.values)
    return cell_of(app.device, field, record.values.get(field.name), manner)
