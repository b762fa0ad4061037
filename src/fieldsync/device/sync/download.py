"""Incremental download, the device's half: what comes is shown only when the stream was whole.

A few rows are held in memory and applied in one transaction. More are staged in a file of their own, then applied in
slices of families, each a short transaction; checkpoint and feed cursor move with the last. A stream that was cut, or
a process that was killed, leaves what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from fieldsync.base.faults import reach
from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import Clock
from fieldsync.device.merge.apply import Applied, apply
from fieldsync.device.merge.bulk import SLICE_ROOTS_FIRST, apply_slice, families, find_roots, next_size, next_slice
from fieldsync.device.merge.free import free_left
from fieldsync.device.merge.image import arranged, images_of
from fieldsync.device.merge.manifest import no_more_partial
from fieldsync.device.merge.merged import follow_merges
from fieldsync.device.queue import lost
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.staging import Staging
from fieldsync.device.store.store import Store
from fieldsync.device.store.work import Work
from fieldsync.device.sync.account import keep_wishes
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.digest.agreement import keep_agreement
from fieldsync.device.sync.feed import move_cursor
from fieldsync.device.sync.session import CatalogMoved
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.digest import Digest, Repair, Total
from fieldsync.protocol.download import End, Head, Line, Removed, Rows, decode_line
from fieldsync.protocol.rows import RecordRef

FEW_BYTES = 300_000
"""What is read before a download is staged: some hundred rows, which one short transaction takes."""

Progress = Callable[[int, int], None]
"""Told rows done and rows in all (0: not known yet)."""


class RefreshNeeded(Exception):
    """What changed since the checkpoint cannot be told: everything has to come anew. `forced`: an admin wants that."""

    def __init__(self, *, forced: bool = False) -> None:
        super().__init__(forced)
        self.forced = forced


@dataclass
class Downloaded:
    """What a download brought."""

    rows: int = 0
    brought: frozenset[str] = frozenset()
    """Objects of which something came; all of them after a refresh."""
    applied: Applied = field(default_factory=Applied)
    digest: Digest | None = None
    """What the device is to hold now, where it asked for that."""
    repaired: int = 0
    """Rows that came or went because the digest differed."""
    totals: Mapping[str, Total] = field(default_factory=dict)
    """By stamp, of the objects whose rows all came in one piece: they need not be read again to be summed up."""
    untold: bool = False
    """What changed could not be told: the digest has to find it."""
    forced: bool = False
    """Everything came anew because an admin wants that."""

    def add(self, more: Downloaded) -> None:
        """What a repair brought; its digest takes the place of this one."""
        self.rows += more.rows
        self.brought |= more.brought
        self.applied.add(more.applied)
        self.digest, self.repaired, self.totals = more.digest, self.repaired + more.repaired, more.totals


@dataclass(frozen=True)
class Asked:
    """What is asked for beside the news: the digest of everything, or the repair of what differs, with the digest."""

    digest: bool = False
    repair: Repair | None = None
    refreshed: bool = False
    """It ends a database refresh."""

    def lines(self, calls: Calls, checkpoint: str, feed: str | None) -> Iterator[bytes]:
        """The stream. `feed`: the last cursor of it."""
        if self.repair is not None:
            return calls.lines("/sync/v1/digest", self.repair)
        digest, anew = ("1" if told else None for told in (self.digest, self.refreshed))
        path = "/sync/v1/download"
        return calls.lines(path, checkpoint=checkpoint, feed=feed, digest=digest, anew=anew)


NEWS_ALONE = Asked()


def download(store: Store, calls: Calls, clock: Clock, progress: Progress, asked: Asked = NEWS_ALONE) -> Downloaded:
    """Fetch and apply what changed since the store's checkpoint.

    Raises Unreachable, Refused, CatalogMoved, RefreshNeeded; then nothing visible has changed.
    """
    with store.read() as work:
        checkpoint = meta.get(work, Key.CHECKPOINT)
        version, feed = meta.get(work, Key.CATALOG_VERSION), meta.get(work, Key.FEED_READ)
    if checkpoint is None:
        raise RefreshNeeded
    lines, forced = changes(asked.lines(calls, checkpoint, feed), version), asked.repair is not None
    read: list[Rows | Removed] = []
    end = _read_few(lines, read)
    if end is not None:
        found = _take_few(store, read, end, forced=forced)
        progress(found.rows, found.rows)
    else:
        found = _take_many(store, clock, progress, chain(read, lines), forced=forced)
    reach("download.applied")
    return found


def _read_few(lines: Iterator[Rows | Removed | End], read: list[Rows | Removed]) -> End | None:
    """Read until the end, or until it is more than a few; then None."""
    size = 0
    for line in lines:
        if isinstance(line, End):
            return line
        read.append(line)
        size += len(bytes(line.block.rows)) if isinstance(line, Rows) else 100 * len(line.gone)
        if size > FEW_BYTES:
            return None
    raise AssertionError("changes end with End")


def _take_few(store: Store, read: Sequence[Rows | Removed], end: End, *, forced: bool) -> Downloaded:
    """Everything at once."""
    gone = [away for line in read if isinstance(line, Removed) for away in line.gone]
    images = images_of(store.tables, [line.block for line in read if isinstance(line, Rows)], gone)
    rows = sum(image.row is not None for image in images)
    reach("download.staged")
    with store.write() as work:
        no_more_partial(work)
        applied = apply(work, store.tables, images, forced=forced, counted=True)
        applied.changed.update(dict.fromkeys(free_left(work, store.tables)))
        stand(work, end)
        reach("download.before_commit")
    brought = frozenset(image.ref.object for image in images)
    return Downloaded(rows, brought, applied, end.digest, end.repaired, untold=end.untold)


def _take_many(
    store: Store, clock: Clock, progress: Progress, lines: Iterator[Rows | Removed | End], *, forced: bool
) -> Downloaded:
    staging = Staging(store)
    try:
        end, _ = receive(store, lines, staging, progress)
        staging.finish(store.tables)
    except BaseException:
        staging.drop()
        raise
    reach("download.staged")
    brought = frozenset(staging.brought)
    found = Downloaded(staging.rows, brought, digest=end.digest, repaired=end.repaired, untold=end.untold)
    if staging.merged:
        with store.write() as work:
            follow_merges(work, store.tables, staging.merged)
    with store.attached_staging():
        apply_staged(store, clock, progress, found, forced=forced)
        with store.write() as work:
            stand(work, end)
            reach("download.before_commit")
    progress(found.rows, found.rows)
    return found


def changes(stream: Iterator[bytes], version: str) -> Iterator[Rows | Removed | End]:
    """What changed since the checkpoint, `End` last; the server is asked, and has begun to answer, when this returns.

    Raises CatalogMoved, RefreshNeeded; here and while it is read, Unreachable when the stream was cut or is unreadable.
    """
    lines = (_decoded(raw) for raw in stream)
    try:
        head = next(lines, None)
    except Refused as refused:
        if refused.problem.code is Code.REFRESH_REQUIRED:
            raise RefreshNeeded(forced=bool(refused.problem.details.get("forced"))) from None
        raise
    if not isinstance(head, Head):
        raise Unreachable("the download was cut")
    if head.catalog_version != version:
        raise CatalogMoved
    if head.full:
        raise RefreshNeeded
    return _until_end(lines)


def _until_end(lines: Iterator[Line]) -> Iterator[Rows | Removed | End]:
    for line in lines:
        reach("download.line")
        if isinstance(line, Head):
            break
        if isinstance(line, End):
            with suppress(Unreachable):
                next(lines, None)  # an answer that is read to its end leaves a connection for the next request
            yield line
            return
        yield line
    raise Unreachable("the download was cut")


def _decoded(raw: bytes) -> Line:
    try:
        return decode_line(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise Unreachable(f"a line that cannot be read: {bad}") from bad


def receive(
    store: Store, lines: Iterator[Rows | Removed | End], staging: Staging, progress: Progress
) -> tuple[End, int]:
    """Stage a whole stream."""
    removed = 0
    for line in lines:
        match line:
            case Rows(block=block) if block.object in store.tables:
                staging.add_rows(store.tables[block.object], arranged(store.tables[block.object], block))
                progress(staging.rows, 0)
            case Removed(gone=gone):
                staging.add_gone((g.object, g.id, g.stamp, g.deleted) for g in gone)
                staging.merged += [(RecordRef(g.object, g.id), g.into) for g in gone if g.into is not None]
                removed += len(gone)
            case End():
                return line, removed
    raise AssertionError("changes end with End")


def apply_staged(
    store: Store,
    clock: Clock,
    progress: Progress,
    found: Downloaded,
    *,
    asked_for: Iterable[RecordId] | None = None,
    forced: bool = False,
) -> None:
    """Make the rows of the attached file the rows, in slices; `found` says what it holds, and takes what changed.

    `asked_for`: the families that were partial when it was asked for; None: all that are.
    """
    with store.write() as work:
        find_roots(work, store.tables)
        no_more_partial(work, asked_for)
    chosen = [f for f in families(store.tables) if found.brought & {t.type.name for t in f}]
    for done, family in enumerate(chosen, 1):
        above: str | None = ""
        roots = SLICE_ROOTS_FIRST
        while above is not None:
            began = clock.steady()
            with store.write() as work:
                part = next_slice(work, family, above, roots)
                applied = apply_slice(work, store.tables, part, forced=forced)
            found.applied.add(applied)
            roots = next_size(roots, clock.steady() - began)
            above = part.through
        progress(found.rows * done // len(chosen), found.rows)
    with store.write() as work:
        found.applied.changed.update(dict.fromkeys(free_left(work, store.tables)))


def stand(work: Work, end: End, *, feed_goes_on: bool = False) -> None:
    """The device has everything up to here. `feed_goes_on`: of the feed it has read more than that already."""
    meta.put(work, Key.CHECKPOINT, end.checkpoint)
    if not feed_goes_on or meta.get(work, Key.FEED_CURSOR) is None:
        move_cursor(work, end.feed_cursor)
    meta.put(work, Key.AS_OF, end.as_of)
    meta.put(work, Key.INCREMENTAL_REQUIRED, None)
    meta.put(work, Key.STARTING_OVER, None)
    lost.heard_of_all(work)
    if end.untold:
        keep_agreement(work, None)  # until the comparison was made, nothing is proved (law L12)
    meta.put(work, Key.CLEARING, end.clear)
    keep_wishes(work, end.settings, end.reload)
