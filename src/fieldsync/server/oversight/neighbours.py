"""What a transaction waits for, and what waits for it: others of its device's queue (FEATURES J09)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, ClauseElement, MetaData, any_, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import compiled_once
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.kept import Kept

TOLD_MAX = 50


@dataclass(frozen=True)
class Neighbour:
    """One of them; `behind` says that it waits."""

    id: str
    name: str
    status: str
    object: str
    n: int
    behind: bool


async def neighbours_of(org: Org, database: Database, one: Kept) -> list[Neighbour]:
    """In the order of the queue, those it waits for first."""
    if one.device is None:
        return []
    given = {"device": one.device, "ahead": sorted(one.waits_for), "n": one.n}
    rows = await database.rows(_around(org.metadata), **given)
    return [Neighbour(i, name or i, status, about or "", int(n), int(n) > one.n) for i, name, status, about, n in rows]


@compiled_once
def _around(metadata: MetaData) -> ClauseElement:
    c = metadata.tables["Sync_Transaction"].c
    behind = func.string_to_array(func.replace(c.Depends_On, " ", ""), ",")
    waits = (c.Depends_On.is_not(None)) & (cast(bindparam("n"), BigInteger) == any_(cast(behind, ARRAY(BigInteger))))
    ahead = c.Queue_Number == any_(bindparam("ahead"))
    found = select(c.Id, c.Name, c.Status, c.Root_Object, c.Queue_Number)
    here = found.where(c.Device_Number == bindparam("device"), or_(ahead, waits))
    return here.order_by(c.Queue_Number).limit(TOLD_MAX)
