"""What is due now, and doing it: the one piece of network work a step is. Uploads first, then news.

Nothing here waits or starts a thread. `step` says when it wants to be called again; the background thread and the
simulator both follow that.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused, problem
from fieldsync.base.version import VERSION
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.merge import view as views
from fieldsync.device.merge.apply import Applied
from fieldsync.device.queue import backoff
from fieldsync.device.status import report as reports
from fieldsync.device.status.report import SyncKind, SyncReport
from fieldsync.device.store import meta
from fieldsync.device.store.meta import Key
from fieldsync.device.store.store import Store
from fieldsync.device.sync import download as downloads
from fieldsync.device.sync import feed, fork, upload
from fieldsync.device.sync.account import read_settings
from fieldsync.device.sync.calls import Calls
from fieldsync.device.sync.session import fetch_catalog
from fieldsync.device.sync.settle import Settled
from fieldsync.device.transport import Unreachable
from fieldsync.protocol.rows import RecordRef

SINGLE = 1


@dataclass(frozen=True)
class Stepped:
    """What a step did. `again`: seconds until the next is due; None when nothing is."""

    again: float | None
    changed: tuple[RecordRef, ...] = ()
    waiting: tuple[RecordRef, ...] = ()
    queue_changed: bool = False
    refused: tuple[int, ...] = ()


class Engine:
    """The network work of one store. One piece at a time: `network` guards it, the store's lock does not."""

    def __init__(self, store: Store, calls: Calls, numbers: Numbers, world: World) -> None:
        self._store, self._calls, self._numbers, self._world = store, calls, numbers, world
        self.network = threading.Lock()
        self.online = True
        self.reachable = True
        self.news = True
        self.stream_healthy_until = 0.0
        self._poll_at = 0.0
        self._failures = 0
        self._suspect = False

    @property
    def ready(self) -> bool:
        """Signed in, with a data model, and not in flight mode."""
        return self.online and self._calls.signed_in and self._store.has_catalog

    def step(self) -> Stepped:
        """One piece of work. Network failures are not errors: they only put off the next step."""
        with self.network:
            freed = self._end_views()
            if not self.ready:
                return Stepped(None, changed=freed)
            now_ms = unix_ms(self._world.clock.now())
            with self._store.read() as work:
                upload_due = upload.due_in(work, now_ms)
            if upload_due == 0.0:
                return self._upload(freed)
            if self._feed_due():
                return self._read_feed(freed)
            return Stepped(self._next(upload_due), changed=freed)

    def _next(self, upload_due: float | None) -> float:
        waits = [self._poll_at - self._world.clock.steady()]
        if upload_due is not None:
            waits.append(upload_due)
        return max(0.0, min(waits))

    def _feed_due(self) -> bool:
        steady = self._world.clock.steady()
        return self.news or steady >= self._poll_at

    def _end_views(self) -> tuple[RecordRef, ...]:
        """Give back records of pages that crashed."""
        with self._store.read() as work:
            ended = views.ended_views(work, unix_ms(self._world.clock.now()))
        if not ended or not self._store.has_catalog:
            return ()
        with self._store.write() as work:
            return tuple(views.close_views(work, self._store.tables, ended))

    def _upload(self, freed: tuple[RecordRef, ...]) -> Stepped:
        records = SINGLE if self._suspect else limits.UPLOAD_BATCH_RECORDS_MAX
        batch = upload.take_batch(self._store, self._numbers, records_max=records)
        if batch.empty:
            return Stepped(0.0, changed=freed)
        try:
            done = upload.send(self._store, self._calls, self._numbers, batch)
            if done.fork_at is not None:
                fork.take_new_number(self._store, self._calls, self._numbers, done.fork_at)
        except Unreachable as error:
            return self._put_off(error, freed)
        except Refused as error:
            return self._upload_refused(error, batch, freed)
        self._went_through()
        self._suspect = False
        return self._told(done.settled, 0.0, freed, queue_changed=True)

    def _upload_refused(self, error: Refused, batch: upload.Batch, freed: tuple[RecordRef, ...]) -> Stepped:
        """A request that the server will not read is sent entry by entry, until the one it means is found."""
        if not upload.is_poison(error) or not batch.entries:
            return self._put_off(error, freed)
        if len(batch.entries) > 1:
            self._suspect = True
            return Stepped(0.0, changed=freed)
        upload.fail_alone(self._store, batch.entries[0], error)
        self._suspect = False
        return Stepped(0.0, changed=freed, queue_changed=True, refused=(batch.entries[0].n,))

    def _read_feed(self, freed: tuple[RecordRef, ...]) -> Stepped:
        self.news = False
        try:
            fed = feed.read_page(self._store, self._calls, instant(self._world.clock.now()))
        except (Unreachable, Refused) as error:
            return self._put_off(error, freed)
        self._went_through()
        poll = fed.poll_seconds if fed else float(limits.POLL_SECONDS)
        self._poll_at = self._world.clock.steady() + self._poll_wait(poll)
        if fed is None:
            return Stepped(self._poll_at - self._world.clock.steady(), changed=freed)
        self.news = self.news or fed.more
        return self._told(fed.settled, 0.0 if self.news else poll, freed, queue_changed=fed.settled.decided > 0)

    def _poll_wait(self, poll: float) -> float:
        """While the event stream is healthy it tells; polling is only the fallback."""
        healthy = self.stream_healthy_until - self._world.clock.steady()
        return max(poll, healthy)

    def _told(self, settled: Settled, again: float, freed: Iterable[RecordRef], *, queue_changed: bool) -> Stepped:
        applied: Applied = settled.applied
        changed = tuple(dict.fromkeys((*freed, *applied.changed)))
        return Stepped(again, changed, tuple(applied.waiting), queue_changed, tuple(settled.refused))

    def _went_through(self) -> None:
        self.reachable, self._failures = True, 0

    def _put_off(self, error: Unreachable | Refused, freed: tuple[RecordRef, ...]) -> Stepped:
        """Nobody answered, or the server asked to wait."""
        self.reachable = isinstance(error, Refused)
        self._failures += 1
        asked = error.retry_after_seconds if isinstance(error, Refused) else None
        wait = backoff.wait_seconds(self._failures, self._world.chance, asked=asked)
        self._poll_at = self._world.clock.steady() + wait
        upload.postpone(self._store, self._world, error)
        return Stepped(wait, changed=freed)

    def hurry(self) -> None:
        """The network is back: nothing waits for its time."""
        with self._store.write() as work:
            upload.retry_now(work)
        self._poll_at, self._failures, self.news = 0.0, 0, True

    def sync(self, kind: SyncKind, progress: downloads.Progress) -> tuple[SyncReport, list[Stepped]]:
        """Upload all that waits, then download. Raises Refused(OFFLINE, BUSY, ...)."""
        if not self.network.acquire(blocking=False):
            self.network.acquire()
        try:
            return self._sync(kind, progress)
        finally:
            self.network.release()

    def _sync(self, kind: SyncKind, progress: downloads.Progress) -> tuple[SyncReport, list[Stepped]]:
        if not self._calls.signed_in:
            raise Refused(problem(Code.AUTH))
        if not self.online:
            raise Refused(problem(Code.OFFLINE))
        with self._store.write() as work:
            report = reports.begin(work, kind, instant(self._world.clock.now()), VERSION)
        steps: list[Stepped] = []
        try:
            steps = self._drain()
            found = self._download(progress)
        except Unreachable:
            self._end(report, Refused(problem(Code.OFFLINE)))
            raise Refused(problem(Code.OFFLINE)) from None
        except Refused as refused:
            self._end(report, refused)
            raise
        self._went_through()
        steps.append(Stepped(0.0, changed=tuple(found.applied.changed), waiting=tuple(found.applied.waiting)))
        return self._end(report, None, rows=found.rows, removed=found.removed), steps

    def _drain(self) -> list[Stepped]:
        """Upload before download (FEATURES E02). Refusals of saves do not stop it; a lost network does."""
        steps: list[Stepped] = []
        with self._store.write() as work:
            upload.retry_now(work)
            left = upload.waiting(work)
        while left:
            stepped = self._upload(())
            steps.append(stepped)
            with self._store.read() as work:
                left = upload.waiting(work)
            if stepped.again:
                raise Unreachable("the upload did not get through")
        return steps

    def _download(self, progress: downloads.Progress) -> downloads.Downloaded:
        for _ in range(3):
            try:
                return downloads.download(self._store, self._calls, self._world.clock, progress)
            except downloads.CatalogMoved:
                fetch_catalog(self._store, self._calls)
            except Refused as refused:
                if not downloads.is_fork(refused):
                    raise
                downloads.start_over(self._store)
        raise Refused(problem(Code.BUSY))

    def _end(self, report: SyncReport, refused: Refused | None, *, rows: int = 0, removed: int = 0) -> SyncReport:


        done = msgspec.structs.replace(
            report,
            ended_at=instant(self._world.clock.now()),
            successful=refused is None,
            download_processed=refused is None,
            rows_received=rows,
            rows_removed=removed,
            problem=None if refused is None else refused.problem,
        )
        with self._store.write() as work:
            reports.keep(work, done)
            settings = read_settings(work)
            if refused is None:
                meta.put(work, Key.INCREMENTAL_REQUIRED, None)
        self._poll_at = self._world.clock.steady() + settings.poll_seconds
        return done
