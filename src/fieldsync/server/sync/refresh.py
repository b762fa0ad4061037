"""Database refresh, the server's half: rows straight out of COPY, in order of ids, with marks to go on from.

No row is looked at on its way. A stream that takes long ends behind a mark, so that no snapshot is held open for a slow
device; what changes between two streams comes with the device's catch-up from the first one's checkpoint.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import dropwhile

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.protocol.refresh import Begin, Done, Mark, Part, encode_line, rows_line
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.caps import try_out
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.checkpoint import open_checkpoint, present_checkpoint, seal_checkpoint
from fieldsync.server.sync.feed import feed_position
from fieldsync.server.sync.token import Purpose, seal, unseal


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a refresh came: everything of the objects before `object`, and of it what is not behind the id `after`.

    `checkpoint` is the sealed one of the first stream.
    """

    checkpoint: str
    object: str
    after: str


async def refresh(org: Org, database: Database, caller: Caller, token: str | None) -> AsyncGenerator[bytes, None]:
    """The lines of `protocol.refresh`. `database` is one snapshot. Raises Refused before the first line."""
    await feed_position(org, database, caller)  # refuses who was revoked
    scope = await org.scopes.of(database, caller, org.world.clock)
    place = await _resumed(org, database, caller, token, scope) if token else None
    if place is None:
        await org.scopes.caps.check(database, caller, scope, scope.objects)
    start = place.checkpoint if place else seal_checkpoint(org, caller, await present_checkpoint(org, database, scope))
    await org.scopes.keep(scope, org.world.clock.now())
    names = scope.objects
    total = sum((await try_out(database, scope, names)).values())
    yield encode_line(Begin(org.catalog.version, start, total, resumed=place is not None))
    until = org.world.clock.steady() + limits.REFRESH_STREAM_SECONDS
    for name in dropwhile(lambda n: place is not None and n != place.object, names):
        yield encode_line(Part(name, scope.wire_columns(name)))
        after = place.after if place is not None and name == place.object else ""
        async for block in database.copy_blocks(scope.rows_behind(name), limits.REFRESH_BLOCK_BYTES, after=after):
            yield rows_line(block)
            mark = Place(start, name, _last_id(block))
            yield encode_line(Mark(seal(org.mac_key, Purpose.REFRESH, caller, mark)))
            if org.world.clock.steady() > until:
                return
    yield encode_line(Done())


async def _resumed(org: Org, database: Database, caller: Caller, token: str, scope: Scope) -> Place | None:
    """Where to go on; None when that cannot be caught up from any more, so that everything has to come again."""
    try:
        place = unseal(org.mac_key, Purpose.REFRESH, caller, token, Place)
        began = await open_checkpoint(org, database, caller, place.checkpoint)
    except Refused as refused:
        if refused.problem.code not in (Code.BAD_CURSOR, Code.FORK):
            raise
        return None
    return place if began.binding == scope.recipe.hash else None


def _last_id(block: bytes) -> str:
    """The id in the last of these rows."""
    last: list[object] = msgspec.json.decode(block[block.rfind(b"\n", 0, -1) + 1 :])
    return str(last[1])
