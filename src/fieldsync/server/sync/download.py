"""Downloads, the server's half: a stream of rows out of one snapshot, and where the device stands after it.

From a checkpoint only what the change log says was written since is looked at, so the cost is that of the changes.
What else decides what a device holds (rules, rights, territories, the date) stands in the checkpoint under its hash:
where it differs now, the difference of then and now is sent for the objects it concerns. Without a checkpoint all of
it is sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from fieldsync.base import limits
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.base.world import instant
from fieldsync.protocol.digest import Held, Repair
from fieldsync.protocol.download import End, Head, Removed, encode_line, encode_rows_line
from fieldsync.protocol.rows import Gone, encode_block
from fieldsync.protocol.session import Settings
from fieldsync.server.merge.aliases import all_readable, readable
from fieldsync.server.org.runtime import Org
from fieldsync.server.postgres.compiled import Statement
from fieldsync.server.postgres.work import Work as Database
from fieldsync.server.processor.clearing import wish
from fieldsync.server.save.batch import Caller
from fieldsync.server.scope.caps import try_out
from fieldsync.server.scope.delta.difference import Delta
from fieldsync.server.scope.scope import Scope
from fieldsync.server.sync.checkpoint import (
    Checkpoint,
    log_begins,
    open_checkpoint,
    present_checkpoint,
    seal_checkpoint,
)
from fieldsync.server.sync.digest.repair import ids_to_go, repairs, rows_to_send
from fieldsync.server.sync.digest.sums import digest_of
from fieldsync.server.sync.feed import Place, feed_position, read_through, seal_cursor
from fieldsync.server.sync.forcing.reload import owed_questions, reload_owed

Lines = AsyncGenerator[tuple[int, bytes], None]
"""How many rows a line holds, and the line."""


@dataclass(frozen=True)
class Asked:
    """What a device asks for beside its rows. `digest`: the sums at the end; `repair`: what it holds where its own
    sums differ."""

    digest: bool = False
    repair: Repair | None = None
    feed: str = ""
    """The last feed cursor it had."""
    refreshed: bool = False
    """It ends a database refresh."""

    @property
    def named_from(self) -> int | None:
        """The stamp from which the device names all its rows, because the server's history is another from there on."""
        return self.repair.named_from if self.repair else None

    def fed_through(self, org: Org, caller: Caller) -> int:
        """The stamp to which the device has read its feed. What it got of another history's is among what it names."""
        return read_through(org, caller, self.feed) if self.named_from is None else 0


ROWS_ALONE = Asked()


async def download(
    org: Org, database: Database, caller: Caller, token: str | None, asked: Asked = ROWS_ALONE
) -> AsyncGenerator[bytes, None]:
    """The lines of `protocol.download`. `database` is one snapshot. Raises Refused before the first line."""
    since = await open_checkpoint(org, database, caller, token, asked.named_from) if token else None
    position = await feed_position(org, database, caller)
    scope = await org.scopes.of(database, caller, org.world.clock)
    then = scope if since is None else await _scope_then(org, database, since, scope)
    if isinstance(then, Problem) and not (asked.digest and asked.named_from is None and _looks_same(since, scope)):
        raise Refused(then)
    now = await present_checkpoint(org, database, scope)
    held = repairs(scope, asked.repair) if asked.repair else ()
    if isinstance(then, Problem):
        lines, grown, anew = _nothing(), scope.objects, scope.objects
    elif since is None:
        lines, grown, anew = _everything(database, scope), scope.objects, scope.objects
    else:
        one = Difference(Delta(then, scope), caller, since, now, asked.fed_through(org, caller))
        stirred = await _stirred(org, database, one)
        lines, grown = _differences(org, database, one, stirred), _may_grow(one.delta, stirred)
        anew = _chosen_anew(one.delta)
    await org.scopes.caps.check(database, caller, scope, grown)
    await try_out(database, scope, anew)
    await org.scopes.keep(scope, org.world.clock.now())
    yield encode_line(Head(full=since is None, catalog_version=org.catalog.version, objects=scope.objects))
    count = repaired = 0
    async for rows, line in lines:
        count += rows
        yield line
    async for rows, line in _repaired(database, scope, held, now.xmax):
        repaired += rows
        yield line
    async for _, line in _merged(database, scope, now.xmax) if asked.refreshed else _nothing():
        yield line
    digest = await digest_of(scope, database) if asked.digest else None
    place = seal_checkpoint(org, caller, now), seal_cursor(org, caller, position, Place(now.nonce, now.xmax, now.day))
    database.ahead(*(() if asked.refreshed else owed_questions(org, caller)))
    clear, settings = await wish(org, database, caller)
    reload = None if asked.refreshed else await reload_owed(org, database, caller)
    untold, as_of = isinstance(then, Problem), instant(org.world.clock.now())
    yield encode_line(End(*place, count, as_of, digest, repaired, untold, clear, _told(org, settings, scope), reload))


