"""Downloads, the server's half: a stream of rows out of one snapshot, and where the device stands after it.

Without a checkpoint, or when what the rows depended on has changed, everything the profile may read; otherwise only
what the change log says was written since, so the cost is that of the changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator
from datetime import date, timedelta

from fieldsync.base import limits
from fieldsync.base.world import instant
from fieldsync.protocol.download import End, Head, Removed, encode_line, encode_rows_line
from fieldsync.protocol.rows import Gone, encode_block
from fieldsync.schema.access.permissions import Access
from fieldsync.schema.access.rights import Rights
from fieldsync.schema.catalog import Catalog
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.save.journal import LOG, RECORD, TRANSACTION
from fieldsync.server.sync.checkpoint import (
    Checkpoint,
    binding_of,
    open_checkpoint,
    present_checkpoint,
    seal_checkpoint,
)
from fieldsync.server.sync.feed import feed_position, seal_cursor

STAYS_ONLINE = frozenset({TRANSACTION, RECORD, LOG, "Device"})
"""The journal and the devices' own state are for the console; they do not travel."""


def objects_for(catalog: Catalog, rights: Rights) -> tuple[str, ...]:
    """Objects whose rows a device of somebody with these rights holds."""
    return tuple(n for n in catalog.objects if n not in STAYS_ONLINE and rights.may(n, Access.READ))


async def download(org: Org, database: Database, caller: Caller, token: str | None) -> AsyncGenerator[bytes, None]:
    """The lines of `protocol.download`. `database` is one snapshot. Raises Refused before the first line."""
    since = await open_checkpoint(org, database, caller, token) if token else None
    if since is not None and since.binding != binding_of(org, caller):
        since = None
    position = await feed_position(org, database, caller)
    now = await present_checkpoint(org, database, caller)
    names = objects_for(org.catalog, caller.rights)
    yield encode_line(Head(full=since is None, catalog_version=org.catalog.version, objects=names))
    count = 0
    lines = _everything(org, database, names) if since is None else _changes(org, database, names, since)
    async for rows, line in lines:
        count += rows
        yield line
    as_of = instant(org.world.clock.now())
    yield encode_line(End(seal_checkpoint(org, caller, now), seal_cursor(org, caller, position), count, as_of))


async def _everything(org: Org, database: Database, names: tuple[str, ...]) -> AsyncGenerator[tuple[int, bytes], None]:
    for name in names:
        columns = org.read.wire_columns(name)
        rows: list[bytes] = []
        async for row in database.copy_out(org.read.all_rows(name), {}):
            rows.append(row)
            if len(rows) == limits.DOWNLOAD_CHUNK_ROWS:
                yield len(rows), encode_rows_line(encode_block(name, columns, rows))
                rows = []
        if rows:
            yield len(rows), encode_rows_line(encode_block(name, columns, rows))


async def _changes(
    org: Org, database: Database, names: tuple[str, ...], since: Checkpoint
) -> AsyncGenerator[tuple[int, bytes], None]:
    earliest = date.fromisoformat(since.day) - timedelta(days=1)
    place = {"xmin": since.xmin, "xmax": since.xmax, "running": list(since.running), "since": earliest}
    by_object: dict[str, set[str]] = defaultdict(set)
    for name, record_id in await database.rows(org.read.changes, **place):
        by_object[name].add(record_id)
    for reader, statement in org.read.readers:
        if reader in names:
            by_object[reader].update(record_id for (record_id,) in await database.rows(statement, **place))
    for name in names:
        ids = sorted(by_object.get(name, ()))
        for start in range(0, len(ids), limits.DOWNLOAD_CHUNK_ROWS):
            chunk = ids[start : start + limits.DOWNLOAD_CHUNK_ROWS]
            rows = await database.rows(org.read.rows(name), ids=chunk)
            present = [row.encode() for _, deleted, _, row in rows if not deleted]
            removed = tuple(Gone(name, i, stamp) for i, deleted, stamp, _ in rows if deleted)
            if present:
                line = encode_rows_line(encode_block(name, org.read.wire_columns(name), present))
                yield len(present), line
            if removed:
                yield 0, encode_line(Removed(removed))
