"""What is due now, and doing it: the one piece of network work a step is. Uploads first, then news.

Nothing here waits or starts a thread. `step` says when it wants to be called again; the background thread and the
simulator both follow that.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

from fieldsync.base import limits
from fieldsync.base.problems import Code, Refused
from fieldsync.base.world import World, instant, unix_ms
from fieldsync.device.edit.numbers import Numbers
from fieldsync.device.merge import view as views
from fieldsync.device.queue import backoff
from fieldsync.device.queue.at_once import AtOnce
from fieldsync.device.status.log import Level, Log, refusals
from fieldsync.device.status.report import SyncReport
from fieldsync.device.status.reporting import Reporting
from fieldsync.device.status.tracking import tell_tracking
from fieldsync.device.status.widget import Phase
from fieldsync.device.store.store import Store
from fieldsync.device.sync import feed, upload
from fieldsync.device.sync.calls import Calls, Restored
from fieldsync.device.sync.names import learn_names
from fieldsync.device.sync.nonblocking.prepared import Preparing
from fieldsync.device.sync.orders import orders
from fieldsync.device.sync.sending.foreground import Foreground
from fieldsync.device.sync.sending.sender import Sender
from fieldsync.device.sync.session import CatalogMoved, fetch_catalog
from fieldsync.device.sync.settle import Stepped
from fieldsync.device.transport import Logged, Unreachable

_ORDERING = frozenset({Code.AUTH, Code.DEVICE_WIPE})
STREAM_POLL_SECONDS = 3_600.0
"""While the event stream is open it tells; a poll this rare only guards against a server that forgot."""


@dataclass
class Running:
    """What is going on right now, for the widget: (done, in all) each way."""

    active: bool = False
    up: tuple[int, int] = (0, 0)
    down: tuple[int, int] = (0, 0)
    phase: Phase | None = None


class Engine:
    """The network work of one store. One piece at a time: `network` guards it, the store's lock does not."""

    def __init__(self, store: Store, calls: Calls, numbers: Numbers, world: World) -> None:
        self.store, self.calls, self.numbers, self.world = store, calls, numbers, world
        self.log = Log(store, world.clock)
        calls.transport = logged = Logged(calls.transport, self.log.request, world.clock)
        self.network = threading.Lock()
        self.turn = threading.Lock()
        """Held by the one sync that a person started."""
        self.canceled = threading.Event()
        self.running, self.preparing = Running(), Preparing()
        self.foreground = Foreground(world.clock)
        self.reporting = Reporting(store, self.log, world.clock, self.foreground, lambda: logged.carried)
        self.online = self.news = True
        self.stream_open = False
        self.woken, self.taken = threading.Event(), threading.Event()
        """Something may be due; what was brought was looked at, and told."""
        self._brought: feed.Brought | None = None
        self._ordered = store.has_catalog and not calls.signed_in
        self._untold = False
        self._poll_at = world.clock.steady()
        self._failures = 0
        self._hurried = False
        self.at_once = AtOnce(lambda: self.online and self.stream_open)
        self._sender = Sender(store, calls, numbers, lambda: self.online, self.at_once)
        self._model_moved = False

    def set_online(self, *, online: bool) -> None:
        """Begin or end flight mode. What is saved after it began is not sent: a batch is taken under the same lock."""
        with self.store.write():
            self.online = online

    @property
    def ready(self) -> bool:
        """Signed in, with a data model, and not in flight mode."""
        return self.online and self.calls.signed_in and self.store.has_catalog

    def now(self) -> str:
        """The device's time, as text."""
        return instant(self.world.clock.now())

    def step(self) -> Stepped:
        """One piece of work. Network failures are not errors: they only put off the next step."""
        with self.network:
            did, self._hurried = Stepped(), False
            self.store.tidy()
            self._end_views(did)
            if self._ordered and self.online and self.world.clock.steady() >= self._poll_at:
                self._follow_orders(did)
            if did.emptying is not None or not self.ready:
                self.reporting.keep()
                did.again = self._next_unready()
                return did
            with self.store.read() as work:
                upload_due = upload.due_in(work, unix_ms(self.world.clock.now()))
            if upload_due == 0.0:
                self._upload(did)
                self.reporting.keep()
            elif self.news or self.world.clock.steady() >= self._poll_at:
                self._read_feed(did)  # somebody may wait to see it
            else:
                self._tell()
                self.reporting.keep()
            did.again = self._next()
            return did

    def _tell(self) -> None:
        """What is for times in which nothing else is due."""
        if self._untold:
            now = self.world.clock.now()
            self._untold = tell_tracking(self.store, self.calls, now)
            if not self._untold:
                learn_names(self.store, self.calls, now)

    def _next(self) -> float:
        with self.store.read() as work:
            upload_due = upload.due_in(work, unix_ms(self.world.clock.now()))
        waits = [0.0 if self.news or self._untold else self._poll_at - self.world.clock.steady()]
        waits += [wait for wait in (upload_due, self._next_view_end()) if wait is not None]
        return max(0.0, min(waits))

    def _next_unready(self) -> float | None:
        """Without a session views end, and what an admin wants of this device is asked for."""
        orders = max(0.0, self._poll_at - self.world.clock.steady()) if self._ordered and self.online else None
        return min((wait for wait in (orders, self._next_view_end()) if wait is not None), default=None)

    def _next_view_end(self) -> float | None:
        with self.store.read() as work:
            ends = views.next_end_ms(work)
        return None if ends is None else max(0.0, (ends - unix_ms(self.world.clock.now())) / 1000)

    def _end_views(self, did: Stepped) -> None:
        """Give back records of pages that crashed."""
        if not self.store.has_catalog:
            return
        with self.store.read() as work:
            ended = views.ended_views(work, unix_ms(self.world.clock.now()))
        if ended:
            with self.store.write() as work:
                did.changed.update(dict.fromkeys(views.close_views(work, self.store.tables, ended)))

    def _upload(self, did: Stepped) -> None:
        try:
            self._show_progress(self.send_batch(did))
        except Restored:
            did.queue_changed = True  # what the server lost goes first
        except (Unreachable, Refused) as error:
            self.running = Running()
            upload.postpone(self.store, self.world, error)
            self._put_off(error)

    def _show_progress(self, done: int) -> None:
        """A long queue that is being sent shows as activity, with how much of it is through."""
        with self.store.read() as work:
            left = upload.waiting(work)
        done += self.running.up[0]
        self.running = Running(active=True, up=(done, done + left)) if left else Running()

    def send_batch(self, did: Stepped) -> int:
        """One upload request. Returns how many entries it brought further. Raises Unreachable and Refused."""
        known = len(did.refused)
        brought = self._sender.send(did)
        self._log_sent(brought.further, did.refused[known:])
        if brought.answered:
            self.went_through()
        self._model_moved = self._model_moved or brought.ahead
        self.news = self.news or brought.ahead
        return brought.further

    def _log_sent(self, further: int, refused: list[int]) -> None:
        if further:
            self.log.say("uploaded", decided=further, refused=len(refused))
        if refused:
            with self.store.read() as work:
                for told in refusals(work, refused):
                    self.log.say("refused", Level.WARNING, **told)

    def hears(self, *, news: bool) -> None:
        """The stream of events is open; perhaps there are news."""
        if not self.stream_open:  # the server is there: what failed meanwhile waits no longer
            self.hurry()
        self.stream_open, self.news = True, self.news or news
        if news:
            self.woken.set()

    def brings(self, page: feed.Brought | None) -> None:
        """There are news: this page, or those that are to be asked for."""
        self.taken.clear()
        self._brought = page
        self.hears(news=True)

    def hears_nothing(self) -> None:
        """No stream of events is open any more: the next poll is due."""
        if self.stream_open:
            self.stream_open, self.news = False, True
            self.woken.set()

    def _read_feed(self, did: Stepped) -> None:
        self.news = False
        try:
            fed = self._next_page(did)
        except Restored:
            self.news = did.queue_changed = True
            return
        except (Unreachable, Refused) as error:
            self._put_off(error)
            return
        self.went_through()
        poll = STREAM_POLL_SECONDS if self.stream_open else fed.poll_seconds if fed else limits.POLL_SECONDS
        self._poll_at = self.world.clock.steady() + poll
        if fed is not None:
            did.take(fed.settled)
            self.news = self.news or fed.more
            if fed.orders:
                self._ordered, self._poll_at = True, self.world.clock.steady()

    def _follow_orders(self, did: Stepped) -> None:
        """Do what an admin wants of this device. Who cannot be reached is asked another time."""
        try:
            did.emptying = orders.follow(self.store, self.calls, lambda: self._send_all(did))
            self._ordered = did.emptying is not None
        except (Unreachable, Refused) as error:
            self._put_off(error)

    def _send_all(self, did: Stepped) -> None:
        """What waits, as far as the server takes it. Raises Unreachable."""
        with suppress(Refused):
            while self.ready and self.send_batch(did):
                pass

    def heed(self, error: Unreachable | Refused) -> None:
        """A refusal behind which an admin's wish may stand: it is asked for next."""
        if not self._ordered and isinstance(error, Refused) and error.problem.code in _ORDERING:
            self._ordered, self._poll_at = True, self.world.clock.steady()
            self.woken.set()

    def _next_page(self, did: Stepped) -> feed.Fed | None:
        """The next page of the feed. A data model that moved is fetched first, then the page is asked for again."""
        brought, self._brought = self._brought, None
        try:
            if not self._model_moved:
                return feed.read_page(self.store, self.calls, self.now(), brought=brought)
        except CatalogMoved:
            self._model_moved = True
        self.fetch_catalog(did)
        return feed.read_page(self.store, self.calls, self.now(), anyway=True)

    def fetch_catalog(self, did: Stepped) -> None:
        """Get the data model; every list may look different after it. Raises Unreachable and Refused."""
        self.running.phase = Phase.MODEL
        with self.reporting.modelling():
            did.changed.update(dict.fromkeys(fetch_catalog(self.store, self.calls, self.now())))
        did.objects |= {table.type.name for table in self.store.tables}
        self._model_moved = False

    def end_sync(self, report: SyncReport) -> SyncReport:
        """Keep the report of a sync that ended; the server is told of it by a later step, when nothing else is due."""
        report = self.reporting.end(report)
        self.sync_ended()
        return report

    def sync_ended(self) -> None:
        """A report that ended was kept."""
        self._untold = True
        self.woken.set()

    def went_through(self) -> None:
        """The server answered."""
        self._failures = 0

    def _put_off(self, error: Unreachable | Refused) -> None:
        """Nobody answered, or the server asked to wait."""
        self._failures += 1
        asked = error.retry_after_seconds if isinstance(error, Refused) else None
        wait = backoff.wait_seconds(self._failures, self.world.chance, asked=asked)
        self._poll_at = self.world.clock.steady() + wait
        self.news = False
        self.heed(error)
        if self._hurried and isinstance(error, Unreachable):  # it was on its way before the network was back
            self.hurry()

    def hurry(self) -> None:
        """The network is back: nothing waits for its time."""
        self._hurried = True
        with self.store.write() as work:
            upload.retry_now(work)
        self._poll_at, self._failures, self.news = self.world.clock.steady(), 0, True
        self.woken.set()
