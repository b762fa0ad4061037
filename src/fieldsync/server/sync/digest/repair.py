"""What a device whose digest differs has to get: rows that are missing or other, and which of those it named must go.

A row that is not for this device is answered like one that is nowhere: nobody learns of an id more than he knew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.protocol.digest import Held, Repair
from fieldsync.protocol.rows import Gone
from fieldsync.server.postgres.formulas import Computed
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.digest.sums import bucket_in, label_of, version_of


def repairs(scope: Scope, asked: Repair) -> tuple[Held, ...]:
    """What can be compared: nothing, where rules, rights or the data model have changed since. Raises
    Refused(TOO_LARGE)."""
    if sum(len(held.rows) for held in asked.held) > limits.DIGEST_ROWS_MAX:
        raise Refused(problem(Code.TOO_LARGE, limit=f"{limits.DIGEST_ROWS_MAX} rows"))
    return asked.held if asked.named_from is not None or asked.label == label_of(scope) else ()


async def rows_to_send(scope: Scope, database: Database, held: Held) -> AsyncIterator[bytes]:
    """Wire rows of these buckets that the device has not got, or has in another version."""
    if held.object not in scope.cut.chosen:
        return
    ids, versions = ([row[place] for row in held.rows] for place in (0, 1))
    if held.buckets:
        statement = scope.kept("unlike", held.object, build=lambda everybody: _unlike(everybody, held.object))
        params = {"buckets": list(held.buckets), "ids": ids, "versions": versions}
    else:
        statement = scope.kept("named", held.object, build=lambda everybody: _named(everybody, held.object))
        params = {"ids": ids}
    async for row in database.stream(statement, **params):
        yield row


async def ids_to_go(scope: Scope, database: Database, held: Held, stamp: int) -> list[Gone]:
    """Those of the rows the device named that it is not to have."""
    ids = [record_id for record_id, _ in held.rows]
    gone: set[str] = set(ids)
    if held.object in scope.cut.chosen:
        gone -= {record_id for (record_id,) in await database.rows(scope.among(held.object), ids=ids)}
    return [Gone(held.object, record_id, stamp, deleted=False) for record_id in ids if record_id in gone]


def _unlike(scope: Scope, name: str) -> Select[Any]:
    """Rows of some buckets, without those that the device has in this version."""
    computed = scope.computed(name)
    table = computed.table
    named = func.unnest(bindparam("ids", type_=ARRAY(Text)), bindparam("versions", type_=ARRAY(BigInteger)))
    held = named.table_valued("id", "version").render_derived(name="held")
    same: Any = select(literal_column("1")).where(held.c.id == table.c.Id, held.c.version == version_of(computed))
    within = bucket_in(table.c.Id) == any_(bindparam("buckets", type_=ARRAY(Integer)))
    return _rows(scope, name, computed).where(within, ~same.correlate(table).exists())


def _named(scope: Scope, name: str) -> Select[Any]:
    """Rows that the device named, in whatever version it has them."""
    computed = scope.computed(name)
    return _rows(scope, name, computed).where(computed.table.c.Id == any_(bindparam("ids", type_=ARRAY(Text))))


def _rows(scope: Scope, name: str, computed: Computed) -> Select[Any]:
    table = computed.table
    return (
        select(scope.wire_row(name, computed))
        .select_from(computed.source)
        .where(table.c.IsDeleted.is_(False), scope.selected(name, table))
        .order_by(table.c.Id)
    )
