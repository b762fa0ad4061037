"""Database refresh, the device's half: a new file is loaded beside the one people work in, caught up, and takes its
place (DESIGN 9).

Until the switch nobody sees anything of it, and saves go on. A stream that is cut is continued where it was, also by
another process; only the switch itself makes writers wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Refused
from fieldsync.device.merge.apply import Applied
from fieldsync.device.merge.carry import carry_over
from fieldsync.device.merge.image import Written, arranged
from fieldsync.device.store import meta
from fieldsync.device.store.fresh import Fresh
from fieldsync.device.store.meta import Key
from fieldsync.device.store.objects import ObjectTable, ObjectTables
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync import download as downloads
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.digest.parted import is_parted
from fieldsync.device.sync.download import Asked, Downloaded, Progress, RefreshNeeded
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.transport import Unreachable
from fieldsync.protocol import download as changes
from fieldsync.protocol.digest import Total
from fieldsync.protocol.refresh import Begin, Done, Line, Mark, Part, decode_line, decode_rows, is_rows
from fieldsync.protocol.rows import RecordRef

Merged = list[tuple[RecordRef, RecordId]]
"""Losers and winners."""
KEEP_BYTES = 16 * 1024 * 1024
"""A process that is killed loses at most about so much of the stream."""


def refresh(store: Store, calls: Calls, progress: Progress) -> Downloaded:
    """Load everything this device should hold into a new database, and switch to it.

    Raises Unreachable, Refused, CatalogMoved, RefreshNeeded; then nothing visible has changed.
    """
    with store.read() as work:
        forced = bool(meta.get(work, Key.STARTING_OVER))
        version = meta.get(work, Key.CATALOG_VERSION)
    fresh = store.fresh(version)
    summed = _Summed(since=fresh.token)
    try:
        while not fresh.complete:
            _Loading(fresh, store.tables, version, progress, summed).run(calls)
        reach("refresh.loaded")
        merged: Merged = []
        end = _catch_up(fresh, store.tables, calls, version, summed, merged)
        reach("refresh.caught_up")
        rows = fresh.rows
        applied = store.switch(fresh, _carrying(store.tables, end, merged, forced=forced))
        applied.written = Written(created=rows)
    finally:
        fresh.close()
    progress(rows, rows)
    brought = frozenset(t.type.name for t in store.tables)
    return Downloaded(rows, brought=brought, applied=applied, digest=end.digest, totals=summed.totals())


class _Summed:
    """What the rows come to that go into the file, so that they need not be read again to be proved. Of what another
    process put in, or what the catch-up touches, nothing is known."""

    def __init__(self, since: str | None) -> None:
        self._objects: dict[str, Total | None] = defaultdict(Total if since is None else _nothing)

    def begin(self) -> None:
        """The file is empty."""
        self._objects = defaultdict(Total)

    def add(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows that begin with stamp and id."""
        known = self._objects[name]
        if known is not None:
            self._objects[name] = known.with_rows(rows)

    def touch(self, name: str) -> None:
        """Some of an object's rows are others now."""
        self._objects[name] = None

    def totals(self) -> dict[str, Total]:
        """By object."""
        return {name: found for name, found in self._objects.items() if found is not None}


def _nothing() -> None:
    return None


