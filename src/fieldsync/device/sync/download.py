"""Download, the device's half: rows are staged as they come, and become visible only when the stream was whole.

Then they are applied in slices of families, each a short transaction; checkpoint and feed cursor move with the last.
A stream that was cut, or a process that was killed, leaves what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import Clock
from fieldsync.device.merge.apply import Applied
from fieldsync.device.merge.bulk import apply_slice, families, find_roots, next_slice
from fieldsync.device.merge.image import arranged
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.staging import Staging
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.download import End, Head, Line, Removed, Rows, decode_line

WRITING_SECONDS_MAX = 0.05
"""How long one slice may hold the writing connection; the size of slices follows it."""
SLICE_ROOTS_FIRST, SLICE_ROOTS_MIN, SLICE_ROOTS_MAX = 200, 20, 5_000

Progress = Callable[[int, int], None]
"""Told rows done and rows in all (0: not known yet)."""


@dataclass
class Downloaded:
    """What a download brought."""

    full: bool
    rows: int = 0
    removed: int = 0
    brought: frozenset[str] = frozenset()
    """Objects of which something came; all of them after a full download."""
    as_of: str | None = None
    applied: Applied = field(default_factory=Applied)


def download(store: Store, calls: Calls, clock: Clock, progress: Progress, *, full: bool = False) -> Downloaded:
    """Fetch and apply what this device should hold: all of it without a checkpoint, or what changed since.

    Raises Unreachable, Refused, CatalogMoved; then nothing visible has changed.
    """
    with store.read() as work:
        checkpoint = None if full else meta.get(work, Key.CHECKPOINT)
        forced = bool(meta.get(work, Key.STARTING_OVER))
        version = meta.get(work, Key.CATALOG_VERSION)
    staging = Staging(store)
    try:
        head, end, removed = _receive(store, calls.lines("/sync/v1/download", checkpoint=checkpoint), staging, version)
        staging.finish(store.tables)
    except BaseException:
        staging.drop()
        raise
    reach("download.staged")
    brought = {t.type.name for t in store.tables} if head.full else staging.brought
    found = Downloaded(head.full, staging.rows, removed, frozenset(brought), end.as_of)
    with store.attached_staging():
        _apply(store, clock, progress, found, forced=forced and head.full, end=end)
    reach("download.applied")
    return found


def start_over(store: Store) -> None:
    """The server's history is not the one this device stood in: the next download brings everything (DESIGN 5)."""
    with store.write() as work:
        meta.put(work, Key.CHECKPOINT, None)
        meta.put(work, Key.STARTING_OVER, 1)


def is_fork(error: Refused) -> bool:
    """Whether the checkpoint leads nowhere any more."""
    return error.problem.code in (Code.FORK, Code.BAD_CURSOR)


def _receive(store: Store, lines: Iterator[bytes], staging: Staging, version: str | None) -> tuple[Head, End, int]:
    """Stage a whole stream. Raises Unreachable when it was cut or cannot be read."""
    head: Head | None = None
    removed = 0
    for raw in lines:
        reach("download.line")
        match _decoded(raw):
            case Head() as first:
                head = first
                if first.catalog_version != version:
                    raise CatalogMoved
            case Rows(block=block) if block.object in store.tables:
                staging.add_rows(store.tables[block.object], arranged(store.tables[block.object], block))
            case Removed(gone=gone):
                staging.add_gone((g.object, g.id, g.stamp, g.deleted) for g in gone)
                removed += len(gone)
            case End() as last:
                if head is None:
                    break
                return head, last, removed
    raise Unreachable("the download was cut")


def _decoded(raw: bytes) -> Line:
    try:
        return decode_line(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise Unreachable(f"a line that cannot be read: {bad}") from bad


def _apply(store: Store, clock: Clock, progress: Progress, found: Downloaded, *, forced: bool, end: End) -> None:
    with store.write() as work:
        find_roots(work, store.tables)
        work.run("DELETE FROM _partial")
    chosen = [f for f in families(store.tables) if found.brought & {t.type.name for t in f}]
    for done, family in enumerate(chosen, 1):
        above: str | None = ""
        roots = SLICE_ROOTS_FIRST
        while above is not None:
            began = clock.steady()
            with store.write() as work:
                part = next_slice(work, family, above, roots, full=found.full)
                applied = apply_slice(work, store.tables, part, full=found.full, forced=forced)
            found.applied.changed.update(applied.changed)
            found.applied.waiting.update(applied.waiting)
            roots = next_size(roots, clock.steady() - began)
            above = part.through
        progress(found.rows * done // len(chosen), found.rows)
    with store.write() as work:
        _move(work, end)
        reach("download.before_commit")
    progress(found.rows, found.rows)


def next_size(roots: int, seconds: float) -> int:
    """How many families the next slice may hold, so that it stays within its time. Pure."""
    if seconds > WRITING_SECONDS_MAX:
        return max(roots // 2, SLICE_ROOTS_MIN)
    if seconds < WRITING_SECONDS_MAX / 4:
        return min(roots * 2, SLICE_ROOTS_MAX)
    return roots


def _move(work: Work, end: End) -> None:
    meta.put(work, Key.CHECKPOINT, end.checkpoint)
    meta.put(work, Key.FEED_CURSOR, end.feed_cursor)
    meta.put(work, Key.AS_OF, end.as_of)
    meta.put(work, Key.INCREMENTAL_REQUIRED, None)
    meta.put(work, Key.STARTING_OVER, None)
