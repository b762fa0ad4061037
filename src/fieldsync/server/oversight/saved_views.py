"""Lists of the console that somebody kept under a name: a page and its filters, for every admin."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from fieldsync.base.ids import RecordId
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

OBJECT, NAME_CHARS_MAX, VIEWS_MAX = "Saved_View", 80, 50


@dataclass(frozen=True)
class SavedView:
    """One of them; `filters` as the page's address has them."""

    id: RecordId
    name: str
    filters: str
    stamp: int


async def saved_views(org: Org, database: Database, page: str) -> list[SavedView]:
    """Those of a page, by name."""
    t = org.metadata.tables[OBJECT]
    query = select(t.c.Id, t.c.Name, t.c.Filters, t.c["_stamp"]).where(
        t.c.Page == bindparam("page"), t.c.IsDeleted.is_(False)
    )
    rows = await database.rows(compile_statement(query.order_by(t.c.Name, t.c.Id).limit(VIEWS_MAX)), page=page)
    return [SavedView(RecordId(i), name or "", filters or "", stamp) for i, name, filters, stamp in rows]


def kept(view_id: RecordId, name: str, page: str, filters: str) -> Item:
    """The save that keeps one. Pure."""
    values = {"Name": name[:NAME_CHARS_MAX], "Page": page, "Filters": filters}
    return Item(OBJECT, view_id, Operation.CREATE, {key: Change(None, value) for key, value in values.items()})


def dropped(view: SavedView) -> Item:
    """The save that takes one away. Pure."""
    return Item(OBJECT, view.id, Operation.DELETE, {}, view.stamp)
