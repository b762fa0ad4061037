"""Which transactions somebody wants to see: by list view, name, record, period, person and status (FEATURES J11).

A page begins behind the last line of the one before it, and every filter has an index that goes on in the order of the
list, so that a page costs the same among a million transactions as among a hundred.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, any_, cast, func, literal, select, true, tuple_

from fieldsync.base import ids
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.schema.model import ListView
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.soql.bound import BoundCondition
from fieldsync.soql.dates import calendar_of
from fieldsync.soql.errors import SoqlError
from fieldsync.soql.list_view import Window, list_query, view_named
from fieldsync.soql.sql import statement
from fieldsync.soql.values import Context

OBJECT = "Sync_Transaction"
PAGE = 50
_NUMBER = re.compile(r"(?:[Tt]-)?0*([0-9]{1,12})")
PEOPLE_MAX = 200
"""A part of a name may be that of so many people."""
Before = tuple[datetime, str]
"""Where a page ended: when its last line was received, and its id."""


@dataclass(frozen=True)
class Wanted:
    """Every filter that is not empty has to hold. `user` is part of a name, `name` one with or without its letter and
    noughts, `record` an id that was sent or came of it, `object` the one a transaction begins with, `view` a list view
    of `Sync_Transaction`."""

    status: str = ""
    user: str = ""
    name: str = ""
    record: str = ""
    object: str = ""
    view: str = ""
    since: datetime | None = None
    until: datetime | None = None
    first: int = 0
    before: Before | None = None


def mark_of(received: str | None, record_id: str) -> str:
    """Where a page ends, as an address has it."""
    return f"{received or ''}~{record_id}"


def before_of(mark: str) -> Before | None:
    """What `mark_of` wrote; None for anything else."""
    moment, _, record_id = mark.partition("~")
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found, record_id) if found.tzinfo is not None and record_id else None


async def listed(org: Org, database: Database, wanted: Wanted) -> list[tuple[Any, ...]]:
    """(Id, Status, Received_At, person, Root_Object, Actual_Records, Last_Log, Name), newest first, at most a page.

    Raises Refused(NOT_FOUND) for an unknown list view.
    """
    if wanted.object and wanted.object not in org.catalog:
        return []
    if wanted.name and _NUMBER.fullmatch(wanted.name) is None:
        return []
    people = await _people(org, database, wanted.user) if wanted.user else None
    named = await _named(org, database, wanted.name) if wanted.name else None
    return await database.rows(compile_statement(_page(org, wanted, people, named)))


async def _named(org: Org, database: Database, name: str) -> list[str]:
    """The ids of a number: the same counter gives both, in each epoch under the server's number of then."""
    found = _NUMBER.fullmatch(name)
    epoch, prefix = org.metadata.tables["_epoch"].c, org.catalog[OBJECT].prefix
    servers = await database.rows(compile_statement(select(epoch.server_number)))
    return [ids.mint(prefix, number, int(found[1])) for (number,) in servers] if found else []


async def _people(org: Org, database: Database, part: str) -> list[str]:
    user = org.metadata.tables["User"].c
    named = select(user.Id).where(user.Name.ilike(_part(part), escape="\\")).order_by(user.Id).limit(PEOPLE_MAX)
    return [record_id for (record_id,) in await database.rows(compile_statement(named))]