def _told(org: Org, settings: Settings, scope: Scope) -> Settings:
    """Settings with what follows from the rules that count for this device, and from the org's logic."""
    cut, left = scope.cut, org.logic.rules_left
    files = {"files": cut.files, "attachments": cut.attachments, "texts": cut.texts}
    return msgspec.structs.replace(settings, one_way=cut.one_way, rules_left=left, **files)


async def _scope_then(org: Org, database: Database, since: Checkpoint, scope: Scope) -> Scope | Problem:
    """The scope a checkpoint was made in; why it is not known any more, where it is not."""
    if date.fromisoformat(since.day) < log_begins(org):
        return problem(Code.REFRESH_REQUIRED, reason="it has been away for longer than changes are kept")
    then = scope if since.binding == scope.recipe.hash else await org.scopes.past(database, since.binding)
    if then is None or not then.still_fits:
        return problem(Code.REFRESH_REQUIRED, reason="what it was to hold then is not known any more")
    return then


def _looks_same(since: Checkpoint | None, scope: Scope) -> bool:
    """Whether a row of the same version is the same: a comparison knows nothing else of it."""
    return since is not None and since.looks == scope.recipe.looks


async def _nothing() -> Lines:
    """What changed cannot be told: the digest at the end says what differs."""
    for line in list[tuple[int, bytes]]():
        yield line


async def _everything(database: Database, scope: Scope) -> Lines:
    for name in scope.objects:
        async for found in _blocks(scope, name, database.stream(scope.rows_behind(name), after="")):
            yield found


async def _repaired(database: Database, scope: Scope, asked: tuple[Held, ...], stamp: int) -> Lines:
    """What a device that differs has to get; rows and removals are counted."""
    for held in asked:
        async for found in _blocks(scope, held.object, rows_to_send(scope, database, held)):
            yield found
        gone = await ids_to_go(scope, database, held, stamp)
        if gone:
            yield len(gone), encode_line(Removed(tuple(gone)))


async def _merged(database: Database, scope: Scope, stamp: int) -> Lines:
    """What became what before a refresh: what a device had then, and keeps, may name records that are no more."""
    for name in scope.objects:
        async for found in all_readable(scope, database, name):
            gone = (Gone(name, RecordId(loser), stamp, True, winner) for loser, winner in found.items())
            yield len(found), encode_line(Removed(tuple(gone)))


async def _blocks(scope: Scope, name: str, wire_rows: AsyncIterator[bytes]) -> Lines:
    rows: list[bytes] = []
    async for row in wire_rows:
        rows.append(row)
        if len(rows) == limits.DOWNLOAD_CHUNK_ROWS:
            yield _block(scope, name, rows)
            rows = []
    if rows:
        yield _block(scope, name, rows)


def _block(scope: Scope, name: str, rows: list[bytes]) -> tuple[int, bytes]:
    return len(rows), encode_rows_line(encode_block(name, scope.wire_columns(name), rows))


