"""Which transactions somebody wants to see: by list view, name, record, period, person and status (FEATURES J11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from fieldsync.base.problems import Code, Refused, problem
from fieldsync.server.org.runtime import Org
from fieldsync.soql.dates import calendar_of
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_view import Window, list_query, view_named
from fieldsync.soql.nodes import Item, Path
from fieldsync.soql.sql import statement
from fieldsync.soql.values import Context

OBJECT = "Sync_Transaction"


@dataclass(frozen=True)
class Wanted:
    """Every filter that is not empty has to hold. `user` and `name` are parts of a name, `record` an id that was sent
    or came of it, `object` the one a transaction begins with, `view` a list view of `Sync_Transaction`."""

    status: str = ""
    user: str = ""
    name: str = ""
    record: str = ""
    object: str = ""
    view: str = ""
    since: datetime | None = None
    until: datetime | None = None
    first: int = 0


def chosen(org: Org, wanted: Wanted) -> list[ColumnElement[bool]]:
    """The conditions on `Sync_Transaction` and the `User` it is of. Raises Refused(NOT_FOUND) for an unknown view."""
    tables = org.metadata.tables
    t, user, item = tables[OBJECT].c, tables["User"].c, tables["Sync_Transaction_Record"].c
    found: list[ColumnElement[bool]] = []
    if wanted.status:
        found.append(t.Status == wanted.status)
    if wanted.user:
        found.append(user.Name.ilike(_part(wanted.user), escape="\\"))
    if wanted.name:
        found.append(t.Name.ilike(_part(wanted.name), escape="\\"))
    if wanted.object:
        found.append(t.Root_Object == wanted.object)
    if wanted.record:
        named = or_(item.Record_Id == wanted.record, item.Result_Id == wanted.record)
        found.append(t.Id.in_(select(item.Sync_TransactionId).where(named)))
    if wanted.since is not None:
        found.append(t.Received_At >= wanted.since)
    if wanted.until is not None:
        found.append(t.Received_At < wanted.until)
    if wanted.view:
        found.append(t.Id.in_(_in_view(org, wanted.view)))
    return found


def _part(text: str) -> str:
    """What a name is to hold, taken literally."""
    for char in "\\%_":
        text = text.replace(char, "\\" + char)
    return f"%{text}%"


def _in_view(org: Org, name: str) -> Select[Any]:
    """The ids of what is in a list view."""
    calendar = calendar_of("UTC")
    try:
        view = view_named(org.catalog[OBJECT], name)
        asked = list_query(org.catalog, org.catalog[OBJECT], view, calendar=calendar, window=Window())
        ids = replace(asked, items=(Item(Path(("Id",)), None),), order=(), limit=None, offset=None)
        context = Context(org.world.clock.now(), calendar, {}, None)
        return statement.query(ids.bind(org.catalog), org.catalog, context).statement
    except SoqlError:
        raise Refused(problem(Code.NOT_FOUND, object="The list", id=name)) from None


def views(org: Org) -> Iterator[tuple[str, str]]:
    """Name and label of each list view of transactions."""
    return ((view.name, view.label or view.name) for view in org.catalog[OBJECT].list_views)
