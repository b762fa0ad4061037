"""Records in lists: all of an object by name, or one of its list views, in an order the person chose."""

from __future__ import annotations

from typing import Any

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.device import Record
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.catalog import ObjectType
from fieldsync.schema.model import FieldType
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_view import Shown, shown_columns, view_named
from fieldsync.web.field import reading
from fieldsync.web.field.context import Field
from fieldsync.web.field.empty import Empty, Facts, why, why_of_days, why_of_one
from fieldsync.web.kit.facts import told
from fieldsync.web.kit.lists import Asked, line_of
from fieldsync.web.kit.naming import heading_of
from fieldsync.web.kit.tongue import _, named, sentence

PAGE, ABOUT_MAX = 50, 3
HOME = {"Account": "/accounts"}
"""Objects whose records have pages of their own."""


def record_list(app: Field, name: str, asked: Asked) -> dict[str, Any]:
    """What the template of a list shows. Raises Refused(UNKNOWN_OBJECT)."""
    object_type = reading.known_object(app.device, name)
    about: dict[str, Any] = {
        "object": name,
        "plural": named(object_type.plural),
        "home": HOME.get(name, f"/objects/{name}"),
        "lists": [(view.name, named(view.label)) for view in app.device.list_views(name)],
        "page": PAGE,
        "asked": asked,
    }
    try:
        shown = about | (_view(app, name, asked) if asked.view else _by_name(app, name, asked))
    except Refused as refused:
        if refused.problem.code is not Code.UNUSABLE:
            raise
        return about | _EMPTY | {"said": sentence(refused.problem)}
    if not shown["records"] and not shown["lines"]:
        shown["empty"] = why(_facts(app, object_type, asked), shown["home"], f"/objects/{name}/new")
    return shown


def none_of_one(app: Field, name: str, owner: str, create: str) -> Empty | None:
    """Why a record's page has nothing of this object; None where the data model does not have it."""
    if name not in app.device.catalog:
        return None
    return why_of_one(_facts(app, app.device.catalog[name], Asked()), owner, create)


def none_of_days(app: Field) -> Empty | None:
    """Why the calendar shows nothing."""
    return why_of_days(_facts(app, app.device.catalog["Call"], Asked())) if "Call" in app.device.catalog else None


def _facts(app: Field, object_type: ObjectType, asked: Asked) -> Facts:
    account, name = app.device.account, object_type.name
    return Facts(
        plural=named(object_type.plural),
        synced=account is not None and account.as_of is not None,
        readable=app.rights.may(name, Access.READ),
        creatable=app.rights.may(name, Access.CREATE) and object_type.declared.bulk is None,
        search=asked.search,
        view=next((named(view.label) for view in app.device.list_views(name) if view.name == asked.view), ""),
        here=app.device.count(name),
        online=name == "Account" and app.device.online,
    )


_EMPTY: dict[str, Any] = {
    "lines": [],
    "columns": [],
    "sorts": [],
    "records": [],
    "about": {},
    "total": None,
    "there_is_more": False,
    "empty": None,
}


def _by_name(app: Field, name: str, asked: Asked) -> dict[str, Any]:
    found = app.device.find(name, search=asked.search or None, limit=PAGE + 1, offset=asked.first)
    total = None if asked.search else app.device.count(name)
    more = {"records": found[:PAGE], "there_is_more": len(found) > PAGE, "total": total, "said": ""}
    return _EMPTY | more | {"about": _about(app, app.device.catalog[name], found[:PAGE])}


def _about(app: Field, object_type: ObjectType, found: list[Record]) -> dict[str, str]:
    """What tells records apart whose name is a number: the first fields of the object's first list, by id."""
    if object_type.fields["Name"].type is not FieldType.AUTO_NUMBER or not object_type.list_views:
        return {}
    columns = _columns(app, object_type.name, object_type.list_views[0].name)
    names = [c.path[0] for c in columns if len(c.path) == 1 and c.path != ("Name",)]
    fields = [object_type.column_fields[name] for name in names if name in object_type.column_fields][:ABOUT_MAX]
    told = {r.id: [reading.cell_of(app.device, f, r.values.get(f.name), app.manner) for f in fields] for r in found}
    return {key: " · ".join(text for text in texts if text) for key, texts in told.items()}


def _view(app: Field, name: str, asked: Asked) -> dict[str, Any]:
    found = app.device.list_view(
        name,
        asked.view,
        order=asked.column,
        descending=asked.descending,
        limit=PAGE + 1,
        offset=asked.first,
        search=asked.search,
    )
    columns, manner = _columns(app, name, asked.view), app.manner
    lines = [line_of(columns, record, told(manner, record)) for record in found[:PAGE]]
    marked = [(line, app.device.mark(name, RecordId(line.id))) for line in lines]
    shown = {"columns": [heading_of(c) for c in columns], "sorts": _sorts(columns), "lines": marked}
    return _EMPTY | shown | {"there_is_more": len(found) > PAGE, "said": ""}


def _columns(app: Field, name: str, view: str) -> tuple[Shown, ...]:
    object_type = app.device.catalog[name]
    try:
        return shown_columns(app.device.catalog, object_type, view_named(object_type, view))
    except SoqlError:  # the data model moved between two reads: the next one is whole again
        return ()


def _sorts(columns: tuple[Shown, ...]) -> list[tuple[str, str]]:
    """(value, label) of every order; by name is the usual one."""
    backwards = _("{label}, last first")
    sortable = [(".".join(c.path), heading_of(c)) for c in columns if c.sortable]
    return [
        choice for path, label in sortable for choice in ((path, label), (f"-{path}", backwards.format(label=label)))
    ]