@dataclass(frozen=True)
class Difference:
    """One incremental download: between which scopes and which checkpoints, for whom."""

    delta: Delta
    caller: Caller
    since: Checkpoint
    now: Checkpoint
    fed_through: int = 0
    """The stamp to which this device has read its feed."""

    @property
    def place(self) -> dict[str, Any]:
        """The snapshot since which changes count, as statements take it."""
        earliest = date.fromisoformat(self.since.day) - timedelta(days=1)
        return {
            "xmin": self.since.xmin,
            "xmax": self.since.xmax,
            "running": list(self.since.running),
            "since": earliest,
            "until": date.fromisoformat(self.now.day) + timedelta(days=1),
        }

    def placed(self, statement: Statement) -> dict[str, Any]:
        """What a statement takes of it."""
        return {key: value for key, value in self.place.items() if key in statement.given}


async def _stirred(org: Org, database: Database, one: Difference) -> frozenset[str]:
    """Objects with changes."""
    asked = org.read.stirred
    return frozenset(
        name for (name,) in await database.rows(asked, objects=list(org.catalog.objects), **one.placed(asked))
    )


def _may_grow(delta: Delta, stirred: frozenset[str]) -> tuple[str, ...]:
    """Objects of which the device may be to have more rows, or may have fewer, than at its checkpoint."""
    if delta.then.recipe.hash != delta.now.recipe.hash:
        return delta.now.objects
    return tuple(name for name in delta.now.objects if delta.looks_at(name) & stirred)


def _chosen_anew(delta: Delta) -> tuple[str, ...]:
    """Objects whose rows are all looked at, because what chooses them is not as it was."""
    return tuple(name for name in delta.now.objects if not delta.is_same(name))


async def _differences(org: Org, database: Database, one: Difference, stirred: frozenset[str]) -> Lines:
    delta = one.delta
    fed = await _fed_objects(org, database, one)
    for name in org.catalog.objects:
        if name in delta.now.cut.chosen:
            async for found in _changed(database, one, name, delta.looks_at(name) & stirred):
                yield found
        if name in delta.then.cut.chosen or name in fed:
            async for found in _removed(database, one, name, delta.looks_at(name) & stirred, fed=name in fed):
                yield found


async def _changed(database: Database, one: Difference, name: str, stirred: frozenset[str]) -> Lines:
    if not stirred and one.delta.is_same(name):
        return
    statement = await one.delta.changed(name, stirred)  # asks for no place where every row looks different now
    async for found in _blocks(one.delta.now, name, database.stream(statement, **one.placed(statement))):
        yield found


async def _removed(database: Database, one: Difference, name: str, stirred: frozenset[str], *, fed: bool) -> Lines:
    if not stirred and not fed and one.delta.is_same(name):
        return
    statement = await one.delta.removed(name, stirred)
    given = {"user": one.caller.user_id, "fed_through": one.fed_through, **one.place}
    rows = await database.rows(statement, **given)
    for start in range(0, len(rows), limits.DOWNLOAD_CHUNK_ROWS):
        chunk = rows[start : start + limits.DOWNLOAD_CHUNK_ROWS]
        into = await readable(one.delta.now, database, name, [i for i, deleted, _ in chunk if deleted])
        gone = (Gone(name, i, max(stamp, one.now.xmax), deleted, into.get(i)) for i, deleted, stamp in chunk)
        yield 0, encode_line(Removed(tuple(gone)))


async def _fed_objects(org: Org, database: Database, one: Difference) -> frozenset[str]:
    """Objects of which the person's feed may have brought rows since: those it named, and the families of roots."""
    rows = await database.rows(org.read.fed, user=one.caller.user_id, **one.place)
    families = org.catalog.families
    found = {name for name, _ in rows}
    for _, root in rows:
        found.update(families[root].members if root in families else ())
    return frozenset(found & org.catalog.objects.keys())
