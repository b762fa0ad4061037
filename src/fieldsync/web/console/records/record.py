"""The Console's page of one record: its fields by layout, what refers to it, and what was ever changed on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar import get
from litestar.response import Template

from fieldsync.base.problems import Refused
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.fields import FieldValue
from fieldsync.schema.model import Field
from fieldsync.server.http.context import ServedHere
from fieldsync.server.org.runtime import Org
from fieldsync.server.oversight.history import Happened, history_of
from fieldsync.server.oversight.lists import list_columns, read_children
from fieldsync.server.oversight.reader import Reader
from fieldsync.server.oversight.records import Whole, names_led_to, names_of, object_of, read_record
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.postgres.work import snapshot
from fieldsync.soql.list_view import Window
from fieldsync.web.console.door import AnyRequest
from fieldsync.web.console.records.desk import desk_of, manner_of, told
from fieldsync.web.kit.facts import HIDDEN, SET_BY_SYSTEM, Fact, fact_of
from fieldsync.web.kit.facts import told as telling
from fieldsync.web.kit.layout import layout_of
from fieldsync.web.kit.lists import Line, line_of
from fieldsync.web.kit.locales import Manner

RELATED_ROWS = 5
SAID = {"saved": "Saved.", "made": "Created.", "owner": "The owner is changed."}


@dataclass(frozen=True)
class Related:
    """Records of one object that refer to this one by one field; `more`: beside those shown there are others."""

    object: str
    label: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    more: bool
    all: str
    new: str


@get("/objects/{name:str}/{record_id:str}")
async def record(request: AnyRequest, served: ServedHere, name: str, record_id: str, said: str = "") -> Template:
    """One record with every field, formula fields as they are now."""
    desk = await desk_of(served, request)
    org, object_type = desk.org, object_of(desk.org, name)
    async with snapshot(org.pool) as database:
        reader = await desk.reader(database)
        found = await read_record(org, database, reader, name, record_id)
        groups = await _groups(org, database, reader, object_type, found)
        related = [one async for one in _related(org, database, reader, (name, record_id))]
        happened = await history_of(org, database, reader, name, record_id)
        changed = ((name, column, value) for one in happened for column, *both in one.changes for value in both)
        names = await names_led_to(org, database, reader, changed)
    bulk = object_type.declared.bulk is not None
    rights = {
        "may_edit": found.may_write and not bulk and reader.rights.may(name, Access.EDIT),
        "may_delete": found.may_write and not bulk and reader.rights.may(name, Access.DELETE),
        "mergeable": object_type.declared.mergeable and reader.rights.admin,
    }
    about: dict[str, Any] = {"object": name, "label": object_type.label, "plural": object_type.plural, "id": record_id}
    about |= {"title": found.values.get("Name") or object_type.label, "stamp": found.stamp, "said": SAID.get(said, "")}
    history = [_told(object_type, manner_of(reader), one, names) for one in happened]
    shown = {"groups": groups, "related": related, "history": history}
    return desk.page("record.html", {**shown, **about, **rights})


async def _groups(
    org: Org, database: Database, reader: Reader, object_type: ObjectType, found: Whole
) -> list[tuple[str, list[Fact]]]:
    """Filled fields under the headings of the layout, then all others, those set by the system last."""
    fields = {**object_type.column_fields, **{field.name: field for field in object_type.formulas}}
    filled = {n: f for n, f in fields.items() if found.values.get(n) not in (None, False, "") and n not in HIDDEN}
    names = await _names(org, database, reader, filled, found.values)
    record_type = _record_type(org, found.values)
    layout = layout_of(org.catalog, object_type.name, reader.rights, record_type)
    groups, left = [(section.label, section.fields) for section in layout.sections], dict(filled)
    told_: list[tuple[str, list[Fact]]] = []
    for label, wanted in groups:
        facts = [_fact(reader, names, left.pop(n), found.values, n) for n in wanted if n in left]
        if facts:
            told_.append((label, facts))
    ordered = sorted(left.items(), key=lambda item: item[0] in SET_BY_SYSTEM)
    rest = [_fact(reader, names, field, found.values, column) for column, field in ordered]
    return [*told_, ("Other fields", rest)] if told_ else [("", rest)]


def _record_type(org: Org, values: Mapping[str, FieldValue]) -> str | None:
    known = org.record_types.get(str(values.get("RecordTypeId")))
    return known.declared.name if known is not None else None


async def _names(
    org: Org, database: Database, reader: Reader, fields: Mapping[str, Field], values: Mapping[str, FieldValue]
) -> dict[str, str]:
    wanted: dict[str, set[str]] = {}
    for column, field in fields.items():
        if field.references is not None and isinstance(values[column], str):
            wanted.setdefault(field.references, set()).add(str(values[column]))
    return await names_of(org, database, reader, wanted)


def _fact(reader: Reader, names: Mapping[str, str], field: Field, found: Mapping[str, FieldValue], column: str) -> Fact:
    value, manner = found[column], manner_of(reader)
    linked = field.references is not None and value in names
    points_to = (names[str(value)], f"/console/objects/{field.references}/{value}") if linked else None
    return fact_of(field, value, manner if column in SET_BY_SYSTEM else manner.of(found), points_to)


async def _related(org: Org, database: Database, reader: Reader, place: tuple[str, str]) -> Any:
    """What refers to it, a list for each field by which something does."""
    name, record_id = place
    manner = manner_of(reader)
    for child, field in _references(org, reader, name):
        columns = [c for c in list_columns(org, reader, child.name, "") if c.field.name != field.name]
        window = Window(order="CreatedDate", descending=True, limit=RELATED_ROWS + 1)
        try:
            rows = await read_children(org, database, reader, (child.name, field.name, record_id), window)
        except Refused:  # a list of this org that cannot be run: the record is shown without it
            continue
        lines = [line_of(columns, row, telling(manner, row)) for row in rows]
        may_make = reader.rights.may(child.name, Access.CREATE) and child.declared.bulk is None and not child.system
        query = urlencode({"by": field.name, "of": record_id})
        if rows:
            yield Related(
                object=child.name,
                label=child.plural if field.name == name + "Id" else f"{child.plural} ({field.label or field.name})",
                columns=tuple(c.label for c in columns),
                lines=tuple(lines[:RELATED_ROWS]),
                more=len(lines) > RELATED_ROWS,
                all=f"/console/objects/{child.name}?{query}",
                new=f"/console/new/{child.name}?{urlencode({field.name: record_id})}" if may_make else "",
            )


def _references(org: Org, reader: Reader, name: str) -> Iterator[tuple[ObjectType, Field]]:
    """Every field that leads here by the reader's rights; that somebody owns or made a record is no list."""
    for child in org.catalog:
        if reader.rights.may(child.name, Access.READ):
            for field in child.references:
                if (
                    field.references == name
                    and field.name not in SET_BY_SYSTEM
                    and reader.rights.sees(child.name, field.name)
                ):
                    yield child, field


def _told(object_type: ObjectType, manner: Manner, one: Happened, names: Mapping[str, str]) -> dict[str, Any]:
    changes = []
    for column, old, new in one.changes:
        field = object_type.column_fields.get(column)
        label = (field.label or field.name) if field is not None else column
        changes.append((label, *(_brief(manner, field, value, names) for value in (old, new))))
    return {
        "at": manner.moment(one.at),
        "by": one.by,
        "how": one.how,
        "transaction": one.transaction,
        "changes": changes,
    }


def _brief(manner: Manner, field: Field | None, value: FieldValue, names: Mapping[str, str]) -> str:
    if field is not None and field.references is not None and value in names:
        return names[str(value)]
    text = "" if value is None else str(value) if field is None else told(manner, field, value)
    return text if len(text) <= 120 else f"{text[:120]}…"


RECORD_PAGES = [record]