def _page(org: Org, wanted: Wanted, people: list[str] | None, named: list[str] | None) -> Select[Any]:
    user, t = org.metadata.tables["User"], org.metadata.tables[OBJECT]
    last, where = wanted.first + PAGE, chosen(org, wanted)
    where += [] if named is None else [t.c.Id == any_(cast(literal(named, ARRAY(Text)), ARRAY(Text)))]
    if people is None:
        page = _ordered(select(t.c.Id, t.c.Received_At).where(*where), t.c).limit(last).subquery("page")
    else:  # the newest of each person, then the newest of those
        person = (
            func.unnest(cast(literal(people, ARRAY(Text)), ARRAY(Text)))
            .table_valued("id")
            .render_derived(name="person")
        )
        of_one = select(t.c.Id, t.c.Received_At).where(t.c.UserId == person.c.id.collate("C"), *where)
        newest = _ordered(of_one, t.c).limit(last).lateral("newest")
        page = select(newest.c.Id, newest.c.Received_At).select_from(person.join(newest, true())).subquery("page")
    columns = ("Id", "Status", "Received_At", user.c.Name, "Root_Object", "Actual_Records", "Last_Log", "Name")
    shown = [t.c[c] if isinstance(c, str) else c for c in columns]
    joined = page.join(t, t.c.Id == page.c.Id).outerjoin(user, user.c.Id == t.c.UserId)
    return _ordered(select(*shown).select_from(joined), t.c).limit(PAGE).offset(wanted.first)


def _ordered(query: Select[Any], c: Any) -> Select[Any]:
    return query.order_by(c.Received_At.desc(), c.Id.desc())


def chosen(org: Org, wanted: Wanted) -> list[ColumnElement[bool]]:
    """The conditions on `Sync_Transaction`, but for the person. Raises Refused(NOT_FOUND) for an unknown view."""
    tables = org.metadata.tables
    t, item = tables[OBJECT].c, tables["Sync_Transaction_Record"].c
    found: list[ColumnElement[bool]] = []
    if wanted.status:
        found.append(t.Status == wanted.status)
    if wanted.object:
        found.append(t.Root_Object == wanted.object)
    if wanted.record:
        sent, became = (
            select(item.Sync_TransactionId).where(c == wanted.record) for c in (item.Record_Id, item.Result_Id)
        )
        found.append(t.Id == any_(func.array(sent.union(became).scalar_subquery())))
    if wanted.since is not None:
        found.append(t.Received_At >= wanted.since)
    if wanted.until is not None:
        found.append(t.Received_At < wanted.until)
    if wanted.before is not None:
        moment, record_id = wanted.before
        found.append(tuple_(t.Received_At, t.Id) < tuple_(literal(moment), literal(record_id)))
    if wanted.view:
        found.append(_in_view(org, wanted.view))
    return found


def _part(text: str) -> str:
    """What a name is to hold, taken literally."""
    for char in "\\%_":
        text = text.replace(char, "\\" + char)
    return f"%{text}%"


def _in_view(org: Org, name: str) -> ColumnElement[bool]:
    """What a list view asks of a transaction."""
    calendar = calendar_of("UTC")
    try:
        view = view_named(org.catalog[OBJECT], name)
        asked = list_query(org.catalog, org.catalog[OBJECT], view, calendar=calendar, window=Window())
        whole = asked.bind(org.catalog)
        plain = _plain(org, view)
        if whole.where is None or plain is not None:
            return true() if plain is None else plain
        bound = BoundCondition(whole.object, whole.joins, whole.where, whole.reads)
        context = Context(org.world.clock.now(), calendar, {}, None)
        return statement.condition(bound, org.catalog, context, row=org.metadata.tables[OBJECT])
    except SoqlError:
        raise Refused(problem(Code.NOT_FOUND, object="The list", id=name)) from None


def _plain(org: Org, view: ListView) -> ColumnElement[bool] | None:
    """A list view that asks for one value of a picklist, as a comparison that an index answers; None for any other."""
    if len(view.filters) != 1 or view.scope.lower() != "everything":
        return None
    [asked] = view.filters
    field = org.catalog[OBJECT].fields.get(asked.field)
    is_one = field is not None and asked.operator == "equals" and asked.value in {one.value for one in field.values}
    return org.metadata.tables[OBJECT].c[asked.field] == asked.value if is_one else None


def views(org: Org) -> Iterator[tuple[str, str]]:
    """Name and label of each list view of transactions."""
    return ((view.name, view.label or view.name) for view in org.catalog[OBJECT].list_views)