class _Loading:
    """One stream on its way into the file."""

    def __init__(self, fresh: Fresh, tables: ObjectTables, version: str, progress: Progress, summed: _Summed) -> None:
        self._fresh, self._tables, self._version, self._progress = fresh, tables, version, progress
        self._summed = summed
        self._begun = False
        self._part: Part | None = None
        self._held: bytes | None = None
        self._total = 0
        self._unkept = 0

    def run(self, calls: Calls) -> None:
        """Read to the end of the stream. Raises Unreachable when it was cut; what had come in whole is kept."""
        before = self._fresh.token
        try:
            for raw in calls.lines("/sync/v1/refresh", resume=before):
                reach("refresh.line")
                if is_rows(raw) and self._held is None:
                    self._held = raw
                else:
                    self._take(_decoded(raw))
        finally:
            self._fresh.keep()
        if not self._fresh.complete and self._fresh.token == before:
            raise Unreachable("the refresh does not get on")

    def _take(self, line: Line) -> None:
        if self._begun is isinstance(line, Begin) or (self._held is not None and not isinstance(line, Mark)):
            raise Unreachable("the lines of the refresh are not in order")
        match line:
            case Begin():
                self._begin(line)
            case Part(object=name, columns=columns):
                if name not in self._tables or not self._tables[name].holds(columns):
                    raise CatalogMoved
                self._part = line
            case Mark(token=token):
                self._add(token)
            case Done():
                self._fresh.keep(complete=True)

    def _begin(self, line: Begin) -> None:
        if line.catalog_version != self._version:
            raise CatalogMoved
        if not line.resumed:
            if self._fresh.checkpoint is not None:
                self._fresh.restart()
            self._fresh.begin(line.checkpoint)
            self._summed.begin()
        self._total, self._begun = line.rows, True

    def _add(self, token: str) -> None:
        if self._part is None or self._held is None:
            raise Unreachable("a mark without rows")
        rows = _rows(self._held, self._part)
        self._fresh.add(self._tables[self._part.object], self._part.columns, rows, token)
        self._summed.add(self._part.object, rows)
        self._unkept += len(self._held)
        self._held = None
        reach("refresh.added")
        if self._unkept >= KEEP_BYTES:
            self._fresh.keep()
            self._unkept = 0
        self._progress(self._fresh.rows, max(self._total, self._fresh.rows))


def _decoded(raw: bytes) -> Line:
    try:
        return decode_line(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise Unreachable(f"a line that cannot be read: {bad}") from bad


def _rows(raw: bytes, part: Part) -> Sequence[Sequence[Any]]:
    try:
        return decode_rows(raw, part)
    except msgspec.DecodeError as bad:
        raise Unreachable(f"rows that cannot be read: {bad}") from bad


def _catch_up(
    fresh: Fresh, tables: ObjectTables, calls: Calls, version: str, summed: _Summed, merged: Merged
) -> changes.End:
    """Bring the file to one snapshot: what changed since its first row was read. `merged` takes what became what.

    The indexes are made while the server sums up what should be here.
    """
    checkpoint = fresh.checkpoint
    assert checkpoint is not None, "a stream begins with its checkpoint"
    try:
        changes_since = downloads.changes(Asked(digest=True, refreshed=True).lines(calls, checkpoint, None), version)
        fresh.make_indexes()
        reach("refresh.indexed")
        with fresh.write() as work:
            for line in changes_since:
                match line:
                    case changes.Rows(block=block) if block.object in tables:
                        table = tables[block.object]
                        summed.touch(block.object)
                        work.many(table.put, arranged(table, block))
                    case changes.Removed(gone=gone):
                        merged += [(RecordRef(g.object, g.id), g.into) for g in gone if g.into is not None]
                        for away in gone:
                            if away.object in tables and _removed(work, tables[away.object], away.id):
                                summed.touch(away.object)
                    case changes.End():
                        return line
    except (Refused, RefreshNeeded) as lost:
        if isinstance(lost, RefreshNeeded) or is_parted(lost):
            fresh.restart()  # it cannot be caught up from there any more
        raise
    raise AssertionError("changes end with End")


def _removed(work: Work, table: ObjectTable, record_id: str) -> bool:
    """Whether there was one to remove."""
    return bool(work.rows(f"DELETE FROM {table.name} WHERE Id = ? RETURNING Id", record_id))


def _carrying(tables: ObjectTables, end: changes.End, merged: Merged, *, forced: bool) -> Callable[[Work], Applied]:
    """What the new file gets of the old one, and where it stands."""

    def carry(work: Work) -> Applied:
        applied = carry_over(work, tables, forced=forced, merged=merged)
        downloads.stand(work, end)
        return applied

    return carry
