"""The lots of people whose calls are submitted, and how many of each other submitted calls have not left yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, any_, bindparam, func, or_, select

from fieldsync.protocol.samples.judge import CALL, LOT, SAMPLE, SUBMITTED, Lot
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compile_statement
from fieldsync.server.postgres.work import Work as Database


async def lots_of(
    org: Org, database: Database, owners: set[str], calls: set[str], named: set[str | None]
) -> dict[str, tuple[str, Lot]]:
    """Owner and lot by id: those in use of these people, and those that lines name. `calls`: those that are judged."""
    if LOT not in org.catalog:
        return {}
    lines = sorted(one for one in named if one)
    given = {"owners": sorted(owners), "named": lines, "calls": sorted(calls)}
    rows = await database.rows(compile_statement(_lots(org)), **given)
    return {row[0]: (row[1], Lot(row[2] or row[0], row[3], int(row[4]) - int(row[6]), row[5])) for row in rows}


def _lots(org: Org) -> Select[Any]:
    lot, line, call = (org.metadata.tables[name] for name in (LOT, SAMPLE, CALL))
    gone = (
        select(func.coalesce(func.sum(line.c.Quantity), 0))
        .select_from(line.join(call, call.c.Id == line.c.CallId))
        .where(
            line.c.Sample_LotId == lot.c.Id,
            line.c.IsDeleted.is_(False),
            call.c.IsDeleted.is_(False),
            call.c.Status == SUBMITTED,
            call.c.Id != func.all(bindparam("calls")),
        )
        .scalar_subquery()
    )
    columns = (lot.c.Id, lot.c.OwnerId, lot.c.Name, lot.c.ProductId, lot.c.Quantity, lot.c.Expiration, gone)
    used = lot.c.Active.is_(True) & (lot.c.OwnerId == any_(bindparam("owners")))
    return select(*columns).where(lot.c.IsDeleted.is_(False), or_(used, lot.c.Id == any_(bindparam("named"))))
