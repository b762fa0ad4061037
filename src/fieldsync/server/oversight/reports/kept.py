"""Reports that were kept: a name, a query, and whether it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.upload import Change, Item, Operation
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database

OBJECT, BARS, REPORTS_MAX = "Saved_Report", "Bars", 200


@dataclass(frozen=True)
class Report:
    """One of them."""

    id: RecordId
    name: str
    query: str
    drawn: bool
    description: str
    stamp: int


async def reports(org: Org, database: Database) -> list[Report]:
    """All that were kept, by name."""
    t = org.metadata.tables[OBJECT]
    columns = (t.c.Id, t.c.Name, t.c.Query, t.c.Chart, t.c.Description, t.c["_stamp"])
    query = select(*columns).where(t.c.IsDeleted.is_(False)).order_by(t.c.Name, t.c.Id).limit(REPORTS_MAX)
    rows = await database.rows(compile_statement(query))
    return [_report(*row) for row in rows]


def _report(record_id: str, name: str | None, query: str | None, chart: str | None, *more: Any) -> Report:
    about, stamp = more
    return Report(RecordId(record_id), name or record_id, query or "", chart == BARS, about or "", stamp)


async def report_of(org: Org, database: Database, report_id: str) -> Report:
    """One. Raises Refused(NOT_FOUND)."""
    found = next((one for one in await reports(org, database) if one.id == report_id), None)
    if found is None:
        raise Refused(problem(Code.NOT_FOUND, object="The report", id=report_id))
    return found


def made(report_id: RecordId, name: str, query: str, *, drawn: bool) -> Item:
    """The save that keeps one. Pure."""
    values = {"Name": name[:80], "Query": query, "Chart": BARS if drawn else "None"}
    return Item(OBJECT, report_id, Operation.CREATE, {key: Change(None, value) for key, value in values.items()})


def dropped(report: Report) -> Item:
    """The save that takes one away. Pure."""
    return Item(OBJECT, report.id, Operation.DELETE, {}, report.stamp)
