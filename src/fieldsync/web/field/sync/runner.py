"""Syncs that a page started: each on a thread of its own, so that pages can show how far it is and cancel it.

What became of the last one stays here until the person has seen it (FEATURES G02, H08).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from fieldsync.base.ids import RecordId
from fieldsync.base.problems import Code, Problem, Refused, problem
from fieldsync.device import Device, PreparationState, SyncKind, SyncReport, Trigger
from fieldsync.device.media.media import MediaState
from fieldsync.web.field.sync.nightly import Night, is_due

JOIN_SECONDS = 3.0
OF_ROWS = (SyncKind.INITIAL, SyncKind.INCREMENTAL, SyncKind.FULL, SyncKind.VERIFY)
"""After one of these tonight needs none."""


@dataclass(frozen=True)
class Ended:
    """How a sync ended: its report, or why there is none."""

    kind: str
    report: SyncReport | None
    problem: Problem | None


@dataclass(frozen=True)
class Wish:
    """Files somebody or something asked for: of these records, or of all that `new` and `update` mean."""

    only: tuple[str, ...] = ()
    new: bool = True
    update: bool = True
    trigger: Trigger = Trigger.MANUAL


class Runner:
    """One at a time of each: a sync, an update, and files. `tell` is called when one has ended, and then the next may
    begin: what a page offers when it was told is not refused because a thread is still leaving."""

    def __init__(self, device: Device, tell: Callable[[], None]) -> None:
        self._device, self._tell = device, tell
        self._lock = threading.Lock()
        self._sync: threading.Thread | None = None
        self._update: threading.Thread | None = None
        self._media: threading.Thread | None = None
        self._busy = self._updating = False
        self._last: tuple[str, Callable[[], SyncReport]] | None = None
        self._wished: list[Wish] = []
        self._getting: Wish | None = None
        self.ended: Ended | None = None
        self.asked = False
        """Whether the person was asked, since the app was opened, to sync what is due."""
        self.told_of_media = False
        """Whether the person was told, since the app was opened, that files wait."""
        self.later = ""
        """The day by which everything is to be loaded anew, where the person put that off since the app was opened."""
        self.seen_errors: frozenset[int | str] = frozenset()
        """Errors the person was told of."""

    @property
    def running(self) -> bool:
        """Whether a sync that was started here runs."""
        return self._busy

    def start(self, kind: str, trigger: Trigger = Trigger.MANUAL) -> None:
        """Begin a sync. Raises Refused: SYNC_RUNNING, OFFLINE; what goes wrong later is in `ended`."""
        self._begin(kind, lambda: self._device.sync(kind, trigger))

    def rest(self, now: datetime, at_rest: timedelta, *, plugged_in: bool) -> None:
        """Nobody touched the app for so long: at night it may sync by itself (E17)."""
        account = self._device.account
        if account is None or not account.settings.nightly or self._busy:
            return
        last = next((r.started_at for r in self._device.syncs() if r.kind in OF_ROWS), None)
        zone, online = account.user.time_zone, self._device.online
        if is_due(Night(now, zone, online, plugged_in, at_rest, last)):
            with suppress(Refused):  # another one began meanwhile
                self.start("incremental", Trigger.IDLE)

    def again(self) -> None:
        """What was begun last, once more: a switch of territory is one thing, whatever of it failed. As `start`."""
        if self._last is None:
            self.start("incremental")
        else:
            self._begin(*self._last)

    def _begin(self, kind: str, work: Callable[[], SyncReport]) -> None:
        if not self._device.online:
            raise Refused(problem(Code.OFFLINE))
        with self._lock:
            if self._busy:
                raise Refused(problem(Code.SYNC_RUNNING))
            self.ended, self.asked, self._busy, self._last = None, True, True, (kind, work)
            self._sync = threading.Thread(target=self._run, args=(kind, work), name="fieldsync sync", daemon=True)
            self._sync.start()

    def _run(self, kind: str, work: Callable[[], SyncReport]) -> None:
        report, wrong = None, None
        try:
            report = work()
            wrong = report.problem
            self._follow_files(report)
        except Refused as refused:
            wrong = refused.problem
        finally:
            self.ended, self._busy = Ended(kind, report, wrong), False
            self._tell()

    def _follow_files(self, report: SyncReport) -> None:
        """With the rows come newer versions of files that are here, and files leave with theirs (L07, L08)."""
        plan = self._device.media.plan() if report.download_processed else None
        if plan is not None and (plan.update or plan.drop):
            account, size = self._device.account, sum(item.left for item in plan.update)
            most = account.settings.off_wifi_megabytes if account is not None else 0
            costly = self._device.foreground.is_costly(size, most)  # then the person starts it in the library
            self._wish(Wish(new=False, update=not costly, trigger=report.trigger))

    def media_waiting(self) -> int:
        """How many files wait that the person was not told of yet."""
        return 0 if self.told_of_media else self._device.media.waiting()[0]

    def switch(self, territory: RecordId | None) -> None:
        """Begin to work in another territory. Raises Refused: SYNC_RUNNING, OFFLINE."""
        self._begin("full", lambda: self._device.territories.switch(territory))

    def errors(self) -> frozenset[int | str]:
        """What was not accepted: saves and files."""
        files = (one.held.id for one in self._device.media.refused())
        return frozenset([*(entry.n for entry in self._device.errors()), *files])

    def saw_errors(self) -> None:
        """The person was told of every error there is now."""
        self.seen_errors = self.errors()
        self.ended = None if self.ended is not None and self.ended.report is not None else self.ended

    def opened(self) -> None:
        """The app was opened: the first opening of the day prepares an update by itself (E05)."""
        if self._device.updates.due():
            self.prepare(Trigger.FIRST_OF_DAY)

    def prepare(self, trigger: Trigger = Trigger.MANUAL) -> None:
        """Begin to prepare an update; one that runs goes on."""
        self._in_background(lambda: self._device.updates.prepare(trigger=trigger))

    def prepare_asked(self) -> None:
        """Prepare because the person asks. Raises Refused: AUTH, OFFLINE, SYNC_RUNNING; later the widget tells why."""
        if self._device.widget().signed_out:
            raise Refused(problem(Code.AUTH))
        if not self._device.online:
            raise Refused(problem(Code.OFFLINE))
        if self._busy:
            raise Refused(problem(Code.SYNC_RUNNING))
        self.prepare()

    def get_media(self, only: tuple[str, ...] = ()) -> None:
        """Begin to get files: of these records, or all; what is here is brought to its newest version. Asked while some
        come, it follows them."""
        self._wish(Wish(only))

    def media(self) -> MediaState:
        """How far the files are. What was asked for counts as on its way, before the first of it has come."""
        found = self._device.media.state()
        with self._lock:
            pending = bool(self._wished) or self._getting is not None
        return MediaState(active=True) if pending and not found.active else found

    def is_wished(self, record_id: str) -> bool:
        """Whether the file of this record was asked for, and it is not its turn yet."""
        with self._lock:
            wishes = [*self._wished, *([self._getting] if self._getting is not None else [])]
        return any(record_id in wish.only for wish in wishes)

    def _wish(self, wish: Wish) -> None:
        with self._lock:
            self._wished.append(wish)
            if self._media is None:
                self._media = threading.Thread(target=self._files, name="fieldsync media", daemon=True)
                self._media.start()

    def stop_media(self) -> None:
        """Enough of it; what came stays."""
        with self._lock:
            self._wished.clear()
        self._device.media.cancel()

    def _files(self) -> None:
        try:
            while (wish := self._next_wish()) is not None:
                with suppress(Refused):  # the library tells why
                    for one in wish.only or (None,):
                        self._device.media.sync(only=one, new=wish.new, update=wish.update, trigger=wish.trigger)
        finally:
            with self._lock:
                if self._media is threading.current_thread():
                    self._media = self._getting = None
            self._tell()

    def _next_wish(self) -> Wish | None:
        """What to get now; None: this thread ends, and the next wish begins another."""
        with self._lock:
            self._getting = self._wished.pop(0) if self._wished else None
            self._media = self._media if self._getting is not None else None
            return self._getting

    def apply(self) -> None:
        """Begin to apply the prepared update."""
        if self._device.updates.state().state is PreparationState.READY:
            self._in_background(self._device.updates.apply)

    def _in_background(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except Refused:
                pass  # the Status widget tells why
            finally:
                self._updating = False
                self._tell()

        with self._lock:
            if not self._updating:
                self._updating = True
                self._update = threading.Thread(target=run, name="fieldsync update", daemon=True)
                self._update.start()

    def close(self) -> None:
        """The app stops: what runs is canceled."""
        self._device.cancel_sync()
        self._device.updates.cancel()
        self.stop_media()
        for thread in (self._sync, self._update, self._media):
            if thread is not None:
                thread.join(JOIN_SECONDS)
